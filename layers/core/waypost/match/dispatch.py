"""Matches one signal of the queue: calls the use case for its kind."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import assert_never

from waypost.domain.intake.receipts import Receipt
from waypost.domain.signals import (
    CustomerReleased,
    ErasureContinued,
    EventsArrived,
    JourneyResumed,
    LinkUsed,
    MessageReported,
    MessageSettled,
    Signal,
    TimerDue,
)
from waypost.erasure import continue_erasure
from waypost.match.dependencies import MatchDependencies
from waypost.match.events import match_events
from waypost.match.links import use_link
from waypost.match.resume import resume
from waypost.match.wakeups import wake


def match(
    signal: Signal,
    now: datetime,
    dependencies: MatchDependencies,
    *,
    redelivered: bool,
    group: str | None = None,
    accepted_at: datetime | None = None,
    on_moved: Callable[[int], None] | None = None,
) -> list[Receipt]:
    """Processes a signal and returns the receipts of what it newly did: its new events, or the moves of a customer's runs.

    `redelivered` says that an earlier delivery may have begun the work. `group` is the message group of this delivery, None for that of the
    customer whom the signal names. `accepted_at` is the time at which the queue accepted the signal; None stands for `now`. `on_moved` gets
    the number of events that go to other message groups. Any call of a port can raise UnavailableError; a later delivery of the same signal
    then continues where this one stopped.
    """
    match signal:
        case EventsArrived():
            return match_events(signal, now, dependencies, redelivered=redelivered, group=group, on_moved=on_moved)
        case LinkUsed():
            return use_link(signal, now, dependencies, redelivered=redelivered, group=group, on_moved=on_moved)
        case JourneyResumed():
            resume(signal, dependencies)
            return []
        case TimerDue() | MessageSettled() | MessageReported() | CustomerReleased():
            return wake(signal, now, dependencies, accepted_at or now)
        case ErasureContinued():
            continue_erasure(signal, now, dependencies.erasing())
            return []
        case _:
            assert_never(signal)
