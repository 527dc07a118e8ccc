"""Resumes a journey: releases the runs and messages that were held while it was paused, one page for each signal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from waypost.domain.errors import UnavailableError
from waypost.domain.signal_codec import to_queue_message
from waypost.domain.signals import CustomerReleased, JourneyResumed, QueueMessage
from waypost.domain.values.chunks import chunked
from waypost.match.dependencies import MatchDependencies

MESSAGES_PER_CALL: Final = 10
"""What SQS takes in one call."""


def resume(signal: JourneyResumed, dependencies: MatchDependencies) -> None:
    """Releases one page of what a journey held, and sends the signal of the next page.

    The API answers a resume at once, whatever the number of runs. UnavailableError leaves the page to a later delivery of this signal.
    """
    # A run may be held after the resume, by a warm function that still knows the journey as paused, and the index may show a run late. So
    # the management API starts two passes, the second some seconds after the first. Releasing what was released before changes nothing.
    release = _release_runs if signal.phase == "runs" else _release_messages
    after = release(signal, dependencies)
    # The next page is requested after this one is sent. The other way round, a crash in between would lose this page; this way it is sent
    # twice, under the same deduplication ids.
    if after is not None:
        _send([to_queue_message(replace(signal, after=after))], dependencies)
    elif signal.phase == "runs":
        _send([to_queue_message(replace(signal, phase="messages", after=None))], dependencies)


def _release_runs(signal: JourneyResumed, dependencies: MatchDependencies) -> str | None:
    """Sends a signal to each customer of a page of held runs. Returns the position of the next page, None after the last one.

    The runs are not changed here: the signal takes its turn in the customer's message group, between the customer's events.
    """
    held, after = dependencies.runs.held(signal.workspace, signal.journey, signal.after)
    one_per_customer = {each.customer: each for each in held}  # SQS gets at most one message of a group in a call, to keep their order
    queue_messages = [
        to_queue_message(
            CustomerReleased(signal.workspace, each.customer, each.lookup_id, signal.journey, signal.revision, signal.pass_number)
        )
        for each in one_per_customer.values()
    ]
    for chunk in chunked(queue_messages, MESSAGES_PER_CALL):
        _send(chunk, dependencies)
    return after


def _release_messages(signal: JourneyResumed, dependencies: MatchDependencies) -> str | None:
    """Puts a page of held messages on the send queue. Returns the position of the next page, None after the last one."""
    held, after = dependencies.messages.held(signal.workspace, signal.journey, signal.after)
    if held:
        dependencies.send_queue.put(signal.workspace, [(message, timedelta(0)) for message in held])
    return after


def _send(queue_messages: Sequence[QueueMessage], dependencies: MatchDependencies) -> None:
    if dependencies.signals.send(queue_messages):
        raise UnavailableError("the signals queue did not take all signals of a resumed journey")
