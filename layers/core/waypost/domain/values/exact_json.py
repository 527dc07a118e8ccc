"""JSON without loss: integers are read as int and all other numbers as Decimal, so that they are written again to the last digit.

A float would change `0.10` and `12345678901234567890.1`; customers' attributes must come back as they were sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import MAX_EMAX, Decimal, InvalidOperation
from typing import Any, Final

import simplejson

_MAX_INT_DIGITS: Final = 4000
"""Python refuses to parse an int of more than 4,300 digits, as a defence: parsing takes time that grows with their square."""

_MAX_LEVELS: Final = 100
"""How many levels of a value are read where the parser cannot read them all: more than anything may have that is stored."""

_TOKENS: Final = re.compile(
    r"""
    "(?:[^"\\]|\\.)*+"                                # a string
    |(?:[\[{][^"\[\]{}]*+[\]}][^"\[\]{}]*+)++           # arrays and objects one after the other that hold no others, and no strings
    |[\[{]++|[\]}]++                                   # opening brackets, or closing ones
    |[^"\[\]{}]++                                     # what is between all these
    |"                                                # the beginning of a string without an end
    """,
    re.DOTALL | re.VERBOSE,
)
"""Each character of a text is in one of these tokens. Nothing of what has matched is tried again, so the time grows with the length."""


def loads(text: str | bytes) -> Any:
    """The value of a JSON text (RFC 8259). ValueError for any other text: NaN and Infinity are not JSON, nor is invalid UTF-8.

    A value nested too deeply for the parser is cut at 100 levels, and a number whose exponent not even a Decimal can hold gets the largest,
    instead of an error: in a batch, only the event with the excess must be rejected. Both exceed every limit on what is stored.
    """
    if isinstance(text, bytes):
        text = text.decode()  # the parser skips a byte order mark, and only one
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


def _flattened(text: str) -> str:
    """The JSON text with the number 0 in place of each object or array below `_MAX_LEVELS` levels. ValueError if the text is no JSON."""
    pieces = _Pieces()
    for match in _TOKENS.finditer(text):
        part = match[0]
        if part[-1] in "[{":
            pieces.add_opening(part)
        elif part[0] in "]}":
            pieces.add_closing(part)
        elif part == '"':
            raise ValueError("a string has no end")
        else:
            pieces.add(part)
    return pieces.outermost()


class _Pieces:
    """A JSON text that is cut at each multiple of `_MAX_LEVELS` levels; the parser reads one piece after the other, the innermost first.

    The parser recurses, and a body of 4 MB may nest two million levels: no recursion limit is high enough. What is left out of the value
    has to be JSON too, or a text that is no JSON would be taken for a batch. Strings are tokens of their own: their brackets do not count.
    """

    def __init__(self) -> None:
        self._unfinished: list[list[str]] = [[]]
        self._depth = 0

    def add(self, text: str) -> None:
        """Adds a text without brackets, or with brackets that match."""
        self._unfinished[-1].append(text)

    def add_opening(self, brackets: str) -> None:
        """Adds opening brackets."""
        for part in _parts(brackets, _MAX_LEVELS - self._depth % _MAX_LEVELS):
            if self._depth and self._depth % _MAX_LEVELS == 0:
                self._unfinished.append([])
            self.add(part)
            self._depth += len(part)

    def add_closing(self, brackets: str) -> None:
        """Adds closing brackets. ValueError for more than were opened, and for a piece that is no JSON."""
        for part in _parts(brackets, self._depth % _MAX_LEVELS or _MAX_LEVELS):
            self.add(part)
            self._depth -= len(part)
            if self._depth < 0:
                raise ValueError("the brackets do not match")
            if self._depth and self._depth % _MAX_LEVELS == 0:
                _parse("".join(self._unfinished.pop()))
                self.add(" 0 ")  # the spaces keep a digit beside it from becoming a number with it

    def outermost(self) -> str:
        """The first piece. ValueError if a bracket is not closed."""
        if self._depth:
            raise ValueError("the brackets do not match")
        return "".join(self._unfinished[0])


def _parts(text: str, first: int) -> Iterator[str]:
    """The parts of a text: the first has at most `first` characters, and each other one `_MAX_LEVELS`."""
    yield text[:first]
    for place in range(first, len(text), _MAX_LEVELS):
        yield text[place : place + _MAX_LEVELS]


def dumps(value: Any, *, ascii_only: bool = True) -> str:
    """A value as compact JSON. With `ascii_only`, all other characters are escaped: SQS refuses some that JSON may contain."""
    text: str = (_ASCII if ascii_only else _UNICODE).encode(value)
    return text


def canonical(value: Any) -> str:
    """A value as JSON with sorted keys: equal values give equal texts, whatever the order of their keys."""
    text: str = _SORTED.encode(value)
    return text
