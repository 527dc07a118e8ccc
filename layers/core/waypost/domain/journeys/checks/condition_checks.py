"""What publishing refuses of conditions: values that an operator cannot use, and contradictions (docs/journeys.md#publish-checks)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from waypost.domain.journeys.checks.contradictions import is_contradiction
from waypost.domain.journeys.conditions import CONDITION, Comparison, Condition, subconditions
from waypost.domain.values.findings import Finding
from waypost.domain.values.json_pointers import pointer

Place = tuple[str | int, ...]
"""The names and positions that lead to a part of a definition."""


def faults(place: Place, condition: Condition) -> Iterator[Finding]:
    """The faults of the conditions at `place`: values that an operator cannot use or, without those, a contradiction."""
    found = list(_value_faults(place, condition))
    yield from found
    # A value that an operator cannot use often makes a contradiction too; one mistake is reported once.
    if not found and is_contradiction(condition):
        yield Finding("never-matches", "these conditions exclude each other", pointer(place))


def _value_faults(place: Place, condition: Condition) -> Iterator[Finding]:
    if isinstance(condition, Comparison):
        fault = condition.rule.value_fault(condition.value)
        if fault is not None:
            yield Finding("bad-condition-value", f"`{condition.operator}` {fault}", pointer((*place, "value")))
        return
    for below, part in subconditions(condition):
        yield from _value_faults((*place, *below), part)


def condition_in(part: Any) -> Condition | None:
    """The conditions of a part of a definition (a JSON value); None where it has none or where they do not parse."""
    try:
        return CONDITION.validate_python(part["conditions"]) if isinstance(part, Mapping) and "conditions" in part else None
    except ValidationError:
        return None
