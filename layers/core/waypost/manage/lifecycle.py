"""The actions pause, resume and stop of a published journey, each at once, however many runs there are (docs/journeys.md#lifecycle)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from waypost.domain.errors import StaleError, UnavailableError
from waypost.domain.journeys.lifecycle import Lifecycle, LifecycleAction, after_action
from waypost.domain.signal_codec import to_queue_message
from waypost.domain.signals import JourneyResumed
from waypost.manage.api import ApiRequest
from waypost.manage.dependencies import ManageDependencies
from waypost.manage.journeys import EDIT_ATTEMPTS, checks_for, read, response, wrong_action
from waypost.manage.requests import NoQuery
from waypost.web.http import Response

SECOND_PASS_AFTER: Final = timedelta(seconds=15)
"""By then no warm function still has the journey as paused in memory, and the indexes show everything that was held until then."""


def change_status(
    dependencies: ManageDependencies, workspace: str, journey_id: str, action: LifecycleAction, now: datetime
) -> tuple[Lifecycle, Any]:
    """Pauses, resumes or stops a journey. RefusedError 404, or 409 if its status does not allow the action.

    A repeated call changes nothing. A repeated resume sends its two passes again: the first call may have failed between the write and
    the queue. UnavailableError if the queue does not take them.

    A resumed journey releases its held runs and messages in two passes. The first misses what a matcher holds in these seconds because
    it still has the journey as paused in memory; the second finds it. The second pass is enqueued before the status is written: if this
    call ends right after the write, it still releases everything.
    """
    for _ in range(EDIT_ATTEMPTS):
        was, definition = read(dependencies.journeys, workspace, journey_id)
        changed = was.moved(action, now)
        if changed is None:
            raise wrong_action(was, action)
        is_repeat = changed is was
        pointer = after_action(dependencies.journeys.pointer(workspace), journey_id, changed.status)
        resumed = JourneyResumed(workspace, journey_id, pointer.revision + (not is_repeat)) if action == "resume" else None
        if resumed is not None:
            dependencies.delays.put(to_queue_message(replace(resumed, pass_number=1)), SECOND_PASS_AFTER)
        try:
            if not is_repeat:
                dependencies.journeys.publish(workspace, changed, pointer)
        except StaleError:
            continue
        if resumed is not None and dependencies.signals.send([to_queue_message(resumed)]):
            raise UnavailableError("the signals queue did not take the signal of a resumed journey")
        return changed if is_repeat else changed.written, definition
    raise UnavailableError("the workspace's journeys were changed too often")


def pause_journey(request: ApiRequest[NoQuery, None]) -> Response:
    """`POST /api/journeys/{id}/pause`."""
    return _changed(request, "pause")


def resume_journey(request: ApiRequest[NoQuery, None]) -> Response:
    """`POST /api/journeys/{id}/resume`."""
    return _changed(request, "resume")


def stop_journey(request: ApiRequest[NoQuery, None]) -> Response:
    """`POST /api/journeys/{id}/stop`."""
    return _changed(request, "stop")


def _changed(request: ApiRequest[NoQuery, None], action: LifecycleAction) -> Response:
    dependencies = request.dependencies
    return response(checks_for(request), *change_status(dependencies, request.workspace, request.variables["id"], action, request.now))
