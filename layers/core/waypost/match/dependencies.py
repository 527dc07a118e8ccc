"""What the matcher works with: its ports, a customer's ledger, and the rules that the customer's runs follow."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from waypost import ports
from waypost.cache.workspace_cache import Snapshots
from waypost.domain.journeys.published import Snapshot
from waypost.domain.runs.context import JourneyVersion
from waypost.domain.runs.reactions import Rules
from waypost.domain.runs.run import CustomerRuns
from waypost.match.unit_of_work import RunUnitOfWork

ATTEMPTS: Final = 8


@dataclass(frozen=True, slots=True)
class MatchDependencies:
    """What the matcher needs of the world. `log_all`: events without effect are recorded as well."""

    customers: ports.Customers
    runs: ports.Runs
    receipts: ports.Receipts
    log: ports.Log
    messages: ports.Messages
    journeys: ports.JourneyVersions
    snapshots: Snapshots
    send_queue: ports.SendQueue
    signals: ports.Signals
    timers: ports.Timers
    executor: Executor
    log_all: bool = True


def unit_of_work_for(dependencies: MatchDependencies, workspace: str, customer: str, now: datetime) -> RunUnitOfWork:
    """The ledger of a customer, or of the one that absorbed it."""
    customer_runs = dependencies.runs.get(workspace, customer)
    if customer_runs.version_row.merged_into is not None:
        return unit_of_work_for(dependencies, workspace, customer_runs.version_row.merged_into, now)
    return RunUnitOfWork(dependencies.runs, dependencies.send_queue, dependencies.timers, now, workspace, customer, customer_runs)


def rules_of(dependencies: MatchDependencies, workspace: str, customer_runs: CustomerRuns, snap: Snapshot, now: datetime) -> Rules:
    """What a customer's active runs follow. A journey that the snapshot does not know is stopped, or newer than the snapshot."""
    active = [run for run in customer_runs.runs if run.active]
    if any(run.journey not in snap.journeys for run in active):
        snap = dependencies.snapshots.fresh(workspace, now)
    journey_version = {
        run.id: JourneyVersion(dependencies.journeys.version(workspace, run.journey, run.version), run.version)
        for run in active
        if run.journey in snap.journeys
    }
    return Rules(journey_version, snap.paused)
