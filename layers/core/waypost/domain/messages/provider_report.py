"""One event of a provider about one message, whatever the provider (`docs/messages.md#reports-of-ses`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

MESSAGE_TAG: Final = "waypost-message"
WORKSPACE_TAG: Final = "waypost-workspace"
"""The tags of an outgoing e-mail, and the context of an SMS, which the provider repeats in its events."""


class ReportKind(StrEnum):
    """What happened to a message. Metrics have these words as their reason."""

    DELIVERED = "delivered"
    DELAYED = "delayed"
    """The provider goes on trying."""
    BOUNCED = "bounced"
    """The address does not exist, or takes nothing from this sender, for good."""
    SOFT_BOUNCED = "soft-bounced"
    """It could not be delivered for another reason, such as a full mailbox."""
    COMPLAINED = "complained"
    """A receiver has marked it as spam."""
    REJECTED = "rejected"
    """The provider has accepted it and then refused to send it."""
    OPENED = "opened"
    CLICKED = "clicked"


@dataclass(frozen=True, slots=True)
class ProviderReport:
    """One event of a provider about one message.

    `at` is when it happened, by the clock of the provider. `addresses` are the receivers that it is about, if it names them, and
    `has_several_receivers` whether the message went to others too. `is_for_only_receiver`: the message has one receiver, so that an event
    that names none is about the one in the row of the message. `detail` is text for a person, which may hold an address. `link` is the
    URL that was clicked.
    """

    workspace: str
    message: str
    kind: ReportKind
    at: datetime
    addresses: tuple[str, ...] = ()
    has_several_receivers: bool = False
    detail: str = ""
    link: str | None = None
    is_for_only_receiver: bool = False
