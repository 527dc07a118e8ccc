"""How long the rules take: finding the journeys that an event concerns, and entering one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from waypost.domain.conditions import All
from waypost.domain.customers import Customer
from waypost.domain.entries import enter
from waypost.domain.event_wire import event_from_wire
from waypost.domain.identity import Identifier
from waypost.domain.index import Index
from waypost.domain.journeys import Journey, parse
from waypost.domain.scenes import Released, Scene
from waypost.domain.transition import Transition

PAYLOAD = {"kind": "order", "product": 7, "total": 11}


def finding(journeys: int) -> float:
    """Seconds to find the one journey, of so many on the same event, that asks for an event's product."""
    index = Index(_journeys(journeys))
    if len(index.candidates("bought", "custom", PAYLOAD, "UTC")) != 1:
        raise RuntimeError("exactly one journey asks for this product")
    return _quickest(lambda: index.candidates("bought", "custom", PAYLOAD, "UTC"))


def entering() -> float:
    """Seconds to decide that a customer enters a journey, is owed its mail, and leaves."""
    known_as = Identifier("primary", "ada@example.com")
    customer = Customer("w", "c", known_as, "ada@example.com", ("device-1",), {"email": "ada@example.com"}, {})
    event: dict[str, Any] = {"name": "bought", "payload": PAYLOAD, "uuid": "u", "timestamp": "2026-11-23T05:17:13.001Z", "source": "custom"}
    scene = Scene(customer, event, datetime.now(UTC), "UTC")
    wire = {**event, "event": "bought", "kind": "trigger", "id": ["primary", known_as.value], "at": event["timestamp"]}
    released, arrived = Released(_journey(), 1), event_from_wire(wire)
    if not isinstance(enter(released, (), arrived, scene), Transition):
        raise TypeError("nobody entered")
    return _quickest(lambda: enter(released, (), arrived, scene))


def _journeys(number: int) -> Iterator[tuple[Journey, int]]:
    """Journeys on the same event that each ask for a product of their own. One is parsed; the others are its copies, which is quicker."""
    first = _journey()
    conditions = first.entry.conditions
    if not isinstance(conditions, All):
        raise TypeError("no list of conditions")
    kind, wanted, total = conditions.all
    for product in range(number):
        asked = conditions.model_copy(update={"all": (kind, wanted.model_copy(update={"value": product}), total)})
        yield first.model_copy(update={"id": f"j{product}", "entry": first.entry.model_copy(update={"conditions": asked})}), 1


def _journey() -> Journey:
    conditions = {
        "all": [
            {"property": "payload.kind", "operator": "is equal to", "value": "order"},
            {"property": "payload.product", "operator": "is equal to", "value": PAYLOAD["product"]},
            {"property": "payload.total", "operator": "is greater than", "value": 10},
        ]
    }
    mail = {"id": "mail", "type": "message", "channel": "email", "template": {"subject": "Thanks", "text": "Thank you."}, "next": "end"}
    entry = {"event": "bought", "conditions": conditions}
    made = parse({"id": "thanks", "entry": entry, "steps": [mail, {"id": "end", "type": "exit"}]})
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
