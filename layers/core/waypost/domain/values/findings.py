"""Findings: errors in a JSON document such as the definition of a journey, each with a code, a sentence and a JSON pointer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from waypost.domain.values.json_pointers import pointer

_CODES: Final = {
    "missing": "missing-field",
    "extra_forbidden": "unknown-field",
    "string_pattern_mismatch": "bad-format",
    "string_too_short": "empty-text",
    "string_too_long": "too-long",
    "literal_error": "unknown-choice",
    "too_short": "empty-list",
}
"""By pydantic's error type."""

_CODES_IN_FIELD: Final[Mapping[tuple[str, str | int], str]] = {
    ("literal_error", "operator"): "unknown-operator",
    ("string_pattern_mismatch", "property"): "bad-property",
    ("string_pattern_mismatch", "id"): "bad-id",
    ("too_short", "all"): "empty-conditions",
    ("too_short", "any"): "empty-conditions",
    ("too_long", "steps"): "too-many-steps",
    ("string_pattern_mismatch", "event"): "empty-text",
    ("string_pattern_mismatch", "customer"): "bad-customer-id",
    ("string_pattern_mismatch", "journey"): "bad-id",
}
"""By pydantic's error type and the field that has the error. It wins over `_CODES`."""

_DETAILS: Final = {
    "bad-customer-id": "the id of a customer begins with `c_`; GET /api/customers?primaryKey=... shows it",
    "bad-id": "an id has 1 to 64 of the characters A-Z, a-z, 0-9, _ and -",
    "empty-list": "needs at least one element",
    "empty-text": "must not be blank",
    "bad-property": "a property is a path with dots that starts with `payload.` or `customer.`, or `messages.<step>.status`",
    "empty-conditions": "conditions need at least one condition",
    "missing-field": "required",
    "too-many-steps": "a journey has at most 200 steps",
    "unknown-field": "this field does not exist here",
}
"""Sentences that take the place of pydantic's."""

_TYPE_DETAILS: Final = {
    **dict.fromkeys(("tuple_type", "list_type", "set_type", "frozen_set_type"), "must be a list"),
    **dict.fromkeys(("dict_type", "mapping_type"), "must be an object"),
}
"""By pydantic's error type: JSON's words for Python's types."""

_DISCRIMINATORS: Final = {"unknown-step-type": "type", "unknown-channel": "channel"}
"""By error type: the field that selects the member of a union."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One error: a stable code, a sentence for a person, and a JSON pointer (RFC 6901) to the place."""

    code: str
    detail: str
    pointer: str


def from_errors(error: ValidationError) -> list[Finding]:
    """The findings of a failed validation by pydantic, in the order of the document."""
    return [_finding(details) for details in error.errors(include_url=False) if not _follows_from_another(details)]


def _follows_from_another(details: ErrorDetails) -> bool:
    """Whether pydantic counts a list as empty only because it rejected all members, each with an error of its own."""
    return details["type"] == "too_short" and bool(details["input"])


def _finding(details: ErrorDetails) -> Finding:
    parts = [part for part in details["loc"] if not _is_tag(part)]
    error_type, discriminator = details["type"], _DISCRIMINATORS.get(details["type"])
    if discriminator is not None and isinstance(details["input"], Mapping):
        # Pydantic places the error at the object. The field that names an unknown type is the better place.
        parts.append(discriminator)
    elif discriminator is not None or error_type == "model_type":
        return Finding(code="wrong-type", detail="must be an object", pointer=pointer(parts))
    code = _code(error_type, parts, details["input"])
    message = _TYPE_DETAILS.get(error_type, details["msg"])
    return Finding(code=code, detail=message if code == error_type else _DETAILS.get(code, message), pointer=pointer(parts))


def _is_tag(part: str | int) -> bool:
    """Whether a part of pydantic's location exists in its model only: the mark of a union's member, or of a mapping's key."""
    return isinstance(part, str) and (part == "[key]" or (part.startswith("<") and part.endswith(">")))


def _code(error_type: str, parts: list[str | int], value: Any) -> str:
    if error_type == "not-a-condition" and value in ({}, []):
        return "empty-conditions"
    if "-" in error_type:  # an error type of our own; pydantic's are written with underscores
        return error_type
    known = _CODES_IN_FIELD.get((error_type, parts[-1] if parts else "")) or _CODES.get(error_type)
    return known or ("wrong-type" if error_type.endswith("_type") else "bad-value")
