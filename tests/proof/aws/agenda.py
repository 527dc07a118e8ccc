"""What is due when: the messages of a queue by the time at which they become visible, schedules by the time at which they fire."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from heapq import heappop, heappush
from typing import Generic, TypeVar

K = TypeVar("K")


@dataclass
class Agenda(Generic[K]):
    """Keys, each with one time. What is due is found without a look at all the others."""

    times: dict[K, datetime] = field(default_factory=dict)
    _due: OrderedDict[K, None] = field(default_factory=OrderedDict)
    _heap: list[tuple[datetime, int, K]] = field(default_factory=list)
    _puts: int = 0

    def put(self, key: K, at: datetime) -> None:
        """Sets the time of a key, in place of an earlier one."""
        if self.times.get(key) == at:
            return
        self.times[key] = at
        self._due.pop(key, None)
        self._puts += 1
        heappush(self._heap, (at, self._puts, key))

    def remove(self, key: K) -> None:
        """Removes a key, if it is there."""
        self.times.pop(key, None)
        self._due.pop(key, None)

    def due(self, now: datetime) -> Iterator[K]:
        """The keys whose time is not after `now`, in the order of their times. They stay until `put` or `remove`."""
        while self._heap and self._heap[0][0] <= now:
            at, _, key = heappop(self._heap)
            if self.times.get(key) == at:
                self._due[key] = None
        # Threads of the simulation work one after the other at the same time, so the clock goes back: what one of them found to be due
        # may lie ahead for the next one.
        return (key for key in self._due if self.times[key] <= now)

    def is_due(self, now: datetime) -> bool:
        """Whether a key is due."""
        return next(self.due(now), None) is not None

    def first(self) -> datetime | None:
        """The earliest time of all keys."""
        while self._heap and self.times.get(self._heap[0][2]) != self._heap[0][0]:
            heappop(self._heap)
        ahead = [self._heap[0][0]] if self._heap else []
        return min([self.times[key] for key in self._due] + ahead, default=None)
