"""The values that a condition gives its operators: which of them an operator can do something with."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from waypost.domain.values.comparison import has_zone, instant, number


def value_fault(operator: str, value: Any) -> str | None:
    """Why an operator can do nothing with the value that a condition gives it; None where it can."""
    if "exist" in operator.lower():
        return None
    if operator == "during":
        return _range_fault(value)
    if operator in {"before", "after"}:
        return None if instant(value, "UTC") else "needs an ISO 8601 date or time"
    if operator in {"is greater than", "is less than"} or operator.startswith("length"):
        return _number_fault(operator, value)
    return "needs a value; for a missing property there is `not exist`" if value is None else None


def _number_fault(operator: str, value: Any) -> str | None:
    limit = number(value)
    if limit is None:
        return "needs a number"
    if operator == "length is less than" and limit <= 0:
        return "no length is below zero"
    if operator == "length is equal to" and (limit < 0 or Decimal(limit) != Decimal(limit).to_integral_value()):
        return "a length is a whole number from zero up"
    return None


def _range_fault(value: Any) -> str | None:
    if not isinstance(value, Mapping) or set(value) != {"from", "to"}:
        return 'needs {"from", "to"}'
    start, end = instant(value["from"], "UTC"), instant(value["to"], "UTC")
    if start is None or end is None:
        return "needs ISO 8601 dates or times in `from` and `to`"
    return "`from` must lie before `to`" if comparable(value, None) and start >= end else None


def comparable(one: Any, other: Any) -> bool:
    """Whether two values compare the same in every workspace: of two times, both or neither name their zone."""
    times = [value for each in (one, other) for value in (each.values() if isinstance(each, Mapping) else (each,)) if instant(value, "UTC")]
    return len({has_zone(value) for value in times}) <= 1
