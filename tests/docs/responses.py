"""Compares what a command printed with the response that a document shows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

ANYTHING: Final = "..."


def last_json(output: str) -> Any:
    """The last JSON object or array in a text, also behind headers or another value. ValueError if there is none."""
    decoder = json.JSONDecoder()
    found: list[Any] = []
    position = 0
    while position < len(output):
        if output[position] in "{[":
            try:
                value, position = decoder.raw_decode(output, position)
            except ValueError:
                position += 1
            else:
                found.append(value)
        else:
            position += 1
    if not found:
        raise ValueError("the output holds no JSON object or array")
    return found[-1]


def differences(expected: Any, found: Any, place: str = "") -> Iterator[str]:
    """One line for each member that is shown but was not found, or has another value.

    Members that are not shown are ignored. `"..."` is any value, `"abc..."` any text that begins so, and `"..."` as the last element of an
    array any number of further elements.
    """
    if isinstance(expected, dict):
        yield from _members(expected, found, place)
    elif isinstance(expected, list):
        yield from _elements(expected, found, place)
    elif expected == ANYTHING:
        return
    elif isinstance(expected, str) and expected.endswith(ANYTHING):
        if not (isinstance(found, str) and found.startswith(expected.removesuffix(ANYTHING))):
            yield _line(place, expected, found)
    elif type(expected) is bool or type(found) is bool or expected is None:
        if expected is not found:
            yield _line(place, expected, found)
    elif expected != found:
        yield _line(place, expected, found)


def _members(expected: dict[str, Any], found: Any, place: str) -> Iterator[str]:
    if not isinstance(found, dict):
        yield _line(place, expected, found)
        return
    for name, value in expected.items():
        if name in found:
            yield from differences(value, found[name], f"{place}/{name}")
        else:
            yield f"{place}/{name}: shown, but missing in {_short(found)}"


def _elements(expected: list[Any], found: Any, place: str) -> Iterator[str]:
    is_open = bool(expected) and expected[-1] == ANYTHING
    shown = expected[:-1] if is_open else expected
    if not isinstance(found, list) or len(found) < len(shown) or (len(found) > len(shown) and not is_open):
        yield _line(place, expected, found)
        return
    for index, value in enumerate(shown):
        yield from differences(value, found[index], f"{place}/{index}")


def _line(place: str, expected: Any, found: Any) -> str:
    return f"{place or '/'}: shown {_short(expected)}, found {_short(found)}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 400 else text[:400] + " ..."
