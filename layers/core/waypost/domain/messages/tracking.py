"""Which links of an e-mail SES does not track (`docs/messages.md#tracking`)."""

from __future__ import annotations

import re
from typing import Final

NO_TRACK: Final = "ses:no-track"
"""The attribute by which SES leaves a link as it is. SES removes the attribute before it sends the e-mail."""

_ANCHOR: Final = re.compile(r"<a(?=\s)[^<>]*>", re.IGNORECASE)
_HREF: Final = re.compile(r"""\shref\s*=\s*("[^"]*"|'[^']*'|[^\s"'>]+)""", re.IGNORECASE)
_OWN_LINK: Final = re.compile(r"/u/[A-Za-z0-9_-]+/?(?:[?#].*)?", re.DOTALL)


def with_untracked_links(html: str) -> str:
    """The HTML part of an e-mail, with the attribute in each link to a page of Waypost itself (`.../u/<token>`)."""
    # SES replaces a tracked link by one of its own, which would see the token, ends some time after the mail was sent, and would report an
    # unsubscription as a click.
    return _ANCHOR.sub(_untracked, html)


def _untracked(anchor: re.Match[str]) -> str:
    tag = anchor[0]
    href = _HREF.search(tag)
    if href is None or NO_TRACK in tag.lower() or not _is_own(href[1].strip("\"'")):
        return tag
    return f"{tag[:2]} {NO_TRACK}{tag[2:]}"


def _is_own(url: str) -> bool:
    path_begins = url.rfind("/u/")
    return path_begins >= 0 and _OWN_LINK.fullmatch(url, path_begins) is not None
