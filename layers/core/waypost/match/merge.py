"""The second half of an absorb: runs and what is owed come along. Whoever meets an absorb that is not finished finishes it first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from waypost.domain.customers.rows import Row
from waypost.domain.errors import UnavailableError
from waypost.domain.runs.changes import RunsMerge
from waypost.domain.runs.merge_rules import merged_run
from waypost.domain.runs.run import Run
from waypost.ports import Customers, Runs

ATTEMPTS: Final = 50
RUNS_AT_ONCE: Final = 40
"""Each run takes two of the hundred actions of a transaction, each gate one."""


def finish(customers: Customers, runs: Runs, rows: Sequence[Row]) -> bool:
    """Finishes every absorb that these rows of one customer have begun; whether there was any. A crash in between only delays it."""
    begun = [row for row in rows if row.merge_pending and row.merged_id is not None]
    for row in begun:
        _move(runs, row.key.workspace, row.customer, row.merged_id or "")
        _settle(customers, row)
    return bool(begun)


def _move(runs: Runs, workspace: str, into: str, absorbed: str) -> None:
    for _ in range(ATTEMPTS):
        here, there = runs.get(workspace, into), runs.get(workspace, absorbed)
        if there.version_row.merged_into is not None and not there.runs:
            return
        kept: list[Run] = []
        past: list[Run] = []
        for run in there.runs[:RUNS_AT_ONCE]:
            as_it_goes_on, is_past = merged_run(here, run)
            (past if is_past else kept).append(as_it_goes_on)
            here = here if is_past else here.with_run(as_it_goes_on)
        runs.merge(RunsMerge(workspace, into, here.version_row, absorbed, there.version_row, tuple(kept), tuple(past)))
    raise UnavailableError("two customers' runs changed too often")


def _settle(customers: Customers, row: Row) -> None:
    """Notes that nothing is moving any more."""
    for _ in range(ATTEMPTS):
        stale = customers.save((replace(row, merge_pending=False),))
        now = stale[row.key] if stale else None
        if now is None or not now.merge_pending:
            return
        row = now
    raise UnavailableError("a customer's row changed too often")
