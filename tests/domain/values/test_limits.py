"""The limits of one event, each at its boundary (docs/events.md#limits)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.fakes.ingest_harness import accepted, identify, rejected, wire
from waypost.domain.values import exact_json


def nested(levels: int, kind: Any = dict) -> Any:
    """A value with this many levels of objects or arrays."""
    value: Any = {} if kind is dict else []
    for _ in range(levels - 1):
        value = {"a": value} if kind is dict else [value]
    return value


def of_size(size: int, letter: str = "x") -> dict[str, Any]:
    """An event that has this many bytes of compact JSON in UTF-8."""
    empty = len(exact_json.dumps(wire(payload={"a": ""}), ascii_only=False))
    count, rest = divmod(size - empty, len(letter.encode()))
    return wire(payload={"a": letter * count + "x" * rest})


def set_of(count: int, **more: Any) -> dict[str, Any]:
    """A `$set` of this many attributes, and more keys of the payload."""
    return wire("$set", payload={f"a{index}": index for index in range(count)} | more)


@pytest.mark.parametrize(
    "raw",
    [
        of_size(64 * 1024),
        of_size(64 * 1024, "ж"),
        of_size(64 * 1024, "🎉"),
        wire(payload=nested(15)),
        wire(payload={"a": nested(14, list)}),
        wire(payload={str(index): index for index in range(500)}),
        set_of(200),
        set_of(100, **{"$set": {f"b{index}": 0 for index in range(60)}, "$set_once": {f"c{index}": 0 for index in range(40)}}),
        identify(**{f"a{index}": index for index in range(200)}),
        wire(payload={"a": 10**38 - 1}),
        wire(payload={"a": -(10**38 - 1)}),
        wire(payload={"a": Decimal("0." + "1" * 38)}),
        wire(payload={"a": Decimal("9E125")}),
        wire(payload={"a": True, "b": 0, "c": Decimal("-0.0")}),
        wire(payload={"a": "\U0001f389 \ufffe \u0000 \uffff"}),
    ],
)
def test_an_event_exactly_at_a_limit_is_accepted(raw: Any) -> None:
    """An event exactly at a limit is accepted with its payload unchanged; sizes are bytes of UTF-8."""
    assert accepted(raw).event.payload == raw["payload"]


@pytest.mark.parametrize(
    ("raw", "code", "pointer"),
    [
        (of_size(64 * 1024 + 1), "event-too-large", ""),
        (of_size(64 * 1024 + 1, "ж"), "event-too-large", ""),
        (wire(payload=nested(16)), "too-deep", "/payload" + "/a" * 15),
        (wire(payload={"a": nested(15, list)}), "too-deep", "/payload/a" + "/0" * 14),
        (wire(unknown=nested(16)), "too-deep", "/unknown" + "/a" * 15),
        (wire(payload={str(index): index for index in range(501)}), "too-many-keys", "/payload"),
        (set_of(201), "too-many-attributes", "/payload"),
        (set_of(100, **{"$set": {f"b{index}": 0 for index in range(101)}}), "too-many-attributes", "/payload"),
        (set_of(100, **{"$set_once": {f"b{index}": 0 for index in range(101)}}), "too-many-attributes", "/payload"),
        (identify(**{f"a{index}": index for index in range(201)}), "too-many-attributes", "/payload"),
        (wire(payload={"a": 10**38}), "number-out-of-range", "/payload/a"),
        (wire(payload={"a": [1, Decimal("1." + "1" * 38)]}), "number-out-of-range", "/payload/a/1"),
        (wire(payload={"a": Decimal("1E126")}), "number-out-of-range", "/payload/a"),
        (wire(payload={"a": Decimal("1E-126")}), "number-out-of-range", "/payload/a"),
        (wire(payload={"a/b~c": "\ud800"}), "bad-text", "/payload/a~1b~0c"),
        (wire(payload={"\udfff": 1}), "bad-text", "/payload"),
        (wire(event="\ud800"), "bad-text", "/event"),
        (wire(correlationValue="\ud800"), "bad-text", "/correlationValue"),
    ],
)
def test_an_event_just_over_a_limit_is_rejected(raw: Any, code: str, pointer: str) -> None:
    """An event just over a limit is rejected with the code of the limit and a pointer to the place."""
    assert rejected(raw) == (code, "/batch/0" + pointer)


def test_a_number_keeps_its_digits() -> None:
    """Numbers in a payload are written with the digits and the exponent with which they were read."""
    text = '{"a":12345678901234567890123456789012345678,"b":0.10,"c":1.5E+30,"d":2.0,"e":-0.0}'
    assert exact_json.dumps(accepted(wire(payload=exact_json.loads(text))).event.payload) == text
