"""The places of a JSON value at which another value can stand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

Replace = Callable[[Any], Any]
"""Returns the whole value with another value at one place."""


def text_fields(value: Any) -> Iterator[Replace]:
    """The places of all texts in a value, and of the names of its members."""
    if isinstance(value, str):
        yield _itself
    for name, member in value.items() if isinstance(value, dict) else ():
        yield partial(_renamed, value, name)
        for inner in text_fields(member):
            yield partial(_with_member, value, name, inner)
    for place, member in enumerate(value) if isinstance(value, list) else ():
        for inner in text_fields(member):
            yield partial(_with_element, value, place, inner)


def _itself(text: Any) -> Any:
    return text


def _renamed(value: dict[str, Any], name: str, text: Any) -> Any:
    return {text if key == name else key: member for key, member in value.items()}


def _with_member(value: dict[str, Any], name: str, inner: Replace, text: Any) -> Any:
    return {**value, name: inner(text)}


def _with_element(value: list[Any], place: int, inner: Replace, text: Any) -> Any:
    return [*value[:place], inner(text), *value[place + 1 :]]
