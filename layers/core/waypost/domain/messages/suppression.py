"""A suppressed address: why and since when a channel sends nothing to it (`docs/messages.md#suppressions`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Suppression:
    """One suppressed address of a workspace. The address itself is not stored; `position` identifies it.

    `message` is the id of the message whose outcome suppressed the address, `since` the time of that outcome. Both are None for a
    suppression that an earlier release has stored.
    """

    channel: str
    position: str
    message: str | None = None
    since: datetime | None = None
