"""The limits of a request and of one event (`docs/events.md#limits`), and the check of those that concern each value in an event."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final, NamedTuple

from waypost.domain.values.json_pointers import token

BATCH_EVENTS: Final = 1000
BODY_BYTES: Final = 4 * 1024 * 1024
EVENT_BYTES: Final = 64 * 1024
LEVELS: Final = 16
PAYLOAD_KEYS: Final = 500
SET_KEYS: Final = 200
DIGITS: Final = 38
LARGEST_EXPONENT: Final = 125
"""38 digits and 125 are the precision and the largest exponent of a number in DynamoDB."""


DOCUMENT_LEVELS: Final = 64
DOCUMENT_EXPONENT: Final = 6_144
"""The largest exponent in a document of the management API. It is only there to keep arithmetic with the number possible: a draft of a
journey may compare with a number that no event can have."""


class LimitViolation(NamedTuple):
    """A limit that a value exceeds: a stable code, a sentence, and a JSON pointer that starts at the checked value."""

    code: str
    detail: str
    pointer: str


class ValueLimits(NamedTuple):
    """What each value in a JSON document may be at most: its levels of nesting, and the digits and the exponent of its numbers."""

    levels: int
    digits: int
    exponent: int


EVENT_VALUES: Final = ValueLimits(LEVELS, DIGITS, LARGEST_EXPONENT)
DOCUMENT_VALUES: Final = ValueLimits(DOCUMENT_LEVELS, DOCUMENT_EXPONENT, DOCUMENT_EXPONENT)


def find_violation(value: Any, limits: ValueLimits = EVENT_VALUES) -> LimitViolation | None:
    """The first violation in a JSON value, depth first: too many levels, a number out of range, or a string that is not Unicode."""
    return next(_violations(value, limits, 1, ""), None)


def _violations(value: Any, limits: ValueLimits, level: int, pointer: str) -> Iterator[LimitViolation]:
    if isinstance(value, str):
        yield from _string_violations(value, pointer)
    elif isinstance(value, int | Decimal):
        yield from _number_violations(value, limits, pointer)
    elif isinstance(value, dict | list):
        if level > limits.levels:
            yield LimitViolation("too-deep", f"at most {limits.levels} levels are allowed", pointer)
            return
        for name, each in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(name, str):
                yield from _string_violations(name, pointer)
            yield from _violations(each, limits, level + 1, pointer + token(name))


def _string_violations(value: str, pointer: str) -> Iterator[LimitViolation]:
    if value.isascii():
        return  # the usual case, without a copy
    try:
        value.encode()
    except UnicodeEncodeError:
        yield LimitViolation("bad-text", "a string has half of a surrogate pair, which is not valid Unicode", pointer)


def _number_violations(value: int | Decimal, limits: ValueLimits, pointer: str) -> Iterator[LimitViolation]:
    if isinstance(value, bool) or (isinstance(value, int) and abs(value) < 10**DIGITS):
        return
    number = Decimal(value)
    if len(number.as_tuple().digits) > limits.digits or abs(number.adjusted()) > limits.exponent:
        yield LimitViolation(
            "number-out-of-range", f"a number has at most {limits.digits} digits and is less than 1e{limits.exponent + 1}", pointer
        )
