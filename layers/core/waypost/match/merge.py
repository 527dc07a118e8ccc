"""The second phase of a merge of two customers: the runs and pending effects of the anonymous customer move to the known one.

The first phase is one transaction that links the correlation id and marks the row of the pair as `merge_pending` (`waypost.identify`).
There may be more runs than a transaction holds, so the rest follows in steps. Every worker that reads a marked row completes the merge
before it decides anything, so a crash between two steps only delays it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from waypost.domain.customers.rows import Row
from waypost.domain.errors import UnavailableError
from waypost.domain.runs.changes import RunsMerge
from waypost.domain.runs.merge_rules import merged_run
from waypost.domain.runs.run import Run
from waypost.match.journey_counting import CountBuffer
from waypost.ports import Customers, Runs

MERGE_ATTEMPTS: Final = 50
"""Each moves up to 40 runs or loses a race."""

MOVED_RUNS_PER_TRANSACTION: Final = 40
"""Each run takes two of the 100 actions of a transaction, each of the two version rows one."""


def finish_merges(customers: Customers, runs: Runs, rows: Sequence[Row], counted: CountBuffer) -> bool:
    """Completes the merges that are marked in the rows of one customer, and returns whether there were any.

    The runs that exit because of it are added to `counted`.
    """
    pending = [row for row in rows if row.merge_pending and row.merged_id is not None]
    for row in pending:
        _move_runs(runs, row.key.workspace, row.customer, row.merged_id or "", counted)
        _clear_mark(customers, row)  # last: a crash before it repeats the step above, which finds nothing left to move
    return bool(pending)


def _move_runs(runs: Runs, workspace: str, target: str, source: str, counted: CountBuffer) -> None:
    """Moves all runs and pending effects of the customer `source` to `target`, in as many transactions as they need."""
    for _ in range(MERGE_ATTEMPTS):
        target_runs, source_runs = runs.get(workspace, target), runs.get(workspace, source)
        # A first transaction is needed even for a customer without runs. Another worker may have read that customer, in the message group
        # of its old id, and be about to open a run. The transaction changes the version row that this worker's commit is conditional on:
        # the commit fails, the worker reads again, finds the version row pointing here, and decides with the runs of both.
        if source_runs.version_row.merged_into is not None and not source_runs.runs:
            return
        # Nothing can be saved for an erased customer, and nothing of it may go to another one: the erasure removes its runs.
        if source_runs.version_row.erased or target_runs.version_row.erased:
            return
        current: list[Run] = []
        past: list[Run] = []
        exited: list[Run] = []
        for run in source_runs.runs[:MOVED_RUNS_PER_TRANSACTION]:
            moved, is_past = merged_run(target_runs, run)
            (past if is_past else current).append(moved)
            exited += [moved] if run.active and not moved.active else []
            # The next run is compared with this one as well: both may be of one journey and key, of which one may be active.
            target_runs = target_runs if is_past else target_runs.with_run(moved)
        # The result is for the numbers only: after a lost race as after a success, the next attempt reads what is left. Each transaction
        # takes the pending effects along, because after it no worker reads them under the old id.
        change = RunsMerge(workspace, target, target_runs.version_row, source, source_runs.version_row, tuple(current), tuple(past))
        if runs.merge(change):
            counted.add_exits(workspace, exited)
    raise UnavailableError("two customers' runs changed too often")


def _clear_mark(customers: Customers, row: Row) -> None:
    """Removes the mark of a completed merge, from the row as it is now: attributes may have been written to it meanwhile."""
    for _ in range(MERGE_ATTEMPTS):
        stale = customers.save((replace(row, merge_pending=False),))
        current = stale[row.key] if stale else None
        if current is None or not current.merge_pending:  # saved, erased, or cleared by another worker
            return
        row = current
    raise UnavailableError("a customer's row changed too often")
