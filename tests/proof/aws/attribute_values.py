"""Attribute values in DynamoDB's wire form, such as `{"S": "text"}`: checks, canonical form, sizes and order."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import lru_cache
from typing import Any, Final

from tests.proof.aws.dynamodb_errors import validation_error

Value = dict[str, Any]
"""One attribute value: its type as the only key."""

SIGNIFICANT_DIGITS: Final = 38
MAX_EXPONENT: Final = 125
MIN_EXPONENT: Final = -130
MAX_DEPTH: Final = 32

_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_ARITHMETIC: Final = Context(prec=SIGNIFICANT_DIGITS, rounding=ROUND_HALF_UP)
_SET_NAMES: Final = {"SS": "string", "NS": "number", "BS": "binary"}


def kind_of(value: Mapping[str, Any]) -> str:
    """The type of a value, such as `S`."""
    return next(iter(value))


@lru_cache(maxsize=50_000)
def number(text: str) -> Decimal:
    """The number in a text, exactly. ValidationException if it is none, or is outside DynamoDB's range or precision."""
    if not isinstance(text, str) or _NUMBER.fullmatch(text.strip()) is None:
        raise validation_error(f"The parameter cannot be converted to a numeric value: {text}")
    exact = Decimal(text.strip())
    digits = exact.as_tuple().digits
    if len("".join(map(str, digits)).strip("0")) > SIGNIFICANT_DIGITS:
        raise validation_error("Attempting to store more than 38 significant digits in a Number")
    return _in_range(exact)


def _in_range(exact: Decimal) -> Decimal:
    if exact and exact.adjusted() > MAX_EXPONENT:
        raise validation_error("Number overflow. Attempting to store a number with magnitude larger than supported range")
    if exact and exact.adjusted() < MIN_EXPONENT:
        raise validation_error("Number underflow. Attempting to store a number with magnitude smaller than supported range")
    return exact


@lru_cache(maxsize=50_000)
def number_text(text: str) -> str:
    """A number as DynamoDB returns it: without an exponent, and without zeros that mean nothing."""
    return _plain_text(number(text))


def _plain_text(exact: Decimal) -> str:
    text = format(exact, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
    digits = digits.lstrip("0") or "0"
    digits = f"0{digits}" if digits.startswith(".") else digits
    return digits if digits == "0" else sign + digits


def total(first: str, second: str, sign: int = 1) -> str:
    """The sum of two numbers, or their difference if `sign` is -1, rounded to 38 digits."""
    return _plain_text(_in_range(_ARITHMETIC.add(number(first), number(second) * sign)))


def canonical(value: Mapping[str, Any], depth: int = 0) -> Value:
    """A copy of a value in which equal values are equal as Python objects: numbers in one form, sets in one order.

    ValidationException for what DynamoDB refuses as a value.
    """
    if len(value) != 1:
        raise validation_error(
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes"
        )
    kind, content = next(iter(value.items()))
    if kind == "S" and isinstance(content, str):
        return {"S": content}
    try:
        convert = _CANONICAL[kind]
    except KeyError:
        raise validation_error("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes") from None
    return {kind: convert(content, depth)}


def canonical_item(item: Mapping[str, Mapping[str, Any]]) -> dict[str, Value]:
    """An item, or the values of an expression, in the form of `canonical`."""
    return {name: canonical(value) for name, value in item.items()}


def _text(content: Any, depth: int) -> str:
    raise validation_error(f"Expected a text, and not {type(content).__name__}")


def _members(kind: str, convert: Callable[[Any], Any], order: Callable[[Any], Any] | None = None) -> Callable[[Any, int], list[Any]]:
    def members(content: Any, depth: int) -> list[Any]:
        converted = [convert(each) for each in content]
        if not converted:
            raise validation_error(f"One or more parameter values were invalid: An {_SET_NAMES[kind]} set  may not be empty")
        if len(set(converted)) != len(converted):
            raise validation_error("One or more parameter values were invalid: Input collection contains duplicates.")
        return sorted(converted, key=order)

    return members


def _deeper(depth: int) -> int:
    if depth >= MAX_DEPTH:
        raise validation_error("Nesting Levels have exceeded supported limits: Attributes can be nested up to 32 levels")
    return depth + 1


def _list(content: Any, depth: int) -> list[Value]:
    below = _deeper(depth)
    return [canonical(each, below) for each in content]


def _map(content: Any, depth: int) -> dict[str, Value]:
    below = _deeper(depth)
    return {name: canonical(each, below) for name, each in content.items()}


_CANONICAL: Final[dict[str, Callable[[Any, int], Any]]] = {
    "S": _text,
    "N": lambda content, _: number_text(content),
    "B": lambda content, _: bytes(content),
    "BOOL": lambda content, _: bool(content),
    "NULL": lambda content, _: bool(content),
    "L": _list,
    "M": _map,
    "SS": _members("SS", str),
    "NS": _members("NS", number_text, number),
    "BS": _members("BS", bytes),
}


def copied(item: Mapping[str, Value]) -> dict[str, Value]:
    """A copy of an item, of which no part is shared with the original."""
    return {name: _copied_value(value) for name, value in item.items()}


def _copied_value(value: Value) -> Value:
    for kind, content in value.items():
        if kind == "M":
            return {"M": copied(content)}
        if kind == "L":
            return {"L": [_copied_value(each) for each in content]}
        if kind in _SET_NAMES:
            return {kind: list(content)}
    return value.copy()


def order_of(value: Mapping[str, Any]) -> Any:
    """What orders values of one type: texts by their UTF-8 bytes, which is the order of their code points, numbers and bytes.

    None for a type without order.
    """
    kind, content = next(iter(value.items()))
    if kind in {"S", "B"}:
        return content
    return number(content) if kind == "N" else None


def size_of_item(item: Mapping[str, Value]) -> int:
    """The bytes of an item that count for the limits of items and pages."""
    return sum(_size_of_text(name) + _size_of(value) for name, value in item.items())


def _size_of_text(text: str) -> int:
    if text.isascii():
        return len(text)
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        raise validation_error("A text is not valid Unicode") from None


def _size_of_number(text: str) -> int:
    return (len(text.strip("-").replace(".", "").strip("0")) + 1) // 2 + 1 + text.startswith("-")


def size_of_key(value: Mapping[str, Any]) -> int:
    """The bytes of the value of one key attribute."""
    return _size_of(value)


def _size_of(value: Mapping[str, Any]) -> int:
    kind, content = next(iter(value.items()))
    if kind == "S":
        return _size_of_text(content)
    return _SIZES[kind](content)


_SIZES: Final[dict[str, Callable[[Any], int]]] = {
    "N": _size_of_number,
    "B": len,
    "BOOL": lambda _: 1,
    "NULL": lambda _: 1,
    "L": lambda content: 3 + sum(1 + _size_of(each) for each in content),
    "M": lambda content: 3 + len(content) + size_of_item(content),
    "SS": lambda content: sum(map(_size_of_text, content)),
    "NS": lambda content: sum(map(_size_of_number, content)),
    "BS": lambda content: sum(map(len, content)),
}
