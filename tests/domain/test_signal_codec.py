"""The JSON of signals: it is read as it was written, and what a newer version wrote is recognised and never misread."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.fakes.signal_examples import ARRIVED, EVENTS, SIGNALS
from waypost.domain.errors import NewerFormatError
from waypost.domain.intake.event_codec import event_to_wire
from waypost.domain.signal_codec import (
    EVENT_SHAPE,
    SHAPES,
    from_body,
    from_delays_record,
    from_wire,
    packed,
    to_delays_record,
    to_queue_message,
    to_text,
    to_wire,
)
from waypost.domain.signals import QueueMessage, Signal
from waypost.domain.values import exact_json

OF_EACH_KIND = pytest.mark.parametrize("signal", SIGNALS, ids=lambda signal: type(signal).__name__)


def with_event_field(key: str, value: Any) -> dict[str, Any]:
    """The JSON of events of which the last has one more field, or another value of one."""
    wire = to_wire(ARRIVED)
    return {**wire, "events": [*wire["events"][:-1], {**wire["events"][-1], key: value}]}


@OF_EACH_KIND
def test_a_signal_is_read_as_it_was_written(signal: Signal) -> None:
    """Every field of every kind comes back, exact numbers and characters that JSON escapes included, whether packed or plain."""
    text = to_text(signal)
    assert from_body(text) == from_body(packed(text)) == signal


def test_a_long_body_is_packed_and_read_the_same() -> None:
    """A body over 48 KB travels compressed and is the same signal."""
    signal = replace(ARRIVED, events=tuple(replace(EVENTS[0], payload={"n": "x" * 60_000}) for _ in range(2)))
    assert not packed(to_text(signal)).startswith("{")
    assert from_body(packed(to_text(signal))) == signal


def test_a_body_is_printable_ascii() -> None:
    """SQS refuses some characters that JSON may hold, so the body escapes all but printable ASCII."""
    body = to_queue_message(ARRIVED).body
    assert body.isascii()
    assert body.isprintable()


@OF_EACH_KIND
def test_the_keys_of_a_kind_are_the_keys_that_are_written(signal: Signal) -> None:
    """No kind declares a key that it does not write, and none writes a key that its own reader would take for a newer version's."""
    wire = to_wire(signal)
    assert wire.keys() - {"format"} == SHAPES[wire["kind"]].keys


def test_each_kind_has_a_shape_and_an_example_here() -> None:
    """The tests of this file cover every kind that the reader knows."""
    assert {to_wire(signal)["kind"] for signal in SIGNALS} == SHAPES.keys()


def test_the_keys_of_an_event_are_the_keys_that_are_written() -> None:
    """An event with facts and an identification holds all keys that the shape of events declares."""
    assert event_to_wire(EVENTS[0]).keys() == EVENT_SHAPE.keys


OF_EACH_KIND_OF_FORMAT_1 = pytest.mark.parametrize("signal", SIGNALS[:5], ids=lambda signal: type(signal).__name__)


@OF_EACH_KIND_OF_FORMAT_1
@pytest.mark.parametrize("format_number", [2, 0, "2", None])
def test_another_format_number_is_a_newer_version(signal: Signal, format_number: Any) -> None:
    """Whatever stands under `format`, but 1, is not guessed at, even if all other keys are known."""
    with pytest.raises(NewerFormatError):
        from_wire({**to_wire(signal), "format": format_number})


def test_a_kind_of_a_later_format_is_written_with_its_number() -> None:
    """A version that does not know the kind sees the number; without the number, or with another one, this version does not read it."""
    wire = to_wire(SIGNALS[5])
    assert wire["format"] == 2
    for number in ({}, {"format": 1}, {"format": 3}):
        with pytest.raises(NewerFormatError):
            from_wire({key: value for key, value in wire.items() if key != "format"} | number)


@OF_EACH_KIND_OF_FORMAT_1
def test_the_number_one_is_the_format_without_a_number(signal: Signal) -> None:
    """A message of format 1 may say so."""
    assert from_wire({**to_wire(signal), "format": 1}) == signal


@OF_EACH_KIND
def test_an_unknown_key_is_a_newer_version(signal: Signal) -> None:
    """A key that this version does not know has a meaning for the version that wrote it, so the signal is not processed without it."""
    with pytest.raises(NewerFormatError, match="brand_new"):
        from_wire({**to_wire(signal), "brand_new": 1})


def test_an_unknown_key_of_an_event_is_a_newer_version() -> None:
    """Keys of events are checked as well, in each event of the signal."""
    with pytest.raises(NewerFormatError, match="brand_new"):
        from_wire(with_event_field("brand_new", 1))


@pytest.mark.parametrize(
    "wire",
    [
        {**to_wire(ARRIVED), "kind": "postcard"},
        {"kind": "postcard"},
        with_event_field("kind", "alias"),
        {**to_wire(SIGNALS[1]), "status": "lost"},
        {**to_wire(SIGNALS[3]), "stage": "timers"},
    ],
    ids=["kind of signal", "kind of signal alone", "kind of event", "status of a message", "phase of a resume"],
)
def test_an_unknown_word_of_a_closed_list_is_a_newer_version(wire: dict[str, Any]) -> None:
    """A version that adds a member to one of these lists writes it into signals, so an unknown member is retried like an unknown key."""
    with pytest.raises(NewerFormatError):
        from_wire(wire)


def test_an_unknown_key_counts_more_than_a_missing_one() -> None:
    """A newer version that renamed a key is recognised by the new name."""
    wire = to_wire(SIGNALS[1])
    with pytest.raises(NewerFormatError):
        from_wire({"outcome": wire.pop("status"), **wire})


def test_the_keys_of_payload_and_facts_are_free() -> None:
    """Callers choose the keys of payloads and attributes: they say nothing about the version."""
    event = replace(EVENTS[0], payload={"brand_new": {"format": 2}}, facts={"a:brand_new": "10mwstdfahhdej1"})
    signal = replace(ARRIVED, events=(event,))
    assert from_body(to_text(signal)) == signal


@pytest.mark.parametrize(
    "value",
    [
        "text",
        None,
        [],
        {},
        {"kind": None},
        {"kind": 5},
        {"kind": ["events"]},
        {"kind": "events"},
        {**to_wire(ARRIVED), "events": 5},
        {**to_wire(ARRIVED), "events": [5]},
        {**to_wire(ARRIVED), "events": [{}]},
        {**to_wire(ARRIVED), "receivedAt": "yesterday"},
        {**to_wire(SIGNALS[1]), "known_as": "ada"},
        {**to_wire(SIGNALS[1]), "status": 5},
        {**to_wire(SIGNALS[2]), "due": None},
    ],
    ids=lambda value: exact_json.dumps(value)[:40],
)
def test_what_no_version_wrote_is_no_newer_version(value: Any) -> None:
    """A missing key or a wrong type raises an error that is not NewerFormatError, so the record is parked."""
    with pytest.raises((KeyError, TypeError, ValueError, AttributeError)):
        from_wire(value)


@pytest.mark.parametrize("body", ["not JSON", "", "{", "aGVsbG8=", "[1]"])
def test_a_body_that_is_no_json_object_is_no_newer_version(body: str) -> None:
    """Neither broken JSON nor base64 of something else is taken for a newer format."""
    with pytest.raises(Exception) as raised:  # noqa: PT011 - whatever is raised is parked, but for one class
        from_body(body)
    assert not isinstance(raised.value, NewerFormatError)


def test_a_delays_record_is_read_as_it_was_written() -> None:
    """Group, deduplication id and body of the message come back; the body is not read."""
    message = QueueMessage("c_1", "t_1", '{"format":2}')
    assert from_delays_record(to_delays_record(message)) == message


def test_a_delays_record_of_a_later_format_is_a_newer_version() -> None:
    """A later format of the record is an object with its number."""
    with pytest.raises(NewerFormatError):
        from_delays_record('{"format":2,"group":"c_1"}')


@pytest.mark.parametrize("record", ["not JSON", "{}", '{"format":1}', '"abc"', "[]", '["c_1","t_1"]', '["c_1","t_1","{}","more"]'])
def test_what_is_no_delays_record_is_no_newer_version(record: str) -> None:
    """Anything but an array of three, or an object with another number, is not ours."""
    with pytest.raises((TypeError, ValueError)):
        from_delays_record(record)
