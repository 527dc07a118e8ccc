"""What publishing refuses of conditions (contract 3.1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from waypost.domain.journeys.checks.contradictions import is_contradiction
from waypost.domain.journeys.conditions import CONDITION, Comparison, Condition, parts
from waypost.domain.journeys.operands import value_fault
from waypost.domain.values.findings import Finding
from waypost.domain.values.json_pointers import pointer

Place = tuple[str | int, ...]
"""Where something stands in a definition."""


def faults(place: Place, condition: Condition) -> Iterator[Finding]:
    """What is wrong with conditions: values that an operator can do nothing with, or that nothing could meet."""
    found = list(_value_faults(place, condition))
    yield from found
    if not found and is_contradiction(condition):
        yield Finding("never-matches", "these conditions exclude each other", pointer(place))


def _value_faults(place: Place, condition: Condition) -> Iterator[Finding]:
    if isinstance(condition, Comparison):
        fault = value_fault(condition.operator, condition.value)
        if fault is not None:
            yield Finding("bad-condition-value", f"`{condition.operator}` {fault}", pointer((*place, "value")))
        return
    for below, part in parts(condition):
        yield from _value_faults((*place, *below), part)


def condition_in(part: Any) -> Condition | None:
    """The conditions of a part of the definition; None where it has none that parse."""
    try:
        return CONDITION.validate_python(part["conditions"]) if isinstance(part, Mapping) and "conditions" in part else None
    except ValidationError:
        return None
