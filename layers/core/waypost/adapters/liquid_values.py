"""JSON values in the form that Liquid templates work with, how they print, and how much memory they take."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, Self

from liquid import Undefined

from waypost.domain.messages.message import MAX_RENDERED_BYTES
from waypost.domain.values import exact_json

MAX_TEXT: Final = 4 * MAX_RENDERED_BYTES
"""The most characters that a value may have in the middle of a template."""

MAX_WEIGHT: Final = 4 * MAX_TEXT
"""The most bytes that one value may take: a text of `MAX_TEXT` characters, or a list of about 100,000 elements."""

_TEXT_WEIGHT: Final = 64
_SCALAR_WEIGHT: Final = 32
_BYTES_PER_CHARACTER: Final = 4
_MAX_BITS: Final = 1 << 14
"""Python does not print an int of more than 4,300 digits, so one with more bits is of no use to a template."""


class TooLargeError(ValueError):
    """A value is larger than a template may make it."""


class ExactNumber(float):
    """A number that computes as a float, as the filters expect, and prints as it was received: `10.50` stays `10.50`."""

    exact: Decimal

    def __new__(cls, exact: Decimal) -> Self:
        """The float that is nearest to `exact`."""
        number = super().__new__(cls, exact)
        number.exact = exact
        return number

    def __str__(self) -> str:
        return str(self.exact)


class JsonObject(dict[str, Any]):
    """A JSON object in which members that are null are missing, so that `default` applies to them; it prints as JSON."""

    __slots__ = ("original",)

    def __init__(self, original: Mapping[str, Any]) -> None:
        super().__init__({name: to_liquid(value) for name, value in original.items() if value is not None})
        self.original = original

    def __str__(self) -> str:
        return exact_json.dumps(self.original, ascii_only=False)


def to_liquid(value: Any) -> Any:
    """A JSON value in the form that templates work with."""
    if isinstance(value, Decimal):
        return ExactNumber(value)
    if isinstance(value, Mapping):
        return JsonObject(value)
    if isinstance(value, list | tuple):
        return [to_liquid(each) for each in value]
    return value


def to_json(value: Any) -> Any:
    """The JSON value of a value in a template: the reverse of `to_liquid`, also for ranges and missing values."""
    if is_missing(value):
        return None
    if isinstance(value, ExactNumber):
        return value.exact
    if isinstance(value, JsonObject):
        return value.original
    if isinstance(value, list | tuple | range):
        return [to_json(each) for each in value]
    return value


def is_missing(value: Any) -> bool:
    """Whether a value stands for a variable that has none."""
    # isinstance() asks the value for its class, and that of a strict template raises UndefinedError for any question.
    return issubclass(type(value), Undefined)


def to_text(value: Any) -> str:
    """How Liquid prints a value, in output and in filters that work with texts.

    Nothing for nil, `true` and `false`, `1..3` for a range, and the elements of an array one after the other. A missing value of a strict
    template raises UndefinedError.
    """
    # str() is right for texts and numbers only: it would print `None`, `True`, `range(1, 4)` and `['a']` into a customer's mail.
    if is_missing(value):
        return str(value)
    if value is None or isinstance(value, bool):
        return {None: "", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return value
    if isinstance(value, range):
        return f"{value.start}..{value.stop - 1}"
    if isinstance(value, list | tuple):
        return "".join(map(to_text, value))
    return str(value)


def weight(value: Any) -> int:
    """Roughly how many bytes a value takes, with all that it contains. What it contains twice counts twice, because printing repeats it."""
    if is_missing(value) or isinstance(value, bool | float | None):
        return _SCALAR_WEIGHT
    if isinstance(value, str):
        return _TEXT_WEIGHT + _BYTES_PER_CHARACTER * len(value)
    if isinstance(value, int):
        return _SCALAR_WEIGHT if value.bit_length() <= _MAX_BITS else MAX_WEIGHT + 1
    if isinstance(value, range):
        return _SCALAR_WEIGHT * len(value)
    parts = [*value, *value.values()] if isinstance(value, JsonObject) else value if isinstance(value, list | tuple) else ()
    return _TEXT_WEIGHT + sum(map(weight, parts))


def require_weight(bytes_taken: int) -> None:
    """TooLargeError if a value takes, or would take, more bytes than a template may use for it."""
    if bytes_taken > MAX_WEIGHT:
        raise TooLargeError(f"a value would take {bytes_taken} bytes, at most {MAX_WEIGHT} are allowed")


def require_length(characters: int) -> None:
    """TooLargeError if a text has, or would have, more characters than a template may use for it."""
    require_weight(_BYTES_PER_CHARACTER * characters)
