"""A stage for one customer and one journey: events happen, time passes, and the way that the run took is read back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from tests.fakes.messages import NOW
from waypost.domain.customers.customer import Row, head_key
from waypost.domain.customers.facts import fact, set_stamp
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.customers.schema import Schema
from waypost.domain.intake.batch_parser import Arrival, parse
from waypost.domain.intake.events import Accepted
from waypost.domain.journeys.journey import Journey
from waypost.domain.runs.context import Released
from waypost.domain.runs.run import Run
from waypost.domain.runs.simulation import Happening, Simulation

END = {"id": "end", "type": "exit"}
ADA = Identifier("primary", "ada")
SCHEMA = Schema()


def event(name: str, at: datetime, *, uuid: str | None = None, source: str = "custom", **payload: Any) -> Happening:
    """An event of Ada's, accepted when it happened."""
    raw = {"event": name, "correlationKey": "_id", "correlationValue": "phone", "payload": payload, "source": source}
    arrival = Arrival("w1", SCHEMA, at, uuid or f"{name}-{at.isoformat()}-{sorted(payload.items())}")
    [entry] = parse({"batch": [raw | {"uuid": uuid or arrival.request_id[:100]}]}, arrival).entries
    assert isinstance(entry, Accepted)
    return Happening(at, entry.event)


def play(
    steps: Sequence[Mapping[str, Any]],
    *happenings: Happening,
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
    person = Row(head_key("w1", ADA), customer, rev=1, facts=facts)
    simulation = Simulation(Released(Journey.model_validate(whole), 1), Schema(timezone=zone), person)
    simulation.play(happenings)
    return simulation


def way(simulation: Simulation) -> list[tuple[str, str, timedelta]]:
    """The only run's steps: where, why, and how long after the first."""
    [run] = simulation.runs.values()
    return [(each.step, each.reason.value, each.at - run.entered_at) for each in run.trail]


def reached(simulation: Simulation, step: str) -> datetime | None:
    """When the only run came to a step first."""
    [run] = simulation.runs.values()
    return next((each.at for each in run.trail if each.step == step), None)


def only(simulation: Simulation) -> Run:
    """The only run."""
    [run] = simulation.runs.values()
    return run
