"""Filters of templates that work with arrays. A value that is no array is an array of this element, and nil is an empty one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Context, Decimal
from operator import itemgetter
from typing import Any, Final

from waypost.adapters.liquid_values import is_missing, to_json, to_text
from waypost.domain.values import exact_json

WIDE: Final = Context(prec=5_000)
"""Decimal arithmetic without loss for all numbers that a template can have."""

_INTEGER: Final = re.compile(r"\s*([+-]?[0-9]+)")
_DECIMAL: Final = re.compile(r"\s*([+-]?[0-9]+\.[0-9]+)\s*")


def array(value: Any) -> Any:
    """The value as an array: none for nil, and one with this element for a value that is no array."""
    if value is None:
        return []
    return list(value) if is_missing(value) or isinstance(value, range) else value


def elements(value: Any) -> list[Any]:
    """The elements of an array, of the arrays in it too; a value that is no array is the only element."""
    whole = array(value)
    return list(_flattened(whole)) if isinstance(whole, list | tuple) else [whole]


def _flattened(nested: Any, levels: int = 5) -> Iterator[Any]:
    for element in nested:
        if levels and isinstance(element, list | tuple):
            yield from _flattened(element, levels - 1)
        else:
            yield element


def to_number(value: Any) -> Any:
    """A value as a number: a text by the number that it begins with, and 0 for all that is no number."""
    if is_missing(value):
        return len(value)  # 0, or an error in a strict template
    if isinstance(value, bool):
        return 0
    if isinstance(value, int | float):
        return value
    if not isinstance(value, str):
        return 0
    if decimal := _DECIMAL.fullmatch(value):
        return float(decimal[1])
    integer = _INTEGER.match(value)
    return int(integer[1]) if integer else 0


def first(value: Any) -> Any:
    """The first element of an array, or the first member of an object as name and value."""
    if isinstance(value, dict):
        return next((list(item) for item in value.items()), None)
    return value[0] if isinstance(value, list | tuple | range) and value else None


def last(value: Any) -> Any:
    """The last element of an array."""
    return value[-1] if isinstance(value, list | tuple | range) and value else None


def _keyed(value: Any, key: Any) -> Iterator[tuple[Any, Any]]:
    """The elements of an array, each behind its member `key`, or behind itself where no key is given."""
    without_key = is_missing(key) or key is None
    for element in elements(value):
        yield element if without_key else _member(element, key), element


def _member(element: Any, key: Any) -> Any:
    try:
        return element[key] if isinstance(element, list | tuple | dict) else None
    except (LookupError, TypeError):
        return None


def compact(value: Any, key: Any = None) -> list[Any]:
    """The elements that are not nil, or whose member is not."""
    return [element for found, element in _keyed(value, key) if found is not None]


def sort(value: Any, key: Any = None) -> list[Any]:
    """The array in ascending order, elements without a value at the end."""
    return _sorted(value, key, lambda found: found)


def sort_natural(value: Any, key: Any = None) -> list[Any]:
    """The same, whatever the case of letters."""
    return _sorted(value, key, lambda found: to_text(found).lower())


def _sorted(value: Any, key: Any, order: Callable[[Any], Any]) -> list[Any]:
    pairs = list(_keyed(value, key))
    present = sorted(((order(found), element) for found, element in pairs if found is not None), key=itemgetter(0))
    return [*(element for _, element in present), *(element for found, element in pairs if found is None)]


def uniq(value: Any, key: Any = None) -> list[Any]:
    """The array without repeated elements. They are compared by a text: comparing each with each would take minutes."""
    seen: dict[str, Any] = {}
    for found, element in _keyed(value, key):
        seen.setdefault(_identity(found), element)
    return list(seen.values())


def _identity(value: Any) -> str:
    """A text that is the same for equal values: 1 and 1.0 are equal, 1 and "1" are not."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(WIDE.normalize(Decimal(str(value))))
    return exact_json.canonical(to_json(value))


def total(value: Any, key: Any = None) -> Any:
    """The sum of the elements, or of a member of each."""
    numbers = [to_number(found) for found, _ in _keyed(value, key)]
    result = sum(number if isinstance(number, int) else Decimal(str(number)) for number in numbers)
    return float(result) if isinstance(result, Decimal) else result
