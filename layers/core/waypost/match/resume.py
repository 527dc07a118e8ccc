"""Resumes a journey: wakes the runs and messages that were held while it was paused, in parts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final

from waypost.domain.errors import UnavailableError
from waypost.domain.signals import CustomerReleased, JourneyResumed, parcel
from waypost.match.dependencies import World

PARCELS_AT_ONCE: Final = 10


def resume(signal: JourneyResumed, world: World) -> None:
    """Wakes a part of what a journey held while it was paused, and asks for the next part."""
    after = _wake_runs(signal, world) if signal.stage == "runs" else _wake_messages(signal, world)
    if after is not None:
        _send_on(replace(signal, after=after), world)
    elif signal.stage == "runs":
        _send_on(replace(signal, stage="messages", after=None), world)


def _wake_runs(signal: JourneyResumed, world: World) -> str | None:
    held, after = world.runs.held(signal.workspace, signal.journey, signal.after)
    wanted = {each.customer: each for each in held}
    parcels = [
        parcel(CustomerReleased(signal.workspace, each.customer, each.known_as, signal.journey, signal.rev, signal.sweep))
        for each in wanted.values()
    ]
    for start in range(0, len(parcels), PARCELS_AT_ONCE):
        if world.signals.send(parcels[start : start + PARCELS_AT_ONCE]):
            raise UnavailableError("the signals queue did not take all that a journey held")
    return after


def _wake_messages(signal: JourneyResumed, world: World) -> str | None:
    held, after = world.messages.held(signal.workspace, signal.journey, signal.after)
    if held:
        world.send_queue.put(signal.workspace, [(message, timedelta(0)) for message in held])
    return after


def _send_on(signal: JourneyResumed, world: World) -> None:
    if world.signals.send([parcel(signal)]):
        raise UnavailableError("the signals queue did not take the rest of a resumed journey")
