"""A run, and all runs of one customer as they are read and saved together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, NamedTuple

from waypost.domain.customers.identifiers import Identifier
from waypost.domain.journeys.known_statuses import KnownStatus
from waypost.domain.reasons import Reason
from waypost.domain.runs.effects import Effect

MAX_HISTORY: Final = 50
"""How many step visits of a run are kept (`docs/journeys.md#limits`). A run that goes round in a loop for a year would outgrow its row."""

MAX_MESSAGES_PER_HOUR: Final = 20
"""How many messages one run sends in any hour (`docs/journeys.md#limits`). A run that wants to send more exits."""


class RunStatus(StrEnum):
    """Whether a run is active or has exited."""

    ACTIVE = "active"
    EXITED = "exited"


class Cause(StrEnum):
    """Why a run reached a step: a closed list (`docs/journeys.md#reasons`)."""

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
    REPORT = "report"


class StepVisit(NamedTuple):
    """A step that a run reached, when and why. The last visit of an exited run names the step where it exited, and the reason.

    `branch` is the id of the branch of the step before along which the run came, if it came along one; a branch without an id is named by
    its position, counted from 1.
    """

    at: datetime
    step: str
    reason: Cause | Reason
    branch: str | None = None


@dataclass(frozen=True, slots=True)
class PendingTransition:
    """The step to which a run advances when its journey is resumed, and the event that caused it (None: time or a message outcome).

    `at` is when the transition was held back, `lookup_id` an identifier by which the worker that resumes the journey finds the customer.
    `branch` is the branch along which the run will go, as in `StepVisit`.
    """

    at: datetime
    lookup_id: Identifier
    step: str
    cause: Cause
    event: Mapping[str, Any] | None = None
    branch: str | None = None


@dataclass(frozen=True, slots=True)
class EarlyMatch:
    """What a run that stays in a message step has kept for the wait with this id, which it may reach next.

    `matched_events` are those of `all` branches, as in `Run`. `branch` is the position of the branch that the event with the snapshot
    `event` has completed, if any has.
    """

    wait: str
    matched_events: tuple[tuple[int, int], ...] = ()
    branch: int | None = None
    event: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class KnownMessage:
    """What a run knows of the message that its latest visit to the step `step` has sent.

    `statuses` are in the order in which the run learned of them, `links` those clicked links that a branch of the journey names.
    """

    step: str
    statuses: tuple[KnownStatus, ...] = ()
    links: tuple[str, ...] = ()


class TakenExperiment(NamedTuple):
    """An experiment that a run has come through, and what it has reached since.

    `step` is the position of the experiment in the definition, and `branch` that of the branch that the run took first. `reached` is a set
    of bits: bit n stands for the goal with the number n (`Journey.goals`).
    """

    step: int
    branch: int
    reached: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """The progress of one customer through one version of one journey. Immutable: each change makes a new one.

    `key` distinguishes runs of one journey (empty where the journey has no re-entry key). `visits` counts the visits of each step.
    `trigger_event` is the snapshot of the event that advanced the run last, kept while it is active: templates and conditions see it.
    `due` is when the wait in the current step ends. `matched_events` are the events of an `all` branch that have come during this wait, as
    positions of branch and event. `last_event_uuid` is the uuid of the event that changed the run last. `history` holds the latest
    `MAX_HISTORY` visits. `message_times` are the times at which the run created the messages of its latest hour with messages.
    `early_matches` are what events that came during a rest at a message step mean for the waits behind it.
    `hold` says why the run stays in its step until `due` although the step itself takes no time: quiet hours.
    `known_messages` is what became of its messages, as far as waits and conditions of the journey ask for it.
    `experiments` are those that it has come through, the first `MAX_EXPERIMENTS` of them; only an active run needs them.
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
    trigger_event: Mapping[str, Any] | None = None
    due: datetime | None = None
    matched_events: tuple[tuple[int, int], ...] = ()
    pending_transition: PendingTransition | None = None
    last_event_uuid: str = ""
    history: tuple[StepVisit, ...] = ()
    message_times: tuple[datetime, ...] = ()
    early_matches: tuple[EarlyMatch, ...] = ()
    hold: Cause | None = None
    known_messages: tuple[KnownMessage, ...] = ()
    experiments: tuple[TakenExperiment, ...] = ()

    @property
    def active(self) -> bool:
        """Whether the run can still advance."""
        return self.status is RunStatus.ACTIVE

    @property
    def active_or_finished(self) -> bool:
        """Whether the run is active or reached the end of its journey; False for a run that exited early."""
        return self.active or self.reason is Reason.FINISHED

    def moved_to(self, step: str, now: datetime, cause: Cause, branch: str | None = None) -> Run:
        """The run in this step, with one visit more. All that belonged to the wait in the step before is cleared."""
        visits = {**self.visits, step: self.visits.get(step, 0) + 1}
        history = self._history_with(StepVisit(now, step, cause, branch))
        # The new visit of a message step sends another message, of which nothing is known yet.
        known = tuple(each for each in self.known_messages if each.step != step)
        return replace(
            self,
            step=step,
            visits=visits,
            due=None,
            hold=None,
            matched_events=(),
            pending_transition=None,
            history=history,
            known_messages=known,
        )

    def known_message(self, step: str) -> KnownMessage:
        """What the run knows of the message of this step."""
        return next((each for each in self.known_messages if each.step == step), KnownMessage(step))

    def knowing(self, message: KnownMessage) -> Run:
        """The run with this knowledge of a message, in place of what it knew of it."""
        others = tuple(each for each in self.known_messages if each.step != message.step)
        return replace(self, known_messages=(*others, message))

    def with_message(self, now: datetime) -> Run | None:
        """The run after it has created a message to be sent; None if it has created `MAX_MESSAGES_PER_HOUR` within the hour before."""
        latest = tuple(each for each in self.message_times if each > now - timedelta(hours=1))
        return replace(self, message_times=(*latest, now)) if len(latest) < MAX_MESSAGES_PER_HOUR else None

    def exited(self, reason: Reason, now: datetime | None = None) -> Run:
        """The run, exited for this reason. Its history shows the exit if `now` is given."""
        return replace(
            self,
            status=RunStatus.EXITED,
            reason=reason,
            trigger_event=None,
            due=None,
            hold=None,
            matched_events=(),
            pending_transition=None,
            message_times=(),
            early_matches=(),
            known_messages=(),
            history=self._history_with(StepVisit(now, self.step, reason)) if now else self.history,
        )

    def _history_with(self, visit: StepVisit) -> tuple[StepVisit, ...]:
        return (*self.history[1 - MAX_HISTORY :], visit)


class HeldRun(NamedTuple):
    """The customer of a run that a paused journey holds: the customer's id, and an identifier for a strongly consistent read."""

    customer: str
    lookup_id: Identifier


class ActiveRunEntry(NamedTuple):
    """Where an active run is stored: its customer's id, and its position among the active runs of its journey."""

    customer: str
    position: str


# A customer's events come one after another through one FIFO group, and still two workers can change the same runs at once: around a merge
# the same customer has two groups, and an erasure comes from the management API. Each change therefore writes this row under the condition
# that its version is as read. The slower worker reads again and decides again, so that no worker overwrites a run that it has not seen.
@dataclass(frozen=True, slots=True)
class VersionRow:
    """The row that every change of one customer's runs rewrites under a condition: an optimistic lock.

    `version` grows by one with each change. `pending_effects` are saved and perhaps not executed yet. `merged_into` is the customer into
    which this one was merged; from then on nothing changes here. `erased` says that this customer was erased: no change is saved any more.
    """

    version: int = 0
    pending_effects: tuple[Effect, ...] = ()
    merged_into: str | None = None
    erased: bool = False


@dataclass(frozen=True, slots=True)
class CustomerRuns:
    """A customer's version row and runs as read: all active runs, and the latest run of each journey and key."""

    version_row: VersionRow
    runs: tuple[Run, ...]

    def in_journey(self, journey: str, key: str) -> list[Run]:
        """The runs in one journey with this key."""
        return [run for run in self.runs if run.journey == journey and run.key == key]

    def find(self, run_id: str) -> Run | None:
        """The run with this id, or None."""
        return next((run for run in self.runs if run.id == run_id), None)

    def with_run(self, run: Run) -> CustomerRuns:
        """The same with this run added, or in the place of the run with the same id."""
        return replace(self, runs=(*(each for each in self.runs if each.id != run.id), run))
