"""The senders that workspaces may use, kept in memory."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from waypost import ports
from waypost.cache.ttl_cache import TtlCache
from waypost.domain.messages.senders import address_in, sender_error
from waypost.domain.messages.workspace_settings import WorkspaceSettings

SETTINGS_SECONDS: Final = 30


@dataclass(slots=True)
class Senders:
    """The senders of workspaces, at most `max_age` seconds old. While the table is unavailable, the last ones are used at any age.

    `default` is the stack's `SenderAddress`, which every workspace may use; it is empty if the stack has none.
    """

    settings: ports.SenderSettings
    default: str
    max_age: int = SETTINGS_SECONDS
    cache: TtlCache[WorkspaceSettings] = field(default_factory=TtlCache)

    def error(self, workspace: str, sender: str, now: datetime) -> str | None:
        """Why the workspace may not send from this value of a From header, or None. UnavailableError if the settings cannot be read."""
        # First without the settings: the usual e-mail comes from the stack's address, and costs no read.
        if self.default and self._is_default(sender):
            return None
        return sender_error(sender, self._senders(workspace, now))

    def _is_default(self, sender: str) -> bool:
        address = address_in(sender)
        return sender.strip() == self.default.strip() or (address is not None and address == address_in(self.default))

    def _senders(self, workspace: str, now: datetime) -> tuple[str, ...]:
        settings = self.cache.read(
            workspace, now, lambda _: self.max_age, lambda *_: self.settings.read(workspace).settings, outage_age=lambda _: math.inf
        )
        return settings.senders
