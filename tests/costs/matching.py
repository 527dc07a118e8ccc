"""Times the domain: to find the journeys that an event may enter, to enter one, and to advance a run."""

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
NOW = datetime(2026, 11, 23, 5, 17, 13, tzinfo=UTC)


def seconds_to_find(journeys: int) -> float:
    """Seconds to find the journey that an event may enter, among `journeys` on the same event that each require another product."""
    index = TriggerIndex(_journeys(journeys))
    if len(index.candidates("bought", "custom", PAYLOAD, "UTC", NOW)) != 1:
        raise RuntimeError("not exactly one journey requires this product")
    return _least_seconds(lambda: index.candidates("bought", "custom", PAYLOAD, "UTC", NOW))


def seconds_to_enter() -> float:
    """Seconds to compute that a customer enters a journey, gets its e-mail, and exits."""
    journey_version, context, event = JourneyVersion(_journey(MAIL, END), 1), _context(), event_from_wire(WIRE)
    if not isinstance(enter(journey_version, (), event, context), Transition):
        raise TypeError("the customer did not enter the journey")
    return _least_seconds(lambda: enter(journey_version, (), event, context))


def seconds_to_advance() -> float:
    """Seconds to compute that an event advances a run that waits for it, and that the run sends an e-mail and exits."""
    wait = {
        "id": "wait",
        "type": "waitUntil",
        "branches": [{"event": "bought", "next": "mail"}],
        "timeout": {"after": "P3D", "next": "end"},
    }
    journey_version, context = JourneyVersion(_journey(wait, MAIL, END), 1), _context()
    entered = enter(journey_version, (), event_from_wire(WIRE), context)
    if not isinstance(entered, Transition) or advance_on_event(journey_version, entered.run, context, paused=False) is None:
        raise TypeError("the event did not advance the run")
    return _least_seconds(lambda: advance_on_event(journey_version, entered.run, context, paused=False))


def _context() -> StepContext:
    lookup_id = Identifier("primary", "ada@example.com")
    customer = Customer("w", "c", lookup_id, "ada@example.com", ("device-1",), {"email": "ada@example.com"}, {})
    return StepContext(customer, EVENT, datetime.now(UTC), "UTC")


def _journeys(number: int) -> Iterator[tuple[Journey, int]]:
    """Journeys on the same event that each require another product. One is parsed and the others are copies, because that is faster."""
    first = _journey(MAIL, END)
    conditions = first.entry.conditions
    if not isinstance(conditions, All):
        raise TypeError("the conditions are not a list")
    kind, wanted, total = conditions.all
    for product in range(number):
        own = conditions.model_copy(update={"all": (kind, wanted.model_copy(update={"value": product}), total)})
        yield first.model_copy(update={"id": f"j{product}", "entry": first.entry.model_copy(update={"conditions": own})}), 1


def _journey(*steps: dict[str, Any]) -> Journey:
    conditions = {
        "all": [
            {"property": "payload.kind", "operator": "is equal to", "value": "order"},
            {"property": "payload.product", "operator": "is equal to", "value": PAYLOAD["product"]},
            {"property": "payload.total", "operator": "is greater than", "value": 10},
        ]
    }
    entry = {"event": "bought", "conditions": conditions}
    journey = parse({"id": "thanks", "entry": entry, "steps": list(steps)})
    if not isinstance(journey, Journey):
        raise TypeError(f"the definition is invalid: {journey}")
    return journey


def _least_seconds(work: Callable[[], object]) -> float:
    """Seconds of one call in the fastest of several rounds, which other processes have disturbed least."""
    return min(_seconds_of_round(work) for _ in range(7))


def _seconds_of_round(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    for _ in range(1000):
        work()
    return (time.perf_counter() - started) / 1000
