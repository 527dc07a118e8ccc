"""Receipts: what each event did (`docs/events.md#receipts`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, NamedTuple

from waypost.domain.reasons import Reason

Outcome = Literal["entered", "advanced", "exited", "ignored"]


MAX_BRANCHES: Final = 200
"""How many branches one receipt names. A receipt is one row, and an event may start a thousand runs, each through a hundred steps."""


class TakenBranch(NamedTuple):
    """A branch that a run took, by its id, and the step that has the branch."""

    step: str
    branch: str


@dataclass(frozen=True, slots=True)
class JourneyOutcome:
    """What an event did in one journey: the outcome, the reason if it did nothing, the id of the run that it moved, and its branches."""

    journey: str
    outcome: Outcome
    reason: Reason | None = None
    run: str | None = None
    branches: tuple[TakenBranch, ...] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """The receipt of one event. `messages` are the ids of the messages that it caused; `reason` says why the whole event did nothing."""

    uuid: str
    event: str
    received_at: datetime
    customer: str
    journeys: tuple[JourneyOutcome, ...] = ()
    messages: tuple[str, ...] = ()
    reason: Reason | None = None

    @property
    def had_effect(self) -> bool:
        """Whether the event moved a run. The receipt of such an event is saved in the transaction that saves the run."""
        return any(journey.outcome != "ignored" for journey in self.journeys)
