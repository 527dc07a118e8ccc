"""Where a customer stands: the runs, and the gate that every change of them passes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from waypost.domain.reasons import Reason


class RunStatus(StrEnum):
    """Whether a run goes on."""

    ACTIVE = "active"
    EXITED = "exited"


@dataclass(frozen=True, slots=True)
class Run:
    """One customer's way through one version of one journey.

    `key` keeps runs of one journey apart (empty without one), `visits` counts how often each step was reached, `moved_by` is the event
    that moved it last, kept while it rests.
    """

    id: str
    journey: str
    version: int
    key: str
    step: str
    entered_at: datetime
    status: RunStatus = RunStatus.ACTIVE
    reason: Reason | None = None
    visits: Mapping[str, int] = field(default_factory=dict)
    moved_by: Mapping[str, Any] | None = None
    due: datetime | None = None

    @property
    def active(self) -> bool:
        """Whether it goes on."""
        return self.status is RunStatus.ACTIVE

    def at(self, step: str) -> Run:
        """The run in this step, one visit more."""
        return replace(self, step=step, visits={**self.visits, step: self.visits.get(step, 0) + 1})

    def exited(self, reason: Reason) -> Run:
        """The run at its end."""
        return replace(self, status=RunStatus.EXITED, reason=reason, moved_by=None, due=None)


@dataclass(frozen=True, slots=True)
class Gate:
    """The row that serialises all changes of one customer's runs: its version, and the messages that are owed since the last one.

    `to` is the customer that absorbed this one: from then on nothing happens here.
    """

    version: int = 0
    owed: tuple[str, ...] = ()
    to: str | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """A customer's gate and runs, as read: all that are active, and the latest of each journey and key."""

    gate: Gate
    runs: tuple[Run, ...]

    def of(self, journey: str, key: str) -> list[Run]:
        """The runs through one journey with this key."""
        return [run for run in self.runs if run.journey == journey and run.key == key]

    def find(self, run: str) -> Run | None:
        """The run of this id."""
        return next((each for each in self.runs if each.id == run), None)

    def with_run(self, run: Run) -> Standing:
        """The standing with this run added, or in the place of its earlier self."""
        return replace(self, runs=(*(each for each in self.runs if each.id != run.id), run))
