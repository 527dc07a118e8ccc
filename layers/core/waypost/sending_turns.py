"""The turn of one message under the rate and the quota of its provider (`docs/messages.md#rate-and-quota`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from waypost.cache.sending_quotas import Pace, Paces, SendLater
from waypost.domain.messages.message import Message


@dataclass(slots=True)
class Turn:
    """The turn of a message, taken once for one delivery of its record. A turn in which the provider is not called is given back."""

    paces: Paces
    sleep: Callable[[float], None]
    pace: Pace | None = None
    is_taken: bool = False
    is_used: bool = False

    def begin(self, row: Message, now: datetime) -> SendLater | None:
        """Waits until the rate of the provider allows this message, for at most a second; returns when to try again if that is later."""
        if self.is_taken:
            return None
        self.pace = self.paces.get(row.channel)
        if self.pace is not None:
            turn = self.pace.turn(row.id, now)
            if isinstance(turn, SendLater):
                return turn
            if turn.after:
                # The messages of a batch are sent in threads of their own, so that each waits for itself only.
                self.sleep(turn.after.total_seconds())
        self.is_taken = True
        return None

    def use(self) -> None:
        """The provider is called now."""
        self.is_used = True

    def end(self) -> None:
        """Gives the turn back if the provider was not called in it, whatever the reason: otherwise an outage would use up the rate."""
        if self.is_taken and not self.is_used and self.pace is not None:
            self.pace.unused()
