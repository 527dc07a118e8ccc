"""Resumes a journey: wakes the runs and messages that were held while it was paused, in parts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final

from waypost.domain.errors import UnavailableError
from waypost.domain.signal_codec import to_queue_message
from waypost.domain.signals import CustomerReleased, JourneyResumed
from waypost.match.dependencies import MatchDependencies

MESSAGES_AT_ONCE: Final = 10


def resume(signal: JourneyResumed, dependencies: MatchDependencies) -> None:
    """Wakes a part of what a journey held while it was paused, and asks for the next part."""
    after = _wake_runs(signal, dependencies) if signal.phase == "runs" else _wake_messages(signal, dependencies)
    if after is not None:
        _send_on(replace(signal, after=after), dependencies)
    elif signal.phase == "runs":
        _send_on(replace(signal, phase="messages", after=None), dependencies)


def _wake_runs(signal: JourneyResumed, dependencies: MatchDependencies) -> str | None:
    held, after = dependencies.runs.held(signal.workspace, signal.journey, signal.after)
    wanted = {each.customer: each for each in held}
    queue_messages = [
        to_queue_message(
            CustomerReleased(signal.workspace, each.customer, each.lookup_id, signal.journey, signal.revision, signal.pass_number)
        )
        for each in wanted.values()
    ]
    for start in range(0, len(queue_messages), MESSAGES_AT_ONCE):
        if dependencies.signals.send(queue_messages[start : start + MESSAGES_AT_ONCE]):
            raise UnavailableError("the signals queue did not take all that a journey held")
    return after


def _wake_messages(signal: JourneyResumed, dependencies: MatchDependencies) -> str | None:
    held, after = dependencies.messages.held(signal.workspace, signal.journey, signal.after)
    if held:
        dependencies.send_queue.put(signal.workspace, [(message, timedelta(0)) for message in held])
    return after


def _send_on(signal: JourneyResumed, dependencies: MatchDependencies) -> None:
    if dependencies.signals.send([to_queue_message(signal)]):
        raise UnavailableError("the signals queue did not take the rest of a resumed journey")
