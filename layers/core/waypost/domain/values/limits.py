"""The limits of one event (contract 1.4), found in one walk over its values."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final, NamedTuple

BATCH_EVENTS: Final = 1000
BODY_BYTES: Final = 4 * 1024 * 1024
EVENT_BYTES: Final = 64 * 1024
LEVELS: Final = 16
PAYLOAD_KEYS: Final = 500
SET_KEYS: Final = 200
DIGITS: Final = 38
LARGEST_EXPONENT: Final = 125


class LimitViolation(NamedTuple):
    """What is over a limit: a stable code, a sentence, and the pointer (RFC 6901) below the value that was walked."""

    code: str
    detail: str
    pointer: str


def token(name: str) -> str:
    """One reference token of a JSON pointer (RFC 6901, section 3)."""
    return "/" + name.replace("~", "~0").replace("/", "~1")


def find_violation(value: Any) -> LimitViolation | None:
    """The first place where a JSON value has too many levels, a number out of range or text that is not Unicode."""
    return next(_walk(value, 1, ""), None)


def _walk(value: Any, level: int, pointer: str) -> Iterator[LimitViolation]:
    if isinstance(value, str):
        yield from _text(value, pointer)
    elif isinstance(value, int | Decimal):
        yield from _number(value, pointer)
    elif isinstance(value, dict | list):
        if level > LEVELS:
            yield LimitViolation("too-deep", f"an event has at most {LEVELS} levels", pointer)
            return
        for name, each in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(name, str):
                yield from _text(name, pointer)
            yield from _walk(each, level + 1, pointer + token(str(name)))


def _text(value: str, pointer: str) -> Iterator[LimitViolation]:
    if value.isascii():
        return
    try:
        value.encode()
    except UnicodeEncodeError:
        yield LimitViolation("bad-text", "a text holds half of a surrogate pair, which is no Unicode", pointer)


def _number(value: int | Decimal, pointer: str) -> Iterator[LimitViolation]:
    if isinstance(value, bool) or (isinstance(value, int) and abs(value) < 10**DIGITS):
        return
    number = Decimal(value)
    if len(number.as_tuple().digits) > DIGITS or abs(number.adjusted()) > LARGEST_EXPONENT:
        yield LimitViolation(
            "number-out-of-range", f"a number has at most {DIGITS} digits and lies below 1e{LARGEST_EXPONENT + 1}", pointer
        )
