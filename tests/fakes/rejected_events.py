"""Rejected events in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from waypost.domain.errors import UnavailableError
from waypost.domain.intake.events import RejectedEvent


@dataclass
class FakeRejectedEvents:
    """The kept events, and a counter for each workspace and minute; `down` is an outage."""

    kept: list[RejectedEvent] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    down: bool = False

    def count(self, workspace: str, received_at: datetime, number: int) -> int:
        if self.down:
            raise UnavailableError("the events table is down")
        minute = f"{workspace} {received_at:%Y-%m-%d %H:%M}"
        self.counts[minute] += number
        return self.counts[minute] - number

    def keep(self, workspace: str, received_at: datetime, request_id: str, events: Sequence[RejectedEvent]) -> None:
        self.kept += events
