"""The quota of a provider, kept in memory, and the pace of one instance of the send function (`docs/messages.md#rate-and-quota`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

from waypost import ports
from waypost.domain.errors import UnavailableError
from waypost.domain.messages.retry_schedule import LONGEST_TURN, turn_delay
from waypost.domain.messages.sending_quota import SHORT_WAIT, Bucket, SendingQuota

QUOTA_SECONDS: Final = 600
QUOTA_RETRY_SECONDS: Final = 60
"""How long a failed read is remembered. Each message would otherwise wait for the timeout of the call."""


@dataclass(slots=True)
class CachedQuota:
    """The quota of an account, at most ten minutes old. While it cannot be read, the last one is used, or none."""

    account: ports.ProviderAccount
    last: SendingQuota | None = None
    next_read: datetime | None = None
    revision: int = 0
    """How often the quota was read with success."""
    lock: Lock = field(default_factory=Lock)

    def of(self, now: datetime) -> SendingQuota | None:
        """The quota, or None if it was never read."""
        # Under the lock: the ten messages of a cold instance would otherwise read ten times, and SES allows one read in a second.
        with self.lock:
            if self.next_read is None or now >= self.next_read:
                self._read(now)
            return self.last

    def _read(self, now: datetime) -> None:
        try:
            self.last = self.account.quota()
        except UnavailableError:
            # The quota is advice. Nothing that the provider says or does not say about it may keep a message from being sent.
            self.next_read = now + timedelta(seconds=QUOTA_RETRY_SECONDS)
            return
        self.revision += 1
        self.next_read = now + timedelta(seconds=QUOTA_SECONDS)


@dataclass(frozen=True, slots=True)
class SendNow:
    """The message may be sent `after` a wait below a second."""

    after: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class SendLater:
    """The message may not be sent now, and is looked at again `after` this time. `quota`: because the daily quota is used up."""

    after: timedelta
    quota: bool = False


@dataclass(slots=True)
class Pace:
    """The pace of this instance on one channel: its share of the account's rate, if `instances` of them send at the same time."""

    # In memory and not in a table, as the pauses of providers are: a common bucket would be one row that each message writes. The shares
    # add up to the rate of the account, so that all instances together cannot exceed it; a few instances do not use all of it.
    quota: CachedQuota
    instances: int
    bucket: Bucket | None = None
    next_slot: datetime | None = None
    used_up_since: datetime | None = None
    read_at_revision: int = 0
    sent_since_read: float = 0.0
    warned_at_revision: int = 0
    lock: Lock = field(default_factory=Lock)

    def turn(self, message_id: str, now: datetime) -> SendNow | SendLater:
        """Whether a message may be sent now. `SendNow` takes its place in the rate, which `unused` gives back."""
        quota = self.quota.of(now)
        if quota is None or quota.per_second <= 0:
            return SendNow()
        with self.lock:
            if self.read_at_revision != self.quota.revision:
                self.read_at_revision, self.sent_since_read = self.quota.revision, 0.0
            if quota.is_used_up(self.sent_since_read):
                self.used_up_since = self.used_up_since or now
                return SendLater(turn_delay(message_id, now, now - self.used_up_since), quota=True)
            self.used_up_since = None
            return self._in_rate(message_id, now, quota.per_second / self.instances)

    def _in_rate(self, message_id: str, now: datetime, share: float) -> SendNow | SendLater:
        bucket = (self.bucket or Bucket(max(share, 1.0), now)).filled(now, share)
        wait = bucket.wait(share)
        self.bucket = bucket.taken(1) if wait < SHORT_WAIT else bucket
        if wait < SHORT_WAIT:
            return SendNow(wait)
        # The records that go back to the queue return one after the other, as fast as this instance sends. If all of them returned when the
        # next token is there, each but one would come in vain, again and again.
        slot = max(self.next_slot or now, now + wait)
        if slot - now > LONGEST_TURN:
            return SendLater(turn_delay(message_id, now, LONGEST_TURN))
        self.next_slot = slot + timedelta(seconds=1 / share)
        return SendLater(slot - now)

    def sent(self, recipients: int) -> None:
        """Counts the recipients of a message that was sent in its turn. Further ones than the first delay the next message."""
        with self.lock:
            self.sent_since_read += recipients
            self.bucket = self.bucket.taken(recipients - 1) if self.bucket else None

    def unused(self) -> None:
        """Gives back the place of a message that was not sent in its turn."""
        with self.lock:
            self.bucket = self.bucket.taken(-1) if self.bucket else None

    def take_warning(self) -> bool:
        """Whether the last read says that most of the daily quota is used; True once for each read."""
        with self.lock:
            quota, revision = self.quota.last, self.quota.revision
            warns = quota is not None and quota.is_nearly_used() and revision != self.warned_at_revision
            self.warned_at_revision = revision
            return warns


Paces = Mapping[str, Pace]
"""The paces of the channels whose provider limits the rate, by the names of the channels."""
