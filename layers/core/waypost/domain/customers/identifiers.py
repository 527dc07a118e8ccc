"""Ids as callers write them: trimmed, UUIDs folded, placeholders refused (contract 1.3 and 2)."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Literal, NamedTuple

from waypost.domain.customers.schema import PrimaryKey, looks_like_email
from waypost.domain.values import exact_json

ID_LENGTH: Final = 255
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_ZEROS: Final = re.compile(r"[0-]+")
_WORDS: Final = "null nil none undefined nan true false anonymous guest user id email distinct_id unknown n/a"
_PLACEHOLDERS: Final = frozenset({"0", "-1", "[]", "{}", "[object object]", *_WORDS.split()})


class Identifier(NamedTuple):
    """One name of a customer: a correlation id or a primary key value, folded so that equal names are equal texts."""

    kind: Literal["correlation", "primary"]
    value: str


def fold(text: str) -> str:
    """An id without spaces around it; in the 8-4-4-4-12 form of a UUID also in lower case (the iOS SDK writes upper case)."""
    trimmed = text.strip()
    return trimmed.lower() if _UUID.fullmatch(trimmed) else trimmed


def is_placeholder(text: str) -> bool:
    """Whether this is one of the values that broken clients send for everybody, whatever its case or the quotes around it."""
    bare = text.strip().strip("'\"`").strip().lower()
    return bare in _PLACEHOLDERS or _ZEROS.fullmatch(bare) is not None or not bare


def correlation(value: str) -> Identifier:
    """The identifier of a correlation id."""
    return Identifier("correlation", fold(value))


def primary(value: Any, key: PrimaryKey | None) -> Identifier | None:
    """The identifier of a primary key value of the workspace's type; None where the value does not fit it.

    E-mail keys compare in lower case, numbers by value; without a schema the key is any text.
    """
    kind = key.type if key else "String"
    if kind == "Number":
        number = _number(value)
        return Identifier("primary", number) if number is not None else None
    if not isinstance(value, str) or not value.strip() or len(value.strip()) > ID_LENGTH:
        return None
    if kind == "Email":
        return Identifier("primary", value.strip().lower()) if looks_like_email(value.strip()) else None
    return Identifier("primary", fold(value))


def _number(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str) or "_" in str(value):
        return None  # Python reads 1_000 as a number, nobody else does
    try:
        number = Decimal(value.strip() if isinstance(value, str) else value)
    except InvalidOperation:
        return None
    if not number.is_finite() or abs(number.adjusted()) > 130 or len(number.as_tuple().digits) > ID_LENGTH:
        return None
    return format(number.normalize(), "f") if number else "0"


def shown(identifier: Identifier, given: Any, key: PrimaryKey | None) -> Any:
    """A primary key value as it is shown: a number as a number, a text as it was given."""
    return exact_json.loads(identifier.value) if key and key.type == "Number" else given.strip()
