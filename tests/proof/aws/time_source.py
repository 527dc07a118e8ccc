"""The time of the simulation, as the services of AWS read it and let it pass."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class TimeSource(Protocol):
    """A clock that a test advances."""

    @property
    def now(self) -> datetime:
        """The time (UTC), to the millisecond."""

    def advance(self, seconds: float) -> None:
        """Lets time pass."""
