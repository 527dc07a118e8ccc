"""How a reader of queue messages recognises what a newer version of Waypost wrote (docs/architecture.md#signals-and-their-formats).

A deployment leaves messages of its own on the queues. After a rollback the older version receives them, and must neither misread nor drop
them. A message without a number has format 1; every later format carries its number under the key `format`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from waypost.domain.errors import NewerFormatError

FORMAT_KEY: Final = "format"
FORMAT: Final = 1


class Shape(NamedTuple):
    """What a format allows in a JSON object: its keys, and for a key with a closed list of values that list."""

    keys: frozenset[str]
    words: Mapping[str, Collection[str]] = MappingProxyType({})
    number: int = FORMAT


def message_object(value: Any, formats: Collection[int] = (FORMAT,)) -> Mapping[str, Any]:
    """A queue message as a JSON object of one of these formats. NewerFormatError for another one, TypeError for what is no object."""
    if not isinstance(value, Mapping):
        raise TypeError("a queue message is a JSON object")
    if value.get(FORMAT_KEY, FORMAT) not in formats:
        raise NewerFormatError(f"the message has format {value.get(FORMAT_KEY, FORMAT)!r}")
    return value


def require_shape(value: Mapping[str, Any], shape: Shape) -> None:
    """Raises NewerFormatError if an object holds a key, or a word of a closed list, that its format does not have.

    A missing key or a wrong type is no sign of a newer version; the reader that follows fails on it.
    """
    # A version that adds a key gives it a meaning. Ignoring the key would carry out the message without that meaning, and for ever:
    # the message would be deleted as done. Retrying it costs nothing but time.
    unknown = value.keys() - shape.keys - {FORMAT_KEY}
    if unknown:
        raise NewerFormatError(f"the message has unknown keys: {', '.join(sorted(unknown))}")
    for key, words in shape.words.items():
        require_word(key, value.get(key), words)


def require_word(key: str, word: Any, words: Collection[str]) -> None:
    """Raises NewerFormatError if a text is not in the closed list of its key. A value that is no text passes: its reader fails on it."""
    if isinstance(word, str) and word not in words:
        raise NewerFormatError(f"the message has an unknown {key}: {word}")
