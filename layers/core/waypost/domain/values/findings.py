"""What keeps a journey from being published, each with a place in its definition."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

_CODES: Final = {
    "missing": "missing-field",
    "extra_forbidden": "unknown-field",
    "string_pattern_mismatch": "bad-format",
    "string_too_short": "empty-text",
    "string_too_long": "too-long",
    "literal_error": "unknown-choice",
    "too_short": "empty-list",
}
_CODES_IN_FIELD: Final[Mapping[tuple[str, str | int], str]] = {
    ("literal_error", "operator"): "unknown-operator",
    ("string_pattern_mismatch", "property"): "bad-property",
    ("string_pattern_mismatch", "id"): "bad-id",
    ("too_short", "all"): "empty-conditions",
    ("too_short", "any"): "empty-conditions",
    ("too_long", "steps"): "too-many-steps",
    ("string_pattern_mismatch", "event"): "empty-text",
}
_DETAILS: Final = {
    "bad-id": "an id has 1 to 64 of the characters A-Z, a-z, 0-9, _ and -",
    "empty-list": "needs at least one element",
    "empty-text": "must not be blank",
    "bad-property": "a property is a path with dots that starts with `payload.` or `customer.`",
    "empty-conditions": "conditions need at least one condition",
    "missing-field": "required",
    "too-many-steps": "a journey has at most 200 steps",
    "unknown-field": "no such field here",
}
_CHOSEN_BY: Final = {"unknown-step-type": "type", "unknown-channel": "channel"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault: a stable code, a sentence for a person, and where it is (RFC 6901)."""

    code: str
    detail: str
    pointer: str


def pointer(place: Iterable[str | int]) -> str:
    """A place in a JSON value as RFC 6901 writes it; the whole value is the empty text."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in place)


def from_errors(error: ValidationError) -> list[Finding]:
    """Pydantic's faults as findings, in the order of the definition."""
    return [_finding(fault) for fault in error.errors(include_url=False) if not _follows_from_another(fault)]


def _follows_from_another(fault: ErrorDetails) -> bool:
    """Whether a list counts as empty only because its members were refused, each with its own fault."""
    return fault["type"] == "too_short" and bool(fault["input"])


def _finding(fault: ErrorDetails) -> Finding:
    place = [part for part in fault["loc"] if not _is_tag(part)]
    kind, field = fault["type"], _CHOSEN_BY.get(fault["type"])
    if field is not None and isinstance(fault["input"], Mapping):
        place.append(field)
    elif field is not None or kind == "model_type":
        return Finding(code="wrong-type", detail="must be an object", pointer=pointer(place))
    code = _code(kind, place, fault["input"])
    return Finding(code=code, detail=fault["msg"] if code == kind else _DETAILS.get(code, fault["msg"]), pointer=pointer(place))


def _is_tag(part: str | int) -> bool:
    return isinstance(part, str) and (part == "[key]" or (part.startswith("<") and part.endswith(">")))


def _code(kind: str, place: list[str | int], found: Any) -> str:
    if kind == "not-a-condition" and found in ({}, []):
        return "empty-conditions"
    if "-" in kind:
        return kind
    known = _CODES_IN_FIELD.get((kind, place[-1] if place else "")) or _CODES.get(kind)
    return known or ("wrong-type" if kind.endswith("_type") else "bad-value")
