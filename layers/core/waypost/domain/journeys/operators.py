"""The operators of conditions, one row each: all that parsing, matching, the publish checks and the trigger index know of them.

docs/journeys.md#operators describes the same operators for users. A new operator is a new row of `_ROWS`, with a test
and a value check above it where no existing one serves. No other module names an operator.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, auto
from typing import Annotated, Any, Final

from pydantic import GetPydanticSchema
from pydantic_core import core_schema

from waypost.domain.values.comparison import canonical, has_zone, instant, number, time

Test = Callable[[Any, Any, str], bool]
"""The value of a property (never None), the value of the condition, and the IANA zone of the workspace -> whether the operator holds."""

ValueCheck = Callable[[Any], str | None]
"""The value of a condition -> what the operator needs instead, as a sentence without its subject; None for a usable value."""

_PLAIN_TYPES: Final = frozenset({str, int})


class Relation(Enum):
    """What it means for the property that an operator holds, in the terms in which the publish checks and the trigger index conclude.

    A wrong relation makes them refuse journeys that can run, or miss journeys that an event starts. `OTHER` is always
    safe: nothing is concluded from the operator except what the other fields of its row say.
    """

    EQUAL = auto()
    PRESENT = auto()
    MISSING = auto()
    NUMBER_ABOVE = auto()
    NUMBER_BELOW = auto()
    INSTANT_AFTER = auto()
    INSTANT_BEFORE = auto()
    OTHER = auto()


@dataclass(frozen=True, slots=True)
class OperatorRule:
    """One row of the table. The defaults conclude nothing, so a new row needs only its names, its test and its value check.

    `names` are the texts in definitions, all with the same meaning. `equal_values_alike`: the test gives the same
    result for any two properties that `is equal to` treats as equal, such as `2` and `"2.0"`. It is false for tests
    that look at the characters of a text.
    """

    names: tuple[str, ...]
    test: Test
    value_fault: ValueCheck
    holds_for_missing: bool = False
    equal_values_alike: bool = False
    relation: Relation = Relation.OTHER

    def holds(self, found: Any, value: Any, zone: str) -> bool:
        """Whether a property satisfies the operator; `found` is None where the property is missing or null."""
        return self.holds_for_missing if found is None else self.test(found, value, zone)


def same(found: Any, value: Any, zone: str) -> bool:
    """Whether two values are equal in the sense of `is equal to`. Null equals nothing, not even null."""
    # Most values that are equal are two texts or two integers: those skip the conversion to canonical keys, which costs ten times as much.
    if type(found) is type(value) and type(found) in _PLAIN_TYPES and found == value:
        return True
    return found is not None and value is not None and canonical(found, zone) == canonical(value, zone)


def comparable(one: Any, other: Any) -> bool:
    """Whether two values compare in the same way in every workspace.

    A time without a zone is meant in the zone of the workspace, which publishing does not know. Two times are
    therefore comparable only if both name a zone or neither does. A number is not comparable with a time: the text `20261123` equals the
    number, and as a time the text is a date and the number are seconds.
    """
    values = [value for each in (one, other) for value in (each.values() if isinstance(each, Mapping) else (each,))]
    kinds = {_time_kind(value) for value in values} - {None}
    return len(kinds) <= 1


def _time_kind(value: Any) -> str | None:
    """What decides how a value is read as a time: `number`, `zone` or `local`; None for a value that is neither a number nor a time."""
    if number(value) is not None:
        return "number"
    if time(value, "UTC") is None:
        return None
    return "zone" if has_zone(value) else "local"


def _number_order(found: Any, value: Any) -> int | None:
    """-1, 0 or 1 as a number is below, at or above another; None where either is not a number."""
    left, right = number(found), number(value)
    return None if left is None or right is None else (left > right) - (left < right)


def _instant_order(found: Any, value: Any, zone: str) -> int | None:
    """-1, 0 or 1 as an instant is before, at or after another; None where either is not an instant."""
    left, right = time(found, zone), time(value, zone)
    return None if left is None or right is None else (left > right) - (left < right)


def _is_during(found: Any, value: Any, zone: str) -> bool:
    if not isinstance(value, Mapping):
        return False
    return _instant_order(found, value.get("from"), zone) in (0, 1) and _instant_order(found, value.get("to"), zone) == -1


def _contains(found: Any, value: Any, zone: str) -> bool | None:
    """Whether a text contains a text, or an array an element; None where the types do not fit, which satisfies neither operator."""
    if isinstance(found, str):
        return value in found if isinstance(value, str) else None
    if isinstance(found, list | tuple):
        return any(same(each, value, zone) for each in found)
    return None


def _length(found: Any) -> int | None:
    return len(found) if isinstance(found, str | list | tuple) else None


def _any_value(_value: Any) -> None:
    """No fault: the operator ignores its value."""


def _value_fault(value: Any) -> str | None:
    return "needs a value; `not exist` matches a missing property" if value is None else None


def _number_fault(value: Any) -> str | None:
    return "needs a number" if number(value) is None else None


def _upper_length_fault(value: Any) -> str | None:
    limit = number(value)
    if limit is None:
        return _number_fault(value)
    return "needs a number above zero, because no length is below zero" if limit <= 0 else None


def _exact_length_fault(value: Any) -> str | None:
    length = number(value)
    if length is None:
        return _number_fault(value)
    whole = length >= 0 and Decimal(length) == Decimal(length).to_integral_value()
    return None if whole else "needs a whole number from zero up"


def _instant_fault(value: Any) -> str | None:
    return None if instant(value, "UTC") else "needs an ISO 8601 date or time"


def _span_fault(value: Any) -> str | None:
    if not isinstance(value, Mapping) or set(value) != {"from", "to"}:
        return 'needs {"from", "to"}'
    start, end = instant(value["from"], "UTC"), instant(value["to"], "UTC")
    if start is None or end is None:
        return "needs ISO 8601 dates or times in `from` and `to`"
    return "needs a `from` that is before `to`" if comparable(value, None) and start >= end else None


_ROWS: Final = (
    OperatorRule(("is equal to",), same, _value_fault, equal_values_alike=True, relation=Relation.EQUAL),
    OperatorRule(
        ("is not equal to",),
        lambda found, value, zone: not same(found, value, zone),
        _value_fault,
        holds_for_missing=True,
        equal_values_alike=True,
    ),
    OperatorRule(
        ("is greater than",),
        lambda found, value, _: _number_order(found, value) == 1,
        _number_fault,
        equal_values_alike=True,
        relation=Relation.NUMBER_ABOVE,
    ),
    OperatorRule(
        ("is less than",),
        lambda found, value, _: _number_order(found, value) == -1,
        _number_fault,
        equal_values_alike=True,
        relation=Relation.NUMBER_BELOW,
    ),
    OperatorRule(
        ("before",),
        lambda found, value, zone: _instant_order(found, value, zone) == -1,
        _instant_fault,
        equal_values_alike=True,
        relation=Relation.INSTANT_BEFORE,
    ),
    OperatorRule(
        ("after",),
        lambda found, value, zone: _instant_order(found, value, zone) == 1,
        _instant_fault,
        equal_values_alike=True,
        relation=Relation.INSTANT_AFTER,
    ),
    OperatorRule(("during",), _is_during, _span_fault, equal_values_alike=True),
    OperatorRule(("contains",), lambda found, value, zone: _contains(found, value, zone) is True, _value_fault),
    OperatorRule(
        ("does not contain",), lambda found, value, zone: _contains(found, value, zone) is False, _value_fault, holds_for_missing=True
    ),
    OperatorRule(("exist", "exists"), lambda *_: True, _any_value, equal_values_alike=True, relation=Relation.PRESENT),
    OperatorRule(
        ("not exist", "doesNotExist"),
        lambda *_: False,
        _any_value,
        holds_for_missing=True,
        equal_values_alike=True,
        relation=Relation.MISSING,
    ),
    OperatorRule(("length is greater than",), lambda found, value, _: _number_order(_length(found), value) == 1, _number_fault),
    OperatorRule(("length is less than",), lambda found, value, _: _number_order(_length(found), value) == -1, _upper_length_fault),
    OperatorRule(("length is equal to",), lambda found, value, _: _number_order(_length(found), value) == 0, _exact_length_fault),
)

OPERATORS: Final[Mapping[str, OperatorRule]] = {name: rule for rule in _ROWS for name in rule.names}
"""The rows by name, in the order in which the JSON Schema of a journey lists the names."""

Operator = Annotated[str, GetPydanticSchema(lambda _type, _handler: core_schema.literal_schema(list(OPERATORS)))]
"""The name of an operator as a field: validated, and listed in the JSON Schema, exactly as a `Literal` of all names would be."""
