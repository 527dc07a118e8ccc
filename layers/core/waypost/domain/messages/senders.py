"""Which senders a workspace may use: addresses, or all addresses of a domain (`docs/messages.md#senders`)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from waypost.domain.values.host_names import ascii_name
from waypost.domain.values.mailboxes import mailbox

_DOMAIN: Final = re.compile(r"([a-z0-9_-]+\.)+[a-z0-9-]+")
_LOCAL_PART: Final = re.compile(r"[^\s@<>,;\x00-\x1f\x7f]*")


def comparable_sender(text: str) -> str | None:
    """An address, or `@` and a domain, in the form in which senders compare; None for any other text.

    Letters are in lower case, and the domain is as in DNS: `News@München.example` is `news@xn--mnchen-3ya.example`.
    """
    local, at, domain = text.strip().lower().rpartition("@")
    ascii_domain = ascii_name(domain)
    if not at or ascii_domain is None or not _DOMAIN.fullmatch(ascii_domain) or not _LOCAL_PART.fullmatch(local):
        return None
    return f"{local}@{ascii_domain}"


def address_in(sender: str) -> str | None:
    """The one address in the value of a From header, in the form in which senders compare; None if there is not exactly one."""
    # By the function that composes the header: another parser might find another address than the one that SES gets.
    found = mailbox(sender)
    return None if found is None else comparable_sender(found.address)


def sender_error(sender: str, allowed: Iterable[str]) -> str | None:
    """Why a workspace may not send from `sender`, the value of a From header, or None. `allowed` are its addresses and domains."""
    address = address_in(sender)
    if address is None:
        return "the sender is not exactly one e-mail address"
    domain = "@" + address.rpartition("@")[2]
    if {address, domain} & {comparable_sender(each) for each in allowed}:
        return None
    return f"{address} is neither a sender of this workspace (PUT /api/settings) nor the stack's SenderAddress"
