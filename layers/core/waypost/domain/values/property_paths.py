"""How a path with dots finds a value in a payload or among a customer's attributes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

_POSITION: Final = re.compile(r"0|[1-9][0-9]{0,8}")


def find(value: Any, parts: Sequence[str]) -> Any:
    """The value that a path's parts lead to; None where there is nothing or null.

    A whole number counts the elements of an array from 0. Names may hold dots themselves: the longest name that leads somewhere wins.
    """
    if not parts:
        return value
    if isinstance(value, dict):
        return value.get(parts[0]) if len(parts) == 1 else _in_object(value, parts)
    if isinstance(value, Mapping):  # after dict: asking an abstract class takes ten times as long
        return _in_object(value, parts)
    if isinstance(value, list | tuple) and _POSITION.fullmatch(parts[0]) and int(parts[0]) < len(value):
        return find(value[int(parts[0])], parts[1:])
    return None


def _in_object(value: Mapping[str, Any], parts: Sequence[str]) -> Any:
    for length in range(len(parts), 0, -1):
        below = value.get(".".join(parts[:length]))
        found = None if below is None else find(below, parts[length:])
        if found is not None:
            return found
    return None
