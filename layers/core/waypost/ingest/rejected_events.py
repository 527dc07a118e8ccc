"""Keeps the rejected events of a batch, so that their sender can look them up (`docs/events.md#rejected-events`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from waypost.domain.errors import UnavailableError
from waypost.domain.intake.batch_parser import RequestContext
from waypost.domain.intake.events import IntakeResult, Rejected, RejectedEvent
from waypost.ingest import time_budget
from waypost.ingest.dependencies import IngestDependencies
from waypost.ingest.time_budget import TimeBudget

KEPT_PER_MINUTE: Final = 100
"""For one workspace: a faulty client that sends nothing but invalid events must not run up its owner's DynamoDB bill."""


def keep_rejected(
    results: Sequence[IntakeResult],
    raw: Sequence[object],
    request_context: RequestContext,
    dependencies: IngestDependencies,
    budget: TimeBudget,
) -> int:
    """Keeps the rejected events of a batch; `raw` holds all its events as they were sent.

    Returns how many could not be kept because the table is unavailable or the time is over. That is no error: the client has the
    result of each event in the answer.
    """
    rejected = [RejectedEvent(index, raw[index], result) for index, result in enumerate(results) if isinstance(result, Rejected)]
    if not rejected or budget.is_over(time_budget.SEND_SECONDS):
        return len(rejected)
    try:
        budget.run_until(time_budget.END_SECONDS, lambda: _count_and_keep(rejected, request_context, dependencies))
    except UnavailableError:
        return len(rejected)
    return 0


def _count_and_keep(rejected: Sequence[RejectedEvent], request_context: RequestContext, dependencies: IngestDependencies) -> None:
    """Counts the events, then keeps as many as the limit of the minute allows."""
    workspace, received_at = request_context.workspace, request_context.received_at
    counted_before = dependencies.rejected.count(workspace, received_at, len(rejected))
    remaining = max(0, KEPT_PER_MINUTE - counted_before)
    dependencies.rejected.keep(workspace, received_at, request_context.invocation_id, rejected[:remaining])
