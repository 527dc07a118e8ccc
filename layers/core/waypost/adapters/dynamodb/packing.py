"""JSON in a row: as text while it is short, compressed once that saves write units."""

from __future__ import annotations

import zlib
from typing import Any, Final

from waypost.domain.values import exact_json

_SHORT: Final = 1024


def packed(value: Any) -> str | bytes:
    """A JSON value as an attribute."""
    text = exact_json.dumps(value, ascii_only=False)
    return text if len(text) <= _SHORT else compressed(text)


def unpacked(stored: str | bytes) -> Any:
    """The reverse of `packed`."""
    return exact_json.loads(stored if isinstance(stored, str) else expanded(stored))


def compressed(text: str) -> bytes:
    """A text, lone surrogates included, as few bytes."""
    return zlib.compress(text.encode("utf-8", "surrogatepass"))


def expanded(stored: bytes) -> str:
    """The reverse of `compressed`."""
    return zlib.decompress(stored).decode("utf-8", "surrogatepass")
