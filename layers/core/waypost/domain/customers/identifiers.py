"""Identifiers of customers (`docs/customers.md#identifiers`): normalised, so that equal identifiers are equal texts."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Literal, NamedTuple

from waypost.domain.customers.schema import PrimaryKey, looks_like_email
from waypost.domain.values import exact_json

ID_LENGTH: Final = 255
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_ZEROS_AND_DASHES: Final = re.compile(r"[0-]+")
_PLACEHOLDER_WORDS: Final = "null nil none undefined nan true false anonymous guest user id email distinct_id unknown n/a"
_PLACEHOLDERS: Final = frozenset({"0", "-1", "[]", "{}", "[object object]", *_PLACEHOLDER_WORDS.split()})


class Identifier(NamedTuple):
    """A correlation id or a primary key value, normalised."""

    kind: Literal["correlation", "primary"]
    value: str


def normalize(text: str) -> str:
    """An id without the spaces around it. A UUID in the 8-4-4-4-12 form is also lower-cased: the iOS SDK writes upper case.

    No other form changes its case, because ids such as `aB3` and `Ab3` are different ids for most systems that make them.
    """
    trimmed = text.strip()
    return trimmed.lower() if _UUID.fullmatch(trimmed) else trimmed


def is_placeholder(text: str) -> bool:
    """Whether a text is one of the values that faulty clients send for every customer, whatever its case and the quotes around it.

    All customers of such a client would become one (`docs/customers.md#ids-that-are-never-joined`).
    """
    bare = text.strip().strip("'\"`").strip().lower()
    return bare in _PLACEHOLDERS or _ZEROS_AND_DASHES.fullmatch(bare) is not None or not bare


def correlation_identifier(value: str) -> Identifier:
    """The identifier for a correlation id as a client wrote it."""
    return Identifier("correlation", normalize(value))


def primary_identifier(value: Any, key: PrimaryKey | None) -> Identifier | None:
    """The identifier for a primary key value as a client wrote it; None if the value is not of the type in the workspace's schema.

    E-mail addresses are lower-cased, numbers are written by value (`42.0` is `42`). Without a schema the value is any string.
    """
    kind = key.type if key else "String"
    if kind == "Number":
        number = _number(value)
        return Identifier("primary", number) if number is not None else None
    if not isinstance(value, str) or not value.strip() or len(value.strip()) > ID_LENGTH:
        return None
    if kind == "Email":
        return Identifier("primary", value.strip().lower()) if looks_like_email(value.strip()) else None
    return Identifier("primary", normalize(value))


def _number(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str) or "_" in str(value):
        return None  # Python reads 1_000 as a number; JSON and other languages do not
    try:
        number = Decimal(value.strip() if isinstance(value, str) else value)
    except InvalidOperation:
        return None
    if not number.is_finite() or abs(number.adjusted()) > 130 or len(number.as_tuple().digits) > ID_LENGTH:
        return None  # written out, it would have hundreds of digits
    return format(number.normalize(), "f") if number else "0"


def display_value(identifier: Identifier, given: Any, key: PrimaryKey | None) -> Any:
    """A primary key value as the API and templates show it: a number by value, a string as it was given, without spaces around it."""
    return exact_json.loads(identifier.value) if key and key.type == "Number" else given.strip()
