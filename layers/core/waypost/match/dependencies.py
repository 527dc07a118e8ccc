"""What the matcher works with: its ports, a customer's ledger, and the rules that the customer's runs follow."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from waypost import ports
from waypost.cache.workspace_cache import Snapshots
from waypost.domain.journeys.published import Snapshot
from waypost.domain.runs.context import Released
from waypost.domain.runs.reactions import Rules
from waypost.domain.runs.run import Standing
from waypost.match.unit_of_work import Ledger

ATTEMPTS: Final = 8


@dataclass(frozen=True, slots=True)
class World:
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


def ledger_of(world: World, workspace: str, customer: str, now: datetime) -> Ledger:
    """The ledger of a customer, or of the one that absorbed it."""
    standing = world.runs.standing(workspace, customer)
    if standing.gate.to is not None:
        return ledger_of(world, workspace, standing.gate.to, now)
    return Ledger(world.runs, world.send_queue, world.timers, now, workspace, customer, standing)


def rules_of(world: World, workspace: str, standing: Standing, snap: Snapshot, now: datetime) -> Rules:
    """What a customer's active runs follow. A journey that the snapshot does not know is stopped, or newer than the snapshot."""
    active = [run for run in standing.runs if run.active]
    if any(run.journey not in snap.journeys for run in active):
        snap = world.snapshots.fresh(workspace, now)
    released = {
        run.id: Released(world.journeys.version(workspace, run.journey, run.version), run.version)
        for run in active
        if run.journey in snap.journeys
    }
    return Rules(released, snap.paused)
