"""Host names in the form of DNS."""

from __future__ import annotations

import re
import unicodedata
from encodings import idna
from typing import Final

_DOTS: Final = re.compile("[.\u3002\uff0e\uff61]")
_KEPT_BY_IDNA_2008: Final = frozenset("\u00df\u03c2\u200c\u200d")
"""Characters that IDNA 2003, which Python implements, maps to others or drops: `straße.de` would become a name that another person owns."""


def ascii_name(host: str) -> str | None:
    """A host name in the form of DNS (`münchen.example` is `xn--mnchen-3ya.example`), or None if it has none."""
    if host.isascii():
        return host
    try:
        return ".".join(map(_ascii_label, _DOTS.split(host)))
    except UnicodeError:
        return None


def _ascii_label(label: str) -> str:
    if not label or label.isascii():
        return label
    if _KEPT_BY_IDNA_2008.isdisjoint(label):
        return idna.ToASCII(label).decode()
    encoded = f"xn--{unicodedata.normalize('NFC', label.lower()).encode('punycode').decode()}"
    if len(encoded) > 63:
        raise UnicodeError("a label of a host name is too long")
    return encoded
