"""One signal of each kind, with events that use every field."""

from __future__ import annotations

from decimal import Decimal

from tests.fakes.ingest_harness import ADA, NOW, event_of, identify, wire
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.messages.message import MessageStatus
from waypost.domain.runs.timers import Timer
from waypost.domain.signals import (
    CustomerReleased,
    ErasureContinued,
    EventsArrived,
    JourneyResumed,
    LinkUsed,
    MessageReported,
    MessageSettled,
    Signal,
    TimerDue,
)

EVENTS = (
    event_of(identify(plan="pro", **{"$anon_distinct_id": "device-2"}) | {"$fcm": {"iosDeviceToken": "tokI"}}),
    event_of(wire("$opened", source="message", uuid="E621E1F8-C36C-495A-93FC-0C247A3E6E5F", payload={"messageId": "msg_1"})),
    event_of(wire(payload={"exact": Decimal("0.10"), "text": "\ufffe\u0000é🎉", "none": None})),
)
TIMER = Timer("w1", "c_1", Identifier("primary", ADA), "r_1", "wait", 2, 1, NOW)
ARRIVED = EventsArrived("w1", "c_1", Identifier("primary", ADA), known=True, received_at=NOW, historical=False, events=EVENTS)
RESUMED = JourneyResumed("w1", "welcome", 7, 1, "messages", "2026#x")
RELEASED = CustomerReleased("w1", "c_1", TIMER.lookup_id, "welcome", 7, 1)
SIGNALS: tuple[Signal, ...] = (
    ARRIVED,
    MessageSettled("w1", "c_1", TIMER.lookup_id, "r_1", "hello", 1, "msg_1", MessageStatus.SENT),
    TimerDue(TIMER),
    RESUMED,
    RELEASED,
    ErasureContinued("w1", "c_1", 3),
    MessageReported("w1", "c_1", TIMER.lookup_id, "r_1", "hello", 1, "msg_1", "clicked", "https://example.com/cart?x=1", NOW),
    LinkUsed("w1", "c_1", "email", "f0e1", ("offers",), ("news", "*"), confirmed=True, at=NOW),
)
"""One signal of each kind."""
