"""What a warm function remembers of what it read, and for how long."""

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
    """What was read, with when: at most `most` entries, the oldest forgotten first. The sender's threads share it."""

    max_entries: int = 10_000
    entries: dict[str, tuple[datetime, T]] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def read(
        self, name: str, now: datetime, seconds: Callable[[T], int], fresh: Callable[[T | None], T], outlasts: Callable[[T], bool]
    ) -> T:
        """The entry if it is younger than its seconds, else a fresh one, made from the old one if there is one.

        While the world is down, an old entry for which `outlasts` holds goes on being good; else UnavailableError.
        """
        known = self.entries.get(name)
        if known is not None and now - known[0] < timedelta(seconds=seconds(known[1])):
            return known[1]
        try:
            value = fresh(known[1] if known else None)
        except UnavailableError:
            if known is not None and outlasts(known[1]):
                return known[1]
            raise
        with self.lock:
            self.entries.pop(name, None)
            if len(self.entries) >= self.max_entries:
                del self.entries[next(iter(self.entries))]
            self.entries[name] = now, value
        return value
