"""Which headers a template may add to an e-mail, and with which values (`docs/messages.md#email`).

An e-mail has headers that decide who gets it, how it is read and what a mailbox provider makes of it. A template may add only those that
change none of this. SES takes 15 headers, a name of 126 characters, and 996 printable ASCII characters for a name and its value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

MAX_OWN_HEADERS: Final = 13
"""SES takes 15 headers of an e-mail; two are kept for `List-Unsubscribe` and `List-Unsubscribe-Post`."""

MAX_HEADER_CHARACTERS: Final = 996
"""Of name and value together, as SES requires."""

_MAX_NAME: Final = 126
_ALLOWED: Final = frozenset({"references", "in-reply-to", "auto-submitted", "feedback-id"})
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE: Final = re.compile(r"[ -~]*")


def header_name_error(name: str) -> str | None:
    """Why a template may not set the header of this name, or None."""
    lower = name.lower()
    if not _NAME.fullmatch(name) or len(name) > _MAX_NAME:
        return f"the name of a header has 1 to {_MAX_NAME} letters, digits and hyphens"
    # SES reads instructions from `X-SES-...` headers, such as the identity to send as; they would pass by our own checks.
    if lower in _ALLOWED or (lower.startswith("x-") and not lower.startswith("x-ses-")):
        return None
    return "a template may set X-... (but not X-SES-...), References, In-Reply-To, Auto-Submitted and Feedback-ID, and no other header"


def header_value_error(name: str, value: str) -> str | None:
    """Why this cannot be the value of the header, or None."""
    if not _VALUE.fullmatch(value):
        return "the value of a header consists of printable ASCII characters, in one line"
    length = len(name) + len(value)
    if length > MAX_HEADER_CHARACTERS:
        return f"the name and the value of a header have at most {MAX_HEADER_CHARACTERS} characters together, these have {length}"
    return None


def repeated_header_names(headers: Mapping[str, object]) -> Iterator[str]:
    """The names that differ from an earlier one in upper and lower case only: they would be the same header twice."""
    seen: set[str] = set()
    for name in headers:
        if name.lower() in seen:
            yield name
        seen.add(name.lower())


def headers_error(headers: Mapping[str, str]) -> str | None:
    """The first fault of the rendered headers of an e-mail, with the name of the header; None if SES takes them all."""
    if len(headers) > MAX_OWN_HEADERS:
        return f"an e-mail has at most {MAX_OWN_HEADERS} headers of its own"
    if repeated := next(repeated_header_names(headers), None):
        return f"the header {repeated} is set twice"
    for name, value in headers.items():
        fault = header_name_error(name) or header_value_error(name, value)
        if fault is not None:
            return f"header {name}: {fault}"
    return None
