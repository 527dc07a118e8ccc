"""A cache whose entries have a maximum age."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import Lock
from typing import Final, Generic, TypeVar

from waypost.domain.errors import UnavailableError

T = TypeVar("T")

RETRY_SECONDS: Final = 5
"""How long a failed read is remembered: until then, the value in memory is returned without another attempt."""


def call_directly(call: Callable[[], T], *, has_fallback: bool) -> T:  # noqa: ARG001 - the signature of `ports.Caller`
    """Makes a call and waits for its end, however long it takes."""
    return call()


@dataclass(frozen=True, slots=True)
class CacheEntry(Generic[T]):
    """A value, the time at which it was read, and the time of the last failed attempt to read it again."""

    value: T
    read_at: datetime
    failed_at: datetime | None = None

    def age(self, now: datetime) -> float:
        """The seconds since the value was read."""
        return (now - self.read_at).total_seconds()

    def failed_recently(self, now: datetime) -> bool:
        """Whether the last attempt to read the value again has failed a moment ago."""
        return self.failed_at is not None and (now - self.failed_at).total_seconds() < RETRY_SECONDS


@dataclass(slots=True)
class TtlCache(Generic[T]):
    """Values by key, with the time at which each was read; the entry that was read first is removed first.

    The threads of a function that processes a batch in parallel share one cache, so it is changed under a lock. Values are read outside
    the lock: two threads may read the same value at the same time, which costs a read and delays nobody.
    """

    max_entries: int = 10_000
    entries: dict[str, CacheEntry[T]] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def read(
        self,
        key: str,
        now: datetime,
        max_age: Callable[[T], float],
        load: Callable[[T | None, bool], T],
        outage_age: Callable[[T], float],
    ) -> T:
        """The value of a key if it is younger than its `max_age` (seconds), otherwise a new one from `load`.

        If `load` raises UnavailableError, the old value is returned if it is younger than its `outage_age` (seconds; 0: never); otherwise
        the error passes. `load` gets the old value, and whether it would be returned.
        """
        entry = self.entries.get(key)
        if entry is not None and entry.age(now) < max_age(entry.value):
            return entry.value
        fallback = entry if entry is not None and entry.age(now) < outage_age(entry.value) else None
        # A table that hangs costs a read its whole time. Without this, it would cost each request of an outage the same.
        if fallback is not None and fallback.failed_recently(now):
            return fallback.value
        try:
            value = load(entry.value if entry else None, fallback is not None)
        except UnavailableError:
            if fallback is None:
                raise  # nor is the failure remembered: where nothing can take the place of the value, each request tries again
            self._put(key, replace(fallback, failed_at=now))
            return fallback.value
        self._put(key, CacheEntry(value, now))
        return value

    def _put(self, key: str, entry: CacheEntry[T]) -> None:
        with self.lock:
            self.entries.pop(key, None)  # so that the new entry is the last in the order of removal
            if len(self.entries) >= self.max_entries:
                del self.entries[next(iter(self.entries))]
            self.entries[key] = entry
