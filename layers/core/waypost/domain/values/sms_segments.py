"""The parts in which a text message is sent, each of which is billed (`docs/messages.md#sms`).

A text whose characters are all in the alphabet of GSM 03.38 is sent in 7 bits a character, any other one in UCS-2, 16 bits a character.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

MAX_CHARACTERS: Final = 1600
"""The most characters that AWS takes in one text message."""

_BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED: Final = frozenset("\f^{}\\[~]|€")
"""Characters of two septets: an escape and a character."""


class SmsParts(NamedTuple):
    """How a text is sent: its encoding, and in how many parts."""

    encoding: Literal["GSM-7", "UCS-2"]
    number: int


def sms_parts(text: str) -> SmsParts:
    """The parts of a text. A character that takes two units is in one part as a whole."""
    if all(each in _BASIC or each in _EXTENDED for each in text):
        return SmsParts("GSM-7", _parts((2 if each in _EXTENDED else 1 for each in text), single=160, part=153))
    return SmsParts("UCS-2", _parts((2 if ord(each) > 0xFFFF else 1 for each in text), single=70, part=67))


def _parts(units: Iterable[int], *, single: int, part: int) -> int:
    """The number of parts for characters of these units: one part of `single` units, or several of `part` units each."""
    sizes = list(units)
    if sum(sizes) <= single:
        return 1
    count, free = 1, part
    for size in sizes:
        if size > free:
            count, free = count + 1, part
        free -= size
    return count
