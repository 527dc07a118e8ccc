"""The limits of a request and of one event (`docs/events.md#limits`), and the check of those that concern each value in an event."""

from __future__ import annotations

from collections.abc import Iterable
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
    return _violation(value, limits, 1)


def _violation(value: Any, limits: ValueLimits, level: int) -> LimitViolation | None:
    if isinstance(value, str):
        return None if value.isascii() else _string_violation(value)  # nearly every text is ASCII, which needs no copy to check
    if isinstance(value, dict):
        members: Iterable[tuple[str | int, Any]] = value.items()
    elif isinstance(value, list):
        members = enumerate(value)
    else:
        return _number_violation(value, limits) if isinstance(value, int | Decimal) else None
    if level > limits.levels:
        return LimitViolation("too-deep", f"at most {limits.levels} levels are allowed", "")
    for name, each in members:
        if isinstance(name, str) and not name.isascii() and (in_name := _string_violation(name)):
            return in_name
        found = _violation(each, limits, level + 1)
        if found:
            # The pointer is made from the end: nearly every value is free of violations, and needs none.
            return found._replace(pointer=token(name) + found.pointer)
    return None


def _string_violation(value: str) -> LimitViolation | None:
    try:
        value.encode()
    except UnicodeEncodeError:
        return LimitViolation("bad-text", "a string has half of a surrogate pair, which is not valid Unicode", "")
    return None


def _number_violation(value: int | Decimal, limits: ValueLimits) -> LimitViolation | None:
    if isinstance(value, bool) or (isinstance(value, int) and abs(value) < 10**DIGITS):
        return None
    number = Decimal(value)
    if len(number.as_tuple().digits) > limits.digits or abs(number.adjusted()) > limits.exponent:
        detail = f"a number has at most {limits.digits} digits and is less than 1e{limits.exponent + 1}"
        return LimitViolation("number-out-of-range", detail, "")
    return None
