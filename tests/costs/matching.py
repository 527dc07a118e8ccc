"""How long the rules take: finding the journeys that an event concerns, entering one, and moving on in one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from waypost.domain.customers.customer import Customer
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.intake.event_codec import event_from_wire
from waypost.domain.journeys.conditions import All
from waypost.domain.journeys.journey import Journey, parse
from waypost.domain.journeys.trigger_index import TriggerIndex
from waypost.domain.runs.context import JourneyVersion, StepContext
from waypost.domain.runs.entry_rules import enter
from waypost.domain.runs.transition import Transition, advance_on_event

PAYLOAD = {"kind": "order", "product": 7, "total": 11}
EVENT: dict[str, Any] = {"name": "bought", "payload": PAYLOAD, "uuid": "u", "timestamp": "2026-11-23T05:17:13.001Z", "source": "custom"}
WIRE = {**EVENT, "event": "bought", "kind": "trigger", "id": ["primary", "ada@example.com"], "at": EVENT["timestamp"]}
MAIL = {"id": "mail", "type": "message", "channel": "email", "template": {"subject": "Thanks", "text": "Thank you."}, "next": "end"}
END = {"id": "end", "type": "exit"}


def finding(journeys: int) -> float:
    """Seconds to find the one journey, of so many on the same event, that asks for an event's product."""
    index = TriggerIndex(_journeys(journeys))
    if len(index.candidates("bought", "custom", PAYLOAD, "UTC")) != 1:
        raise RuntimeError("exactly one journey asks for this product")
    return _quickest(lambda: index.candidates("bought", "custom", PAYLOAD, "UTC"))


def entering() -> float:
    """Seconds to decide that a customer enters a journey, is owed its mail, and leaves."""
    journey_version, context, arrived = JourneyVersion(_journey(MAIL, END), 1), _scene(), event_from_wire(WIRE)
    if not isinstance(enter(journey_version, (), arrived, context), Transition):
        raise TypeError("nobody entered")
    return _quickest(lambda: enter(journey_version, (), arrived, context))


def advancing() -> float:
    """Seconds to decide that an event moves a run that waits for it, and that the run is owed a mail and ends."""
    wait = {
        "id": "wait",
        "type": "waitUntil",
        "branches": [{"event": "bought", "next": "mail"}],
        "timeout": {"after": "P3D", "next": "end"},
    }
    journey_version, context = JourneyVersion(_journey(wait, MAIL, END), 1), _scene()
    entered = enter(journey_version, (), event_from_wire(WIRE), context)
    if not isinstance(entered, Transition) or advance_on_event(journey_version, entered.run, context, paused=False) is None:
        raise TypeError("nobody waits for this")
    return _quickest(lambda: advance_on_event(journey_version, entered.run, context, paused=False))


def _scene() -> StepContext:
    lookup_id = Identifier("primary", "ada@example.com")
    customer = Customer("w", "c", lookup_id, "ada@example.com", ("device-1",), {"email": "ada@example.com"}, {})
    return StepContext(customer, EVENT, datetime.now(UTC), "UTC")


def _journeys(number: int) -> Iterator[tuple[Journey, int]]:
    """Journeys on the same event that each ask for a product of their own. One is parsed; the others are its copies, which is quicker."""
    first = _journey(MAIL, END)
    conditions = first.entry.conditions
    if not isinstance(conditions, All):
        raise TypeError("no list of conditions")
    kind, wanted, total = conditions.all
    for product in range(number):
        asked = conditions.model_copy(update={"all": (kind, wanted.model_copy(update={"value": product}), total)})
        yield first.model_copy(update={"id": f"j{product}", "entry": first.entry.model_copy(update={"conditions": asked})}), 1


def _journey(*steps: dict[str, Any]) -> Journey:
    conditions = {
        "all": [
            {"property": "payload.kind", "operator": "is equal to", "value": "order"},
            {"property": "payload.product", "operator": "is equal to", "value": PAYLOAD["product"]},
            {"property": "payload.total", "operator": "is greater than", "value": 10},
        ]
    }
    entry = {"event": "bought", "conditions": conditions}
    made = parse({"id": "thanks", "entry": entry, "steps": list(steps)})
    if not isinstance(made, Journey):
        raise TypeError(f"no journey: {made}")
    return made


def _quickest(work: Callable[[], object]) -> float:
    """Seconds of one call: the best of several rounds, which is what the code itself takes."""
    return min(_seconds(work) for _ in range(7))


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    for _ in range(1000):
        work()
    return (time.perf_counter() - started) / 1000
