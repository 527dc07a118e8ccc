"""JSON without loss: integers are read as int and all other numbers as Decimal, so that they are written again to the last digit.

A float would change `0.10` and `12345678901234567890.1`; customers' attributes must come back as they were sent.
"""

from __future__ import annotations

import re
from decimal import MAX_EMAX, Decimal, InvalidOperation
from typing import Any, Final

import simplejson

_MAX_INT_DIGITS: Final = 4000
"""Python refuses to parse an int of more than 4,300 digits, as a defence: parsing takes time that grows with their square."""

_TOKENS: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]|[^"\[\]{}]+', re.DOTALL)


def loads(text: str | bytes) -> Any:
    """The value of a JSON text (RFC 8259). ValueError for any other text: NaN and Infinity are not JSON, nor is invalid UTF-8.

    A value nested below 64 levels is cut there, and a number whose exponent not even a Decimal can hold gets the largest one that it can,
    instead of an error: in a batch, only the event with the excess must be rejected. Both exceed every limit on what is stored.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8-sig")
    try:
        return _parse(text)
    except RecursionError:
        return _parse(_flattened(text))


def _parse(text: str) -> Any:
    return _DECODER.decode(text)


def _integer(digits: str) -> int | Decimal:
    return int(digits) if len(digits) <= _MAX_INT_DIGITS else Decimal(digits)


def _decimal(literal: str) -> Decimal:
    try:
        return Decimal(literal)
    except InvalidOperation:
        mantissa, _, exponent = literal.lower().partition("e")
        return Decimal(f"{'-' * mantissa.startswith('-')}1e{'-' * exponent.startswith('-')}{MAX_EMAX}")


# Made once: `simplejson.loads` and `dumps` make a new one for each call with options, which takes half of the time of a short text.
_DECODER: Final = simplejson.JSONDecoder(parse_float=_decimal, parse_int=_integer, allow_nan=False)
_ASCII: Final = simplejson.JSONEncoder(use_decimal=True, separators=(",", ":"))
_UNICODE: Final = simplejson.JSONEncoder(use_decimal=True, separators=(",", ":"), ensure_ascii=False)
_SORTED: Final = simplejson.JSONEncoder(use_decimal=True, separators=(",", ":"), sort_keys=True)


def _flattened(text: str, max_depth: int = 64) -> str:
    """The JSON text with the number 0 in place of each object or array below `max_depth` levels.

    The parser recurses, and a body of 4 MB may nest two million levels: no recursion limit is high enough. The tokens are therefore
    counted without recursion. Strings are tokens of their own, so that brackets in them do not count.
    """
    kept: list[str] = []
    depth = 0
    for match in _TOKENS.finditer(text):
        json_token = match[0]
        depth += json_token in ("[", "{")
        if depth <= max_depth:
            kept.append(json_token)
        elif depth == max_depth + 1 and json_token in ("[", "{"):
            kept.append("0")
        depth -= json_token in ("]", "}")
    return "".join(kept)


def dumps(value: Any, *, ascii_only: bool = True) -> str:
    """A value as compact JSON. With `ascii_only`, all other characters are escaped: SQS refuses some that JSON may contain."""
    text: str = (_ASCII if ascii_only else _UNICODE).encode(value)
    return text


def canonical(value: Any) -> str:
    """A value as JSON with sorted keys: equal values give equal texts, whatever the order of their keys."""
    text: str = _SORTED.encode(value)
    return text
