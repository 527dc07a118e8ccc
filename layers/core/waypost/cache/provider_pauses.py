"""Pauses of providers that throttle, as one instance of the send function remembers them (`docs/messages.md#throttling`)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

FIRST_PROVIDER_PAUSE: Final = timedelta(seconds=1)
LONGEST_PAUSE: Final = timedelta(seconds=60)
QUIET_PERIOD: Final = timedelta(minutes=5)
"""If the provider throttles again after a longer time than this, the pauses begin with the shortest one again."""


@dataclass(frozen=True, slots=True)
class _Throttling:
    """A time of refused calls: its start, the refusal that began the last pause, the end of that pause, and the length of the next one."""

    since: datetime
    refused_at: datetime
    until: datetime
    next_pause: timedelta


@dataclass(slots=True)
class ProviderPauses:
    """The pauses of providers, by the names of their channels.

    A refusal begins a pause in which this instance calls the provider for no message. The first pause takes a second, and each further one
    twice as long, up to a minute, until the provider accepts a message.
    """

    # In memory and not in a table: a table would cost each message a read, also while nothing is throttled. Without it each instance has to
    # be refused once before it pauses. There are at most `SendConcurrency` instances with ten calls at the same time each, so the number of
    # calls in a pause is bounded, and a call that is refused costs nothing.
    throttling: dict[str, _Throttling] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def throttled_for(self, channel: str, now: datetime) -> timedelta | None:
        """For how long the provider has been refusing calls, if it may not be called now; None if it may."""
        found = self.throttling.get(channel)
        return now - found.since if found is not None and now < found.until else None

    def refused(self, channel: str, now: datetime) -> timedelta:
        """Begins a pause, unless one has begun already; returns for how long the provider has been refusing calls."""
        with self.lock:
            found = self.throttling.get(channel)
            if found is None or now - found.refused_at > QUIET_PERIOD:
                found = _Throttling(now, now, now + FIRST_PROVIDER_PAUSE, 2 * FIRST_PROVIDER_PAUSE)
            elif now >= found.until:
                # Only here: the up to ten calls that a batch makes at the same time are refused together, and count as one refusal.
                found = _Throttling(found.since, now, now + found.next_pause, min(2 * found.next_pause, LONGEST_PAUSE))
            self.throttling[channel] = found
        return now - found.since

    def accepted(self, channel: str) -> None:
        """Makes the next pause a short one again. A pause that has begun is not ended: other calls were refused since."""
        with self.lock:
            if channel in self.throttling:
                self.throttling[channel] = replace(self.throttling[channel], next_pause=FIRST_PROVIDER_PAUSE)
