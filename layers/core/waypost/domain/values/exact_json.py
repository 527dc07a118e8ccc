"""JSON that keeps numbers as they came: whole numbers as int, all others as Decimal, to the last digit (contract 1.4)."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Final

import simplejson

_LONGEST_INT: Final = 4000
_PIECES: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]|[^"\[\]{}]+', re.DOTALL)


def _whole(digits: str) -> int | Decimal:
    return int(digits) if len(digits) <= _LONGEST_INT else Decimal(digits)


def loads(text: str | bytes) -> Any:
    """The value of a JSON text; ValueError where it is not JSON (RFC 8259; NaN and Infinity are not)."""
    if isinstance(text, bytes):
        text = text.decode("utf-8-sig")
    try:
        return _parse(text)
    except RecursionError:
        return _parse(_shallow(text))


def _parse(text: str) -> Any:
    return simplejson.loads(text, use_decimal=True, parse_int=_whole, allow_nan=False)


def _shallow(text: str, deepest: int = 64) -> str:
    """A text nested too deeply for any parser, with a number in place of all that lies below `deepest` levels."""
    pieces: list[str] = []
    depth = 0
    for match in _PIECES.finditer(text):
        piece = match[0]
        depth += piece in ("[", "{")
        if depth <= deepest:
            pieces.append(piece)
        elif depth == deepest + 1 and piece in ("[", "{"):
            pieces.append("0")
        depth -= piece in ("]", "}")
    return "".join(pieces)


def dumps(value: Any, *, ascii_only: bool = True) -> str:
    """A value as compact JSON. With `ascii_only` it may travel where control characters and lone surrogates may not."""
    return simplejson.dumps(value, use_decimal=True, ensure_ascii=ascii_only, separators=(",", ":"))


def canonical(value: Any) -> str:
    """A value as JSON with sorted keys: the same text for the same value, whatever order its keys came in."""
    return simplejson.dumps(value, use_decimal=True, sort_keys=True, separators=(",", ":"))
