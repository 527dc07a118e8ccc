"""JSON values and long texts as attributes of a row: plain while they are short, compressed once that saves write units."""

from __future__ import annotations

import zlib
from typing import Any, Final

from waypost.domain.values import exact_json

MAX_PLAIN_LENGTH: Final = 1024
"""Characters. DynamoDB charges for every started KB of a row, so compressing less than this rarely saves anything."""


def json_to_attribute(value: Any) -> str | bytes:
    """A JSON value as an attribute: its text, or compressed bytes. Numbers keep all of their digits."""
    text = exact_json.dumps(value, ascii_only=False)
    return text if len(text) <= MAX_PLAIN_LENGTH else compress(text)


def json_from_attribute(attribute: str | bytes) -> Any:
    """The JSON value in an attribute that `json_to_attribute` made."""
    return exact_json.loads(attribute if isinstance(attribute, str) else decompress(attribute))


def compress(text: str) -> bytes:
    """A text as zlib-compressed UTF-8. Lone surrogates are kept: a rejected event or an unreadable record may hold them."""
    return zlib.compress(text.encode("utf-8", "surrogatepass"))


def decompress(attribute: bytes) -> str:
    """The text that `compress` was given."""
    return zlib.decompress(attribute).decode("utf-8", "surrogatepass")
