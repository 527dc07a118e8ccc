"""The operator table of contract 3.1, under the texts that Laudspeaker's editor writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

from waypost.domain.values.comparison import canonical, instant, number

Operator = Literal[
    "is equal to",
    "is not equal to",
    "is greater than",
    "is less than",
    "before",
    "after",
    "during",
    "contains",
    "does not contain",
    "exist",
    "exists",
    "not exist",
    "doesNotExist",
    "length is greater than",
    "length is less than",
    "length is equal to",
]
_PLAIN: Final = frozenset({str, int})
Test = Callable[[Any, Any, str], bool]
"""Found value (None: missing), the condition's own value, the workspace's zone -> whether the operator holds."""


def same(found: Any, value: Any, zone: str) -> bool:
    """Whether two values are the same in the sense of `is equal to`; null is the same as nothing."""
    if type(found) is type(value) and type(found) in _PLAIN and found == value:
        return True
    return found is not None and value is not None and canonical(found, zone) == canonical(value, zone)


def _order(found: Any, value: Any) -> int | None:
    """-1, 0 or 1 as a number compares with another; None where either is none."""
    left, right = number(found), number(value)
    return None if left is None or right is None else (left > right) - (left < right)


def _since(found: Any, value: Any, zone: str) -> int | None:
    """-1, 0 or 1 as an instant lies before, at or after another; None where either is none."""
    left, right = instant(found, zone), instant(value, zone)
    return None if left is None or right is None else (left > right) - (left < right)


def _during(found: Any, value: Any, zone: str) -> bool:
    if not isinstance(value, Mapping):
        return False
    return _since(found, value.get("from"), zone) in (0, 1) and _since(found, value.get("to"), zone) == -1


def _contains(found: Any, value: Any, zone: str) -> bool | None:
    """Text in text, member of array; None where the types do not fit."""
    if isinstance(found, str):
        return value in found if isinstance(value, str) else None
    if isinstance(found, list | tuple):
        return any(same(each, value, zone) for each in found)
    return None


def _length(found: Any) -> int | None:
    return len(found) if isinstance(found, str | list | tuple) else None


TESTS: Final[Mapping[str, Test]] = {
    "is equal to": same,
    "is not equal to": lambda found, value, zone: not same(found, value, zone),
    "is greater than": lambda found, value, _: _order(found, value) == 1,
    "is less than": lambda found, value, _: _order(found, value) == -1,
    "before": lambda found, value, zone: _since(found, value, zone) == -1,
    "after": lambda found, value, zone: _since(found, value, zone) == 1,
    "during": _during,
    "contains": lambda found, value, zone: _contains(found, value, zone) is True,
    "does not contain": lambda found, value, zone: found is None or _contains(found, value, zone) is False,
    "exist": lambda found, _value, _zone: found is not None,
    "exists": lambda found, _value, _zone: found is not None,
    "not exist": lambda found, _value, _zone: found is None,
    "doesNotExist": lambda found, _value, _zone: found is None,
    "length is greater than": lambda found, value, _: _order(_length(found), value) == 1,
    "length is less than": lambda found, value, _: _order(_length(found), value) == -1,
    "length is equal to": lambda found, value, _: _order(_length(found), value) == 0,
}
