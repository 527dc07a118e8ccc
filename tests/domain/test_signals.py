"""What travels on the queue comes out as it went in."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.fakes.ingest_harness import ADA, NOW, event_of, identify, wire
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.messages.message import MessageStatus
from waypost.domain.runs.timers import Timer
from waypost.domain.signals import (
    CustomerReleased,
    EventsArrived,
    JourneyResumed,
    MessageSettled,
    Signal,
    TimerDue,
    apart,
    from_wire,
    to_queue_message,
    to_wire,
)
from waypost.domain.values import exact_json

EVENTS = (
    event_of(identify(plan="pro", **{"$anon_distinct_id": "device-2"}) | {"$fcm": {"iosDeviceToken": "tokI"}}),
    event_of(wire("$opened", source="message", uuid="E621E1F8-C36C-495A-93FC-0C247A3E6E5F", payload={"messageId": "msg_1"})),
    event_of(wire(payload={"exact": Decimal("0.10"), "text": "\ufffe\u0000é🎉", "none": None})),
)
SIGNAL = EventsArrived("w1", "c_1", Identifier("primary", ADA), known=True, received_at=NOW, historical=False, events=EVENTS)


def test_a_signal_comes_back_as_it_was() -> None:
    """Every field, exact numbers and odd characters included."""
    assert from_wire(exact_json.loads(to_queue_message(SIGNAL).body)) == SIGNAL


def test_a_signal_on_the_wire_is_plain_ascii() -> None:
    """The queue refuses some characters that JSON may hold."""
    assert to_queue_message(SIGNAL).body.isascii()
    assert to_queue_message(SIGNAL).body.isprintable()


def test_the_same_events_have_the_same_name() -> None:
    """By it the queue knows a batch that is sent twice; other events have another."""
    assert to_queue_message(SIGNAL).name == SIGNAL.name
    assert len({SIGNAL.name, *(one.name for one in apart(SIGNAL) if isinstance(one, EventsArrived))}) == 4


def test_a_signal_of_one_kind_only_is_known() -> None:
    """An unknown one is parked, not guessed at."""
    with pytest.raises(KeyError):
        from_wire(to_wire(SIGNAL) | {"kind": "weather"})


TIMER = Timer("w1", "c_1", Identifier("primary", ADA), "r_1", "wait", 2, 1, NOW)
OTHERS = (
    TimerDue(TIMER),
    MessageSettled("w1", "c_1", TIMER.lookup_id, "r_1", "hello", 1, "msg_1", MessageStatus.SENT),
    JourneyResumed("w1", "welcome", 7, 1, "messages", "2026#x"),
    CustomerReleased("w1", "c_1", TIMER.lookup_id, "welcome", 7, 1),
)


@pytest.mark.parametrize("signal", OTHERS, ids=lambda signal: type(signal).__name__)
def test_signals_that_are_no_events_come_back_as_they_were(signal: Signal) -> None:
    """In their customer's group, or in one of their own."""
    sent = to_queue_message(signal)
    assert from_wire(exact_json.loads(sent.body)) == signal
    assert sent.group.isascii()
    assert len(sent.group) <= 128
    assert len(sent.name) <= 64


def test_two_parts_of_a_resume_are_two_signals() -> None:
    """The queue would swallow the second of one name; all of them share one group."""
    parts = [JourneyResumed("w1", "welcome", revision, pass_number) for revision in (1, 2) for pass_number in (0, 1)]
    parts += [replace(parts[0], phase="messages"), replace(parts[0], after="x")]
    assert len({part.name for part in parts}) == 6
    assert {part.customer for part in parts} == {parts[0].customer}
    assert len({replace(OTHERS[3], pass_number=pass_number).name for pass_number in (0, 1)}) == 2
