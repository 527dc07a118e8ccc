"""What the matcher works with: its ports, the unit of work of a customer, and the rules that the customer's runs follow."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from waypost import ports
from waypost.cache.workspace_cache import Snapshots
from waypost.domain.errors import UnavailableError
from waypost.domain.journeys.published import Snapshot
from waypost.domain.runs.context import JourneyVersion
from waypost.domain.runs.reactions import Rules
from waypost.domain.runs.run import CustomerRuns, VersionRow
from waypost.erasure import ErasureDependencies
from waypost.match.unit_of_work import RunUnitOfWork

ATTEMPTS: Final = 8
"""How often a change that lost a race is decided again before the signal is left to a later delivery."""


@dataclass(frozen=True, slots=True)
class MatchDependencies:
    """The ports of the matcher. With `log_all`, events without effect are recorded as well.

    `erasing` returns the stores of an erasure, which few signals need.
    """

    customers: ports.Customers
    runs: ports.Runs
    receipts: ports.Receipts
    log: ports.EventLog
    messages: ports.Messages
    journeys: ports.JourneyVersions
    snapshots: Snapshots
    send_queue: ports.SendQueue
    signals: ports.Signals
    timers: ports.Timers
    executor: Executor
    erasing: Callable[[], ErasureDependencies]
    log_all: bool = True


def unit_of_work_for(dependencies: MatchDependencies, workspace: str, customer: str, now: datetime) -> RunUnitOfWork:
    """The unit of work of a customer, or of the customer into which that one was merged."""
    # A signal keeps the customer id, and the message group, that it was sent with. If that customer was merged meanwhile, its runs are
    # with the other one, and a change that was saved under the old id would never be read again.
    customer_runs = dependencies.runs.get(workspace, customer)
    if customer_runs.version_row.merged_into is not None:
        return unit_of_work_for(dependencies, workspace, customer_runs.version_row.merged_into, now)
    return RunUnitOfWork(dependencies.runs, dependencies.send_queue, dependencies.timers, now, workspace, customer, customer_runs)


def require_not_erased(version_row: VersionRow) -> None:
    """UnavailableError if the customer of this version row was erased: nothing may be saved for it.

    A later delivery of the signal decides again. It finds the tombstones, and drops what happened before the erasure. What happened later
    belongs to a new customer, as soon as the rows of the erased one are gone.
    """
    if version_row.erased:
        raise UnavailableError("this customer is being erased")


def rules_of(dependencies: MatchDependencies, workspace: str, customer_runs: CustomerRuns, snapshot: Snapshot, now: datetime) -> Rules:
    """The versions of journeys that the active runs of a customer follow, and which journeys are paused."""
    active = [run for run in customer_runs.runs if run.active]
    # The snapshot of a warm function is up to five seconds old. A journey that it does not know is stopped, or was published after the
    # snapshot was read. Taking the second case for the first would end the runs of a journey that has just begun.
    if any(run.journey not in snapshot.journeys for run in active):
        snapshot = dependencies.snapshots.fresh(workspace, now)
    journey_versions, unreadable = {}, set()
    for run in active:
        if run.journey in snapshot.journeys:
            try:
                journey_versions[run.id] = JourneyVersion(dependencies.journeys.version(workspace, run.journey, run.version), run.version)
            except LookupError:
                unreadable.add(run.id)
    return Rules(journey_versions, snapshot.paused, frozenset(unreadable))
