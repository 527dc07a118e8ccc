"""Carries out one signal of the queue: events, a wake-up, or a resumed journey."""

from __future__ import annotations

from datetime import datetime

from waypost.domain.intake.receipts import Receipt
from waypost.domain.signals import EventsArrived, JourneyResumed, Signal
from waypost.match.dependencies import MatchDependencies
from waypost.match.events import carry_out
from waypost.match.resume import resume
from waypost.match.wakeups import wake


def match(signal: Signal, now: datetime, dependencies: MatchDependencies, *, redelivered: bool) -> list[Receipt]:
    """Carries out a signal and answers the receipts of its events that were new. `again`: it may have been begun before.

    UnavailableError at any point: the same signal later goes on where this one stopped.
    """
    match signal:
        case EventsArrived():
            return carry_out(signal, now, dependencies, redelivered=redelivered)
        case JourneyResumed():
            resume(signal, dependencies)
            return []
        case _:
            return wake(signal, now, dependencies)
