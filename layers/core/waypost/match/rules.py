"""The rules that the active runs of a customer follow: the versions of their journeys, and which journeys are paused."""

from __future__ import annotations

from datetime import datetime

from waypost.domain.journeys.published import Snapshot
from waypost.domain.runs.context import JourneyVersion
from waypost.domain.runs.reactions import Rules
from waypost.domain.runs.run import CustomerRuns
from waypost.match.dependencies import MatchDependencies


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
