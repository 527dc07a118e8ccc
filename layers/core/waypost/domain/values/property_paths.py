"""Property paths with dots, such as `payload.order.total`, and the values that they lead to."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,8}")


def find(value: Any, parts: Sequence[str]) -> Any:
    """The value at the end of a path, which is given as its parts; None where there is nothing or null.

    A part of digits is an index (from 0) where the value is an array. A name may contain dots itself: with the parts `a`, `b`, the member
    `a.b` wins over the member `b` of `a`.
    """
    if not parts:
        return value
    if isinstance(value, dict):
        return value.get(parts[0]) if len(parts) == 1 else _in_object(value, parts)
    if isinstance(value, Mapping):  # after dict: a check against an abstract class takes ten times as long
        return _in_object(value, parts)
    if isinstance(value, list | tuple) and _INDEX.fullmatch(parts[0]) and int(parts[0]) < len(value):
        return find(value[int(parts[0])], parts[1:])
    return None


def _in_object(value: Mapping[str, Any], parts: Sequence[str]) -> Any:
    for length in range(len(parts), 0, -1):
        below = value.get(".".join(parts[:length]))
        found = None if below is None else find(below, parts[length:])
        if found is not None:
            return found
    return None
