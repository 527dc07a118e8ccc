"""What came of an event: the receipt that anyone who sent it can read (contract 5)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from waypost.domain.reasons import Reason

Outcome = Literal["entered", "advanced", "exited", "ignored"]


@dataclass(frozen=True, slots=True)
class JourneyOutcome:
    """What an event did in one journey; where it did nothing, why."""

    journey: str
    outcome: Outcome
    reason: Reason | None = None
    run: str | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """One event's outcome. `reason` says why the event as a whole did nothing."""

    uuid: str
    event: str
    received_at: datetime
    customer: str
    journeys: tuple[JourneyOutcome, ...] = ()
    messages: tuple[str, ...] = ()
    reason: Reason | None = None

    @property
    def had_effect(self) -> bool:
        """Whether it moved a run. Then it was saved together with the run."""
        return any(journey.outcome != "ignored" for journey in self.journeys)
