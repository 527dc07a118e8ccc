"""A clock for work that is slow."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class SlowClock:
    """Seconds on a clock on which `seconds` pass between two looks, as if the work in between took so long."""

    seconds: float
    now: float = 0

    def __call__(self) -> float:
        self.now += self.seconds
        return self.now - self.seconds
