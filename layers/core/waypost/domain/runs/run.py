"""Where a customer stands: the runs, and the gate that every change of them passes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple

from waypost.domain.customers.identifiers import Identifier
from waypost.domain.reasons import Reason
from waypost.domain.runs.effects import Effect

MAX_HISTORY: Final = 50
"""How many steps of a run's way are kept."""


class RunStatus(StrEnum):
    """Whether a run goes on."""

    ACTIVE = "active"
    EXITED = "exited"


class Cause(StrEnum):
    """Why a run came to a step: a closed list."""

    ENTERED = "entered"
    NEXT = "next"
    EVENT = "event"
    TIMEOUT = "timeout"
    ELAPSED = "elapsed"
    OPENED = "opened"
    QUIET_HOURS = "quiet-hours"
    FAILED = "failed"
    BRANCH = "branch"
    OTHERWISE = "otherwise"
    EXPERIMENT = "experiment"
    JUMP = "jump"


class StepVisit(NamedTuple):
    """A step that a run came to, when and why; at its end, the step where it ended."""

    at: datetime
    step: str
    reason: Cause | Reason


@dataclass(frozen=True, slots=True)
class PendingTransition:
    """What a run does once its journey is resumed: the way that it found while the journey was paused, and the event that opened it.

    `known_as` names the customer, so that whoever resumes the journey finds it.
    """

    at: datetime
    lookup_id: Identifier
    step: str
    cause: Cause
    event: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One customer's way through one version of one journey.

    `key` keeps runs of one journey apart (empty without one), `visits` counts how often each step was reached, `moved_by` is the event
    that moved it last, kept while it rests. `due` is when its step's time is up. `heard` are the events of the wait it stands in that have
    come, by the places of branch and event. `touched_by` is the uuid of the event that changed it last. `trail` is its way so far, without
    the oldest steps of a long one.
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
    matched_events: tuple[tuple[int, int], ...] = ()
    pending_transition: PendingTransition | None = None
    last_event_uuid: str = ""
    history: tuple[StepVisit, ...] = ()

    @property
    def active(self) -> bool:
        """Whether it goes on."""
        return self.status is RunStatus.ACTIVE

    @property
    def active_or_finished(self) -> bool:
        """Whether it goes on, or has come to its journey's end: that is no leaving before it."""
        return self.active or self.reason is Reason.FINISHED

    def at(self, step: str, now: datetime, cause: Cause) -> Run:
        """The run in this step, one visit more, waiting for nothing yet."""
        visits = {**self.visits, step: self.visits.get(step, 0) + 1}
        return replace(
            self, step=step, visits=visits, due=None, matched_events=(), pending_transition=None, history=self._with_visit(now, step, cause)
        )

    def exited(self, reason: Reason, now: datetime | None = None) -> Run:
        """The run at its end; its way shows that where a time is given."""
        history = self._with_visit(now, self.step, reason) if now else self.history
        return replace(
            self,
            status=RunStatus.EXITED,
            reason=reason,
            moved_by=None,
            due=None,
            matched_events=(),
            pending_transition=None,
            history=history,
        )

    def _with_visit(self, now: datetime, step: str, reason: Cause | Reason) -> tuple[StepVisit, ...]:
        return (*self.history[1 - MAX_HISTORY :], StepVisit(now, step, reason))


class HeldRun(NamedTuple):
    """Whose run it is that a paused journey has held: the customer's id, and a name of it."""

    customer: str
    lookup_id: Identifier


@dataclass(frozen=True, slots=True)
class VersionRow:
    """The row that serialises all changes of one customer's runs: its version, and what is owed since the last one.

    `to` is the customer that absorbed this one: from then on nothing happens here.
    """

    version: int = 0
    pending_effects: tuple[Effect, ...] = ()
    to: str | None = None


@dataclass(frozen=True, slots=True)
class CustomerRuns:
    """A customer's gate and runs, as read: all that are active, and the latest of each journey and key."""

    version_row: VersionRow
    runs: tuple[Run, ...]

    def of(self, journey: str, key: str) -> list[Run]:
        """The runs through one journey with this key."""
        return [run for run in self.runs if run.journey == journey and run.key == key]

    def find(self, run: str) -> Run | None:
        """The run of this id."""
        return next((each for each in self.runs if each.id == run), None)

    def with_run(self, run: Run) -> CustomerRuns:
        """The standing with this run added, or in the place of its earlier self."""
        return replace(self, runs=(*(each for each in self.runs if each.id != run.id), run))
