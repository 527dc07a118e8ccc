"""The senders that workspaces may use, by their settings in memory."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from waypost.cache.workspace_settings_cache import CachedSettings
from waypost.domain.messages.senders import address_in, sender_error


@dataclass(slots=True)
class Senders:
    """The senders of workspaces, as old as the settings are.

    `default` is the stack's `SenderAddress`, which every workspace may use; it is empty if the stack has none.
    """

    settings: CachedSettings
    default: str

    def error(self, workspace: str, sender: str, now: datetime) -> str | None:
        """Why the workspace may not send from this value of a From header, or None. UnavailableError if the settings cannot be read."""
        # First without the settings: the usual e-mail comes from the stack's address, and costs no read.
        if self.default and self._is_default(sender):
            return None
        return sender_error(sender, self.settings.of(workspace, now).senders)

    def _is_default(self, sender: str) -> bool:
        address = address_in(sender)
        return sender.strip() == self.default.strip() or (address is not None and address == address_in(self.default))
