"""A cache whose entries have a maximum age."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Generic, TypeVar

from waypost.domain.errors import UnavailableError

T = TypeVar("T")


@dataclass(slots=True)
class TtlCache(Generic[T]):
    """Values by key, with the time at which each was read; the entry that was read first is removed first.

    The threads of a function that processes a batch in parallel share one cache, so it is changed under a lock. Values are read outside
    the lock: two threads may read the same value at the same time, which costs a read and delays nobody.
    """

    max_entries: int = 10_000
    entries: dict[str, tuple[datetime, T]] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def read(self, key: str, now: datetime, max_age: Callable[[T], int], load: Callable[[T | None], T], outlasts: Callable[[T], bool]) -> T:
        """The value of a key if it is younger than its `max_age` (seconds), otherwise a new one from `load`, which gets the old one.

        If `load` raises UnavailableError, an old value of any age is returned if `outlasts` is true of it; otherwise the error passes.
        """
        entry = self.entries.get(key)
        if entry is not None and now - entry[0] < timedelta(seconds=max_age(entry[1])):
            return entry[1]
        try:
            value = load(entry[1] if entry else None)
        except UnavailableError:
            if entry is not None and outlasts(entry[1]):
                return entry[1]
            raise
        with self.lock:
            self.entries.pop(key, None)  # so that the new entry is the last in the order of removal
            if len(self.entries) >= self.max_entries:
                del self.entries[next(iter(self.entries))]
            self.entries[key] = now, value
        return value
