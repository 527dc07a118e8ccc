"""A journey's life after it was published: paused, resumed, stopped; at once, whatever the number of its runs (contract 3.2)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from waypost.domain.errors import StaleError, UnavailableError
from waypost.domain.journeys.lifecycle import Lifecycle, LifecycleAction, after_action
from waypost.domain.signal_codec import to_queue_message
from waypost.domain.signals import JourneyResumed
from waypost.manage.journeys import ATTEMPTS, JourneyStore, read, wrong_move
from waypost.ports import Delays, Signals

SECOND_PASS_AFTER: Final = timedelta(seconds=15)
"""By then no warm function still believes that the journey is paused, and the indexes show all that was held meanwhile."""


@dataclass(frozen=True, slots=True)
class LifecycleDependencies:
    """Journeys, and the queues by which what a journey held is woken."""

    journeys: JourneyStore
    signals: Signals
    delays: Delays


def change_status(
    event_snapshot: LifecycleDependencies, workspace: str, journey: str, move: LifecycleAction, now: datetime
) -> tuple[Lifecycle, Any]:
    """Pauses, resumes or stops a journey. RefusedError 404, or 409 where it cannot from where it stands."""
    for _ in range(ATTEMPTS):
        was, definition = read(event_snapshot.journeys, workspace, journey)
        moved = was.moved(move, now)
        if moved is None:
            raise wrong_move(was, move)
        pointer = after_action(event_snapshot.journeys.pointer(workspace), journey, moved.status)
        wake = JourneyResumed(workspace, journey, pointer.revision + 1) if move == "resume" else None
        if wake is not None:  # before the write: should this call end right after it, the second sweep still wakes everything
            event_snapshot.delays.put(to_queue_message(replace(wake, pass_number=1)), SECOND_PASS_AFTER)
        try:
            event_snapshot.journeys.publish(workspace, moved, pointer)
        except StaleError:
            continue
        if wake is not None:
            event_snapshot.signals.send([to_queue_message(wake)])
        return moved, definition
    raise UnavailableError("the workspace's journeys were changed too often")
