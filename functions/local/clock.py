"""The clock that a person or a test can push: it goes from due time to due time, so that everything happens in its order."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx

ROUTE: Final = "/_local/clock"  # emulated.py answers it
PATTERN: Final = re.compile(
    r"P(?=.)(?:(?P<weeks>\d{1,3})W)?(?:(?P<days>\d{1,4})D)?"
    r"(?:T(?=.)(?:(?P<hours>\d{1,5})H)?(?:(?P<minutes>\d{1,7})M)?(?:(?P<seconds>\d{1,8}(?:\.\d+)?)S)?)?"
)


def span(text: Any) -> timedelta:
    """The time that an ISO 8601 duration of weeks, days, hours, minutes and seconds takes; ValueError for any other value."""
    found = PATTERN.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError("not an ISO 8601 duration such as P3D or PT1H30M; months and years have no fixed length")
    return timedelta(**{unit: float(number) for unit, number in found.groupdict().items() if number})


@dataclass(frozen=True, slots=True)
class Clock:
    """The clock of the emulator and of the functions in it; `settle` waits until everything due is done."""

    emulator: httpx.Client
    settle: Callable[[], bool]

    def now(self) -> datetime:
        """What the clock shows."""
        return datetime.fromtimestamp(self._ask("GET")["now"], UTC)

    def advance(self, by: timedelta) -> bool:
        """Pushes the clock, stopping at each timer and each retry on the way until it is done; False if one does not end in a minute."""
        target = self._ask("GET")["now"] + by.total_seconds()
        while self.settle():
            upcoming = self._ask("GET")["next"]
            if upcoming is None or upcoming > target:
                self._ask("POST", to=target)
                return self.settle()
            self._ask("POST", to=upcoming)
        return False

    def _ask(self, method: str, **query: float) -> dict[str, Any]:
        answer: dict[str, Any] = self.emulator.request(method, ROUTE, params=query).raise_for_status().json()
        return answer
