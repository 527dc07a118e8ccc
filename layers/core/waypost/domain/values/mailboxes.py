"""Senders and receivers of e-mails: what people write into `to` and `from`, and the header that SES gets (`docs/messages.md#email`).

A header is composed from a name and an address and never pasted. A name may contain everything that a customer's name may contain, such as
commas, quotes and line breaks, and must change neither the address nor the header.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from email.header import Header
from email.utils import formataddr, unquote
from typing import Final

from waypost.domain.values.host_names import ascii_name

_MAX_NAME: Final = 200
_LOCAL_PART: Final = re.compile(r"""[!#$%&'*+/=?^_`{|}~0-9A-Za-z.-]+|"[!#-\[\]-~]+\"""")
_DOMAIN: Final = re.compile(r"([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.IGNORECASE)
_MAX_LOCAL_PART: Final = 64
_MAX_DOMAIN: Final = 255
_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*"')
_ANOTHER_ADDRESS: Final = re.compile(r"<[^<>]*@[^<>]*>")
_SEVERAL: Final = re.compile("[,;]")
_LINE_BREAKS_AND_CONTROLS: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A display name, which may be empty, and an address in ASCII that SES takes."""

    name: str
    address: str

    @property
    def header(self) -> str:
        """The mailbox for a header of an e-mail: a name in another script is encoded (RFC 2047), and one with special characters quoted."""
        name = self.name[:_MAX_NAME]
        if name.isascii():
            return formataddr((name, self.address))
        # Not the header classes of email.policy: several releases of Python lose the quotes of a long name when they fold its header.
        return f"{Header(name, 'utf-8', maxlinelen=75).encode(linesep='')} <{self.address}>"


def mailbox(text: str) -> Mailbox | None:
    """The one mailbox that a text names, as `ann@example.com`, `Ann <ann@example.com>` or `ann@example.com (Ann)`.

    None if it names none, or more than one.
    """
    line = " ".join("".join(" " if unicodedata.category(each) in _LINE_BREAKS_AND_CONTROLS else each for each in text).split())
    if line.endswith(">"):
        written_name, found, address = line[:-1].rpartition("<")
        name = _name(written_name.strip()) if found else None
    elif line.endswith(")"):
        address, _, name = line[:-1].partition(" (")
    else:
        name, address = "", line
    usable = usable_address(address.strip())
    return None if name is None or usable is None else Mailbox(name, usable)


def _name(written: str) -> str | None:
    """The name in front of an address; None if it contains another address, so that it is not clear who is meant."""
    if _QUOTED.fullmatch(written):
        return unquote(written)
    parts = _SEVERAL.split(written)
    if _ANOTHER_ADDRESS.search(written) or (len(parts) > 1 and any(usable_address(part.strip()) for part in parts)):
        return None
    return written


def usable_address(text: str) -> str | None:
    """The address in the form that SES takes, with the domain in punycode; None if it has none.

    SES does not take local parts with other than ASCII characters, spaces or control characters.
    """
    local_part, _, written_domain = text.rpartition("@")
    domain = ascii_name(written_domain)
    if domain is None or len(domain) > _MAX_DOMAIN or not _DOMAIN.fullmatch(domain):
        return None
    return f"{local_part}@{domain}" if len(local_part) <= _MAX_LOCAL_PART and _LOCAL_PART.fullmatch(local_part) else None
