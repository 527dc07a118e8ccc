"""The versions of a journey, newest first (docs/api.md#versions-of-a-journey)."""

from __future__ import annotations

from waypost.domain.journeys.lifecycle import VersionTimes
from waypost.domain.values.cursors import bad_cursor, cursor_of, position_in
from waypost.manage.api import ApiRequest
from waypost.manage.journeys import existing
from waypost.manage.requests import VersionListQuery
from waypost.manage.responses.journeys import VersionResponse
from waypost.manage.responses.lists import ListResponse
from waypost.ports import ManagedJourneys


def list_versions(request: ApiRequest[VersionListQuery, None]) -> ListResponse[VersionResponse]:
    """`GET /api/journeys/{id}/versions`."""
    return versions_of(request.dependencies.journeys, request.workspace, request.variables["id"], request.query)


def versions_of(journeys: ManagedJourneys, workspace: str, journey_id: str, query: VersionListQuery) -> ListResponse[VersionResponse]:
    """A page of the versions of a journey. RefusedError 404, or 400 for a wrong cursor.

    Two reads, whatever the journey holds: versions count from 1 without gaps, so their numbers need no read.
    """
    filter_key = {**query.filter_key(), "journey": journey_id}
    newest = _number_in(position_in(query.cursor, workspace, filter_key)) if query.cursor is not None else None
    journey = existing(journeys, workspace, journey_id)
    newest = journey.version if newest is None else min(newest, journey.version)
    oldest = max(1, newest - query.limit + 1)
    times = journeys.version_times(workspace, journey_id, oldest, newest) if newest >= oldest else {}
    items = tuple(
        VersionResponse(
            version=number,
            saved_at=times.get(number, VersionTimes()).saved_at,
            published_at=times.get(number, VersionTimes()).published_at,
            is_published=number == journey.published_version,
        )
        for number in range(newest, oldest - 1, -1)
    )
    return ListResponse(items=items, next=cursor_of(str(oldest - 1), workspace, filter_key) if oldest > 1 else None)


def _number_in(position: str) -> int:
    """The number of the version in a cursor. RefusedError 400 if it is none: the cursor is forged."""
    if not (position.isascii() and position.isdigit() and len(position) <= 6):
        raise bad_cursor()
    return int(position)
