"""Ports of the runs table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Protocol

from waypost.domain.runs.changes import Commit, CommitResult, RunsMerge
from waypost.domain.runs.journey_counts import (
    ConversionCounts,
    Conversions,
    CountedDays,
    CountedVersion,
    ExperimentBranchPlace,
    JourneyCounts,
)
from waypost.domain.runs.run import ActiveRunEntry, CustomerRuns, HeldRun, Run


class Runs(Protocol):
    """The runs of each customer, guarded by one version row: every write names the version that it was computed from."""

    def get(self, workspace: str, customer: str) -> CustomerRuns:
        """The version row, the active runs, and ended runs: the latest one of each journey, and those that have ended just now."""

    def last_ended(self, workspace: str, customer: str, journey: str, key: str) -> Run | None:
        """The run of a journey and re-entry key that was entered last, of those that ended and are not in the result of `get` any more."""

    def commit(self, commit: Commit) -> CommitResult:
        """Saves a change in one transaction if the version is unchanged, the customer not erased, and no event has a receipt yet."""

    def merge(self, runs_merge: RunsMerge) -> bool:
        """Moves a part of the runs of a merged customer in one transaction. False if a version has changed or one of them was erased."""

    def held(self, workspace: str, journey: str, after: str | None) -> tuple[list[HeldRun], str | None]:
        """Some runs that a paused journey holds, oldest first, after the position `after`; and the next position (None: no more)."""

    def clear(self, workspace: str, customer: str, version: int) -> None:
        """Removes the pending effects, unless the version has changed."""


class RunHistory(Protocol):
    """The runs of customers, ended ones included."""

    def history(self, workspace: str, customer: str) -> CustomerRuns:
        """The version row and all runs that are still stored."""

    def counts(self, workspace: str, journey: str, after: str | None = None) -> tuple[Mapping[str, int], str | None]:
        """How many active runs of a journey are in each step, of some runs after a position; and the next position (None: no more).

        A position is three texts with a line break between them, none of them empty.
        """


class RunCounts(Protocol):
    """How many runs a journey has, counted up to a limit."""

    def count(self, workspace: str, journey: str, step: str | None, *, limit: int) -> tuple[int, bool]:
        """How many active runs are in a step, or (None) are held by a pause in any step: at most `limit`, and whether there are more."""


class JourneyRuns(Protocol):
    """The runs of one customer in one journey."""

    def in_journey(self, workspace: str, customer: str, journey: str) -> list[Run]:
        """Up to 200 runs: the active ones and, for each re-entry key, the latest ended one that has not been set aside yet."""


class ActiveRuns(Protocol):
    """The active runs of a journey, of all customers."""

    def active(
        self, workspace: str, journey: str, step: str | None, *, limit: int, after: str | None
    ) -> tuple[list[ActiveRunEntry], str | None]:
        """Some active runs after a position: of a step, those that a pause holds last, or of all steps (None), those first.

        One read, which may find more or fewer than `limit`, even none; and the position to go on from (None: no more). ValueError if
        `after` is no position among these runs.
        """

    def load(self, workspace: str, entries: Sequence[ActiveRunEntry]) -> list[tuple[str, Run]]:
        """The runs at these entries that are still active, each with the id of its customer, in the order of the entries."""


class ManagedRuns(RunHistory, RunCounts, ActiveRuns, JourneyRuns, Protocol):
    """The runs as the management API lists and counts them."""


class JourneyCounters(Protocol):
    """The numbers of journeys, to which the matcher adds. A call that fails may have added or not; it is never repeated."""

    def add(self, version: CountedVersion, counts: JourneyCounts, now: datetime) -> None:
        """Adds to the numbers of the day of `now` in UTC, without those of experiments."""

    def add_conversions(self, version: CountedVersion, branch: ExperimentBranchPlace, counts: ConversionCounts, now: datetime) -> None:
        """Adds to the numbers of a branch of an experiment."""


class ManagedJourneyCounters(Protocol):
    """The numbers of journeys as the management API reads them. Each read has a bound that does not depend on what is stored."""

    def counted_from(self, version: CountedVersion) -> datetime | None:
        """When the first number of this version was counted, None if there is none."""

    def days(self, version: CountedVersion, since: date | None) -> CountedDays:
        """The numbers since this day (UTC), it included; without it those of all days."""

    def conversions(self, version: CountedVersion, experiment: int) -> Conversions:
        """The numbers of the experiment at this position."""
