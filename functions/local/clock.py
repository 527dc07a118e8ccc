"""The clock of the local run, which a person or a test can advance. It stops at each due time on the way, so that all happens in order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import httpx

from waypost.domain.values.durations import Duration

ROUTE: Final = "/_local/clock"  # emulated.py responds to it


@dataclass(frozen=True, slots=True)
class Clock:
    """The clock of the emulator and of the functions that run in it; `settle` waits until everything that is due is done."""

    emulator: httpx.Client
    settle: Callable[[], bool]

    def now(self) -> datetime:
        """The current time of the clock, in UTC."""
        return datetime.fromtimestamp(self._request("GET")["now"], UTC)

    def advance(self, duration: Duration) -> bool:
        """Advances the clock by a duration, whose months and days are those of the calendar in UTC.

        The clock stops at each timer and each retry on the way until that is done: if it jumped to the end at once, a timer that a run sets
        on the way would be days late. Returns False if something that is due is left and nothing moves any more; the clock then stays
        where it is.
        """
        target = duration.after(self.now(), "UTC").timestamp()
        while self.settle():
            upcoming = self._request("GET")["next"]
            if upcoming is None or upcoming > target:
                self._request("POST", to=target)
                return self.settle()
            self._request("POST", to=upcoming)
        return False

    def _request(self, method: str, **query: float) -> dict[str, Any]:
        clock: dict[str, Any] = self.emulator.request(method, ROUTE, params=query).raise_for_status().json()
        return clock
