"""Values of HTTP headers."""

from __future__ import annotations


def is_header_value(text: str) -> bool:
    """Whether a text can be the value of a header: a line break would start another header."""
    return not any(character < " " or character == "\x7f" for character in text)
