"""Plays a journey for one customer without a matcher: by the dry run over any time, or by the entry rules for a single event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from tests.fakes.journeys import journey, message
from tests.fakes.messages import NOW
from waypost.domain.customers.customer import Customer
from waypost.domain.customers.facts import fact, set_stamp
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.customers.rows import Row, head_key
from waypost.domain.customers.schema import Schema
from waypost.domain.intake.batch_parser import RequestContext, parse
from waypost.domain.intake.events import Accepted, Event, Kind
from waypost.domain.journeys.journey import Journey
from waypost.domain.reasons import Reason
from waypost.domain.runs.context import JourneyVersion, StepContext, event_snapshot
from waypost.domain.runs.entry_rules import enter
from waypost.domain.runs.run import Run
from waypost.domain.runs.simulation import Simulation, TimedEvent, TimedReport
from waypost.domain.runs.transition import Transition

END = {"id": "end", "type": "exit"}
ADA = Identifier("primary", "ada")
SCHEMA = Schema()
CUSTOMER = Customer("w1", "c_1", Identifier("primary", "ada@example.com"), "Ada@example.com", (), {"city": "Paris"}, {})


def event(name: str, at: datetime, *, uuid: str | None = None, source: str = "custom", **payload: Any) -> TimedEvent:
    """An event of Ada's, accepted when it happened."""
    raw = {"event": name, "correlationKey": "_id", "correlationValue": "phone", "payload": payload, "source": source}
    request_context = RequestContext("w1", SCHEMA, at, uuid or f"{name}-{at.isoformat()}-{sorted(payload.items())}")
    [entry] = parse({"batch": [raw | {"uuid": uuid or request_context.invocation_id[:100]}]}, request_context).results
    assert isinstance(entry, Accepted)
    return TimedEvent(at, entry.event)


def play(
    steps: Sequence[Mapping[str, Any]],
    *events: TimedEvent | TimedReport,
    attributes: Mapping[str, Any] | None = None,
    zone: str = "UTC",
    customer: str = "c_1",
    **fields: Any,
) -> Simulation:
    """The dry run of these events and reports for Ada, in a journey of these steps that the event `go` starts.

    An exit step `end` is added if the steps have no exit. `fields` are further fields of the definition, such as `quietHours`.
    """
    definition = {"id": "j", "entry": {"event": "go"}, "steps": [*steps], **fields}
    if not any(step["type"] == "exit" for step in steps):
        definition["steps"].append(END)
    facts = {f"a:{name}": fact(set_stamp(NOW - timedelta(days=1), "x"), value) for name, value in (attributes or {}).items()}
    row = Row(head_key("w1", ADA), customer, revision=1, facts=facts)
    simulation = Simulation(JourneyVersion(Journey.model_validate(definition), 1), Schema(timezone=zone), row)
    simulation.play(events)
    return simulation


def only_run(simulation: Simulation) -> Run:
    """The only run."""
    [run] = simulation.runs.values()
    return run


def visits_of(simulation: Simulation) -> list[tuple[str, str, timedelta]]:
    """The visits of the only run: step, reason, and how long after the entry."""
    run = only_run(simulation)
    return [(visit.step, visit.reason.value, visit.at - run.entered_at) for visit in run.history]


def first_visit(simulation: Simulation, step: str) -> datetime | None:
    """When the only run first reached a step; None if it did not."""
    return next((visit.at for visit in only_run(simulation).history if visit.step == step), None)


def signed_up(uuid: str = "e1", **payload: Any) -> Event:
    """An event `signed_up` of the customer `CUSTOMER`."""
    return Event(uuid, "signed_up", Kind.TRIGGER, Identifier("correlation", "device-1"), "custom", payload, NOW, {})


def enter_journey(
    definition: Journey, *runs: Run, uuid: str = "e1", after: timedelta = timedelta(0), **payload: Any
) -> Transition | Reason:
    """The result of the entry rules for an event `signed_up` at `NOW` plus `after`, for a customer who has these runs of the journey."""
    entry_event = signed_up(uuid, **payload)
    context = StepContext(CUSTOMER, event_snapshot(entry_event), NOW + after, "UTC")
    return enter(JourneyVersion(definition, 3), runs, entry_event, context)


def entered(definition: Journey, *runs: Run, uuid: str = "e1", after: timedelta = timedelta(0), **payload: Any) -> Transition:
    """The same where the event must start a run."""
    result = enter_journey(definition, *runs, uuid=uuid, after=after, **payload)
    assert isinstance(result, Transition), result
    return result


def journey_that_waits_for_its_message(name: str = "welcome", **entry: Any) -> Journey:
    """A journey whose runs wait in the step `hello` for the outcome of its message."""
    return journey(name, steps=[message("hello", "end", onFailure="sorry"), message("sorry", "end"), END], **entry)
