"""What a provider lets an account send, and when the next message may go (`docs/messages.md#rate-and-quota`). Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

NEARLY_USED: Final = 0.8
"""The share of the daily quota from which on an alarm is raised."""

SHORT_WAIT: Final = timedelta(seconds=1)
"""A message waits for less than this inside of its batch. For a longer wait its record goes back to the queue."""


@dataclass(frozen=True, slots=True)
class SendingQuota:
    """What the account may send, counted in recipients: in a second, and in 24 hours (None: without limit); `used` of the last 24 hours.

    In the `sandbox`, SES sends to verified addresses only. `enabled`: the account may send at all.
    """

    per_second: float
    per_day: float | None
    used: float
    sandbox: bool
    enabled: bool

    def is_nearly_used(self) -> bool:
        """Whether most of the daily quota is used up."""
        return self.per_day is not None and self.used >= NEARLY_USED * self.per_day

    def is_used_up(self, since: float) -> bool:
        """Whether nothing of the daily quota is left, if so many recipients came since the quota was read."""
        return self.per_day is not None and self.used + since >= self.per_day


@dataclass(frozen=True, slots=True)
class Bucket:
    """A token bucket: `tokens` are the recipients that may go at once at the time `at`; below zero, the last ones are ahead of the rate."""

    tokens: float
    at: datetime

    def filled(self, now: datetime, per_second: float) -> Bucket:
        """The bucket at a later time. It holds what the rate allows in a second, and at least one recipient."""
        seconds = max((now - self.at).total_seconds(), 0.0)
        return Bucket(min(self.tokens + seconds * per_second, max(per_second, 1.0)), max(now, self.at))

    def wait(self, per_second: float) -> timedelta:
        """How long the next message has to wait for its token."""
        missing = 1.0 - self.tokens
        return timedelta(seconds=missing / per_second) if missing > 0 else timedelta(0)

    def taken(self, recipients: float) -> Bucket:
        """The bucket without the tokens of a message; with a negative number, given back."""
        return replace(self, tokens=self.tokens - recipients)
