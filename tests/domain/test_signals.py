"""What travels on the queue comes out as it went in."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.fakes.intake import ADA, NOW, event_of, identify, wire
from waypost.domain import json
from waypost.domain.identity import Identifier
from waypost.domain.signals import EventsArrived, apart, from_wire, parcel, to_wire

EVENTS = (
    event_of(identify(plan="pro", **{"$anon_distinct_id": "device-2"}) | {"$fcm": {"iosDeviceToken": "tokI"}}),
    event_of(wire("$opened", source="message", uuid="E621E1F8-C36C-495A-93FC-0C247A3E6E5F", payload={"messageId": "msg_1"})),
    event_of(wire(payload={"exact": Decimal("0.10"), "text": "\ufffe\u0000é🎉", "none": None})),
)
SIGNAL = EventsArrived("w1", "c_1", Identifier("primary", ADA), known=True, received_at=NOW, historical=False, events=EVENTS)


def test_a_signal_comes_back_as_it_was() -> None:
    """Every field, exact numbers and odd characters included."""
    assert from_wire(json.loads(parcel(SIGNAL).body)) == SIGNAL


def test_a_signal_on_the_wire_is_plain_ascii() -> None:
    """The queue refuses some characters that JSON may hold."""
    assert parcel(SIGNAL).body.isascii()
    assert parcel(SIGNAL).body.isprintable()


def test_the_same_events_have_the_same_name() -> None:
    """By it the queue knows a batch that is sent twice; other events have another."""
    assert parcel(SIGNAL).name == SIGNAL.name
    assert len({SIGNAL.name, *(one.name for one in apart(SIGNAL) if isinstance(one, EventsArrived))}) == 4


def test_a_signal_of_one_kind_only_is_known() -> None:
    """An unknown one is parked, not guessed at."""
    with pytest.raises(KeyError):
        from_wire(to_wire(SIGNAL) | {"kind": "weather"})
