"""How many messages a journey has, by step and status (docs/api.md#counts-of-messages)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

from waypost.domain.errors import RefusedError
from waypost.domain.messages.message import MessageStatus
from waypost.domain.values.cursors import cursor_of, position_in
from waypost.domain.values.wire_time import iso
from waypost.manage.api import ApiRequest
from waypost.manage.messages import messages_of_journey, position_of
from waypost.manage.pagination import source_from
from waypost.manage.requests import CountsQuery
from waypost.manage.responses.messages import CountsResponse
from waypost.manage.time_limit import HasTime, time_limit, unlimited
from waypost.ports import ManagedMessages

READS: Final = 10
MESSAGES_PER_READ: Final = 200

StepCounts = Mapping[str, Counter[MessageStatus]]
"""The number of messages by their status, by the ids of steps."""


def count_messages(
    messages: ManagedMessages,
    workspace: str,
    journey: str,
    query: CountsQuery,
    has_time: HasTime = unlimited,
    version: int | None = None,
) -> tuple[StepCounts, str | None]:
    """The messages of a journey, and a cursor if there are more than one request counts. RefusedError 400 for a wrong cursor.

    If `version` is given, only messages of this version are counted; all of them are read.

    The newest messages come first. They are read in a bounded number of reads, so what the workspace holds does not matter.
    """
    filter_key = query.filter_key(journey)
    position = position_in(query.cursor, workspace, filter_key) if query.cursor is not None else None
    source = messages_of_journey(messages, workspace, journey)
    if query.since is not None:
        source = source_from(source, position_of, iso(query.since))
    found: dict[str, Counter[MessageStatus]] = {}
    for _ in range(READS):
        part, position = source(MESSAGES_PER_READ, position)
        for message in (each for each in part if version in (None, each.version)):
            found.setdefault(message.step, Counter())[message.status] += 1
        if position is None or not has_time():
            break
    return found, cursor_of(position, workspace, filter_key) if position is not None else None


def read_counts(request: ApiRequest[CountsQuery, None]) -> CountsResponse:
    """`GET /api/journeys/{id}/counts`. RefusedError 404 if there is no such journey."""
    dependencies, workspace, journey = request.dependencies, request.workspace, request.variables["id"]
    has_time = time_limit(dependencies.monotonic)
    if dependencies.journeys.lifecycle(workspace, journey) is None:
        raise RefusedError(404, "not-found", "There is no journey with this id.")
    counts, following = count_messages(dependencies.messages, workspace, journey, request.query, has_time)
    return CountsResponse.of(counts, is_complete=following is None and request.query.cursor is None, following=following)
