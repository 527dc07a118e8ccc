"""Which senders a workspace may use."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from waypost.domain.messages.senders import comparable_sender, sender_error
from waypost.domain.messages.workspace_settings import WorkspaceSettings

ALLOWED = ("news@example.com", "@München.example")
NO_SENDERS = (
    "",
    "@",
    "a@",
    "a",
    "a@b",
    "a b@example.com",
    "a@@example.com",
    "a@exa mple.com",
    "a,b@example.com",
    "<a@example.com>",
)


@pytest.mark.parametrize(
    "sender",
    [
        "news@example.com",
        "News@Example.COM",
        " News <news@example.com> ",
        '"Doe, Ann" <news@example.com>',
        "=?utf-8?q?Zo=C3=AB?= <news@example.com>",
        "anything@münchen.example",
        "anything@xn--mnchen-3ya.example",
    ],
)
def test_an_allowed_sender_has_no_error(sender: str) -> None:
    """An address of the list is allowed in any case and with any name, and so is every address of a domain of the list."""
    assert sender_error(sender, ALLOWED) is None


@pytest.mark.parametrize(
    "sender",
    [
        "other@example.com",
        "news@sub.münchen.example",
        "news@example.com.evil.example",
        "news@example.com <ceo@other.example>",
        "news@example.com, ceo@other.example",
        '"news@example.com" <ceo@other.example>',
        "<news@example.com> <ceo@other.example>",
        "@münchen.example",
        "news",
        "",
        "news@example.com\r\nBcc: ceo@other.example",
    ],
)
def test_any_other_sender_is_refused(sender: str) -> None:
    """Another address, a subdomain, two addresses and a text that is no address are refused, whatever allowed address is part of them."""
    assert sender_error(sender, ALLOWED) is not None


def test_without_senders_every_sender_is_refused() -> None:
    """An empty list allows no address."""
    assert sender_error("news@example.com", ()) is not None


@pytest.mark.parametrize("text", NO_SENDERS)
def test_a_text_that_is_no_sender_is_no_setting(text: str) -> None:
    """Settings take addresses and domains only."""
    assert comparable_sender(text) is None
    with pytest.raises(ValidationError):
        WorkspaceSettings(senders=(text,))
