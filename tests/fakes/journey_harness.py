"""A stage for one customer and one journey: events happen, time passes, and the way that the run took is read back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from tests.fakes.messages import NOW
from waypost.domain.customers.facts import fact, set_stamp
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.customers.rows import Row, head_key
from waypost.domain.customers.schema import Schema
from waypost.domain.intake.batch_parser import RequestContext, parse
from waypost.domain.intake.events import Accepted
from waypost.domain.journeys.journey import Journey
from waypost.domain.runs.context import JourneyVersion
from waypost.domain.runs.run import Run
from waypost.domain.runs.simulation import Simulation, TimedEvent

END = {"id": "end", "type": "exit"}
ADA = Identifier("primary", "ada")
SCHEMA = Schema()


def event(name: str, at: datetime, *, uuid: str | None = None, source: str = "custom", **payload: Any) -> TimedEvent:
    """An event of Ada's, accepted when it happened."""
    raw = {"event": name, "correlationKey": "_id", "correlationValue": "phone", "payload": payload, "source": source}
    request_context = RequestContext("w1", SCHEMA, at, uuid or f"{name}-{at.isoformat()}-{sorted(payload.items())}")
    [entry] = parse({"batch": [raw | {"uuid": uuid or request_context.request_id[:100]}]}, request_context).results
    assert isinstance(entry, Accepted)
    return TimedEvent(at, entry.event)


def play(
    steps: Sequence[Mapping[str, Any]],
    *happenings: TimedEvent,
    attributes: Mapping[str, Any] | None = None,
    zone: str = "UTC",
    customer: str = "c_1",
    **journey: Any,
) -> Simulation:
    """What becomes of Ada in a journey of these steps that `go` opens, without an end unless one is given."""
    whole = {"id": "j", "entry": {"event": "go"}, "steps": [*steps], **journey}
    if not any(step["type"] == "exit" for step in steps):
        whole["steps"].append(END)
    facts = {f"a:{name}": fact(set_stamp(NOW - timedelta(days=1), "x"), value) for name, value in (attributes or {}).items()}
    person = Row(head_key("w1", ADA), customer, revision=1, facts=facts)
    simulation = Simulation(JourneyVersion(Journey.model_validate(whole), 1), Schema(timezone=zone), person)
    simulation.play(happenings)
    return simulation


def way(simulation: Simulation) -> list[tuple[str, str, timedelta]]:
    """The only run's steps: where, why, and how long after the first."""
    [run] = simulation.runs.values()
    return [(each.step, each.reason.value, each.at - run.entered_at) for each in run.history]


def reached(simulation: Simulation, step: str) -> datetime | None:
    """When the only run came to a step first."""
    [run] = simulation.runs.values()
    return next((each.at for each in run.history if each.step == step), None)


def only(simulation: Simulation) -> Run:
    """The only run."""
    [run] = simulation.runs.values()
    return run
