"""Sends one message: loads it, decides what to do next, does it, and saves the result (`docs/messages.md#delivery`)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import assert_never

from waypost.cache.sending_quotas import SendLater
from waypost.domain.errors import UnavailableError
from waypost.domain.messages import delivery
from waypost.domain.messages.message import (
    Message,
    MessageReason,
    MessageStatus,
)
from waypost.domain.messages.next_action import (
    Claim,
    Counted,
    Decision,
    Defer,
    Load,
    SendContext,
    Settle,
    next_action,
)
from waypost.domain.messages.retry_schedule import turn_delay
from waypost.domain.messages.send_request import SendRequest
from waypost.sending_calls import claim_and_call
from waypost.sending_dependencies import SAVE_ATTEMPTS, SendDependencies, SendResult
from waypost.sending_loads import load
from waypost.sending_outcomes import save_outcome
from waypost.sending_turns import Turn


def send(
    workspace: str, message_id: str, now: datetime, token: str, dependencies: SendDependencies, released: str | None = None
) -> SendResult:
    """Processes a message as far as is possible at this time, with at most one call of its provider. `token` is unique to this call.

    `released` is the token of a claim in which its worker certainly called no provider.

    Raises UnavailableError if a dependency fails, or if other workers change the message again and again. Calling again with the same
    message is always safe, after an error as well.
    """
    turn = Turn(dependencies.paces, dependencies.sleep)
    try:
        return _send(SendRequest(workspace, message_id, released), now, token, turn, dependencies)
    finally:
        turn.end()


def _send(request: SendRequest, now: datetime, token: str, turn: Turn, dependencies: SendDependencies) -> SendResult:
    workspace, message_id, released = request
    count: Counted | None = None
    for _ in range(SAVE_ATTEMPTS):
        row = dependencies.messages.get(workspace, message_id)
        if row is None:
            return SendResult(None)
        if released is not None and delivery.awaits_response(row, released):
            unclaimed = delivery.with_released_claim(row)
            if not dependencies.messages.save(unclaimed, row):
                continue
            row = unclaimed
        later: SendLater | None = None
        if delivery.is_claimable(row, now):
            throttled_for = dependencies.pauses.throttled_for(row.channel, now)
            if throttled_for is not None:
                # Before anything else is read: while a large backlog waits for a slow provider, most deliveries of records end here.
                dependencies.queue.put(workspace, [(message_id, turn_delay(message_id, now, throttled_for))])
                return SendResult(row)
            later = turn.begin(row, now)
        if later is not None and (not later.quota or _may_send(row, now, dependencies)):
            result = _postpone(row, later, dependencies)
        else:
            action, count = _decide(row, now, count, dependencies)
            if later is not None and isinstance(action, Claim):  # it sends again since a moment ago
                result = _postpone(row, later, dependencies)
            else:
                result = _act(action, row, now, token, turn, dependencies)
        if result is not None:
            return result
        # A delivery report or another worker changed the row between the read and the write. The record on the queue may be the only one
        # of this message: if it ended here, nothing would notify the run that waits, or retry when that worker dies.
    raise UnavailableError("a message changed too often")


def _may_send(row: Message, now: datetime, dependencies: SendDependencies) -> bool:
    """Whether the journey and the workspace of a message send at the moment. Both answers are in memory as a rule."""
    # What does not send must say so: a message that waits for the quota would return to the queue again and again, and one of a stopped
    # journey would be skipped a day late.
    status = dependencies.statuses.of(row.workspace, row.journey, now)
    return status == "published" and dependencies.settings.is_sending(row.workspace, now)


def _postpone(row: Message, later: SendLater, dependencies: SendDependencies) -> SendResult | None:
    """Puts a message back on the queue that may not be sent yet. None if its row has changed since it was read."""
    # The row shows that the message waits for the quota. It is written once for the whole wait: with another `due` for each look, a backlog
    # of a day would cost a write for each look of each message.
    postponed = replace(row, reason=MessageReason.QUOTA, held=False) if later.quota else row
    if postponed != row and not dependencies.messages.save(postponed, row):
        return None
    dependencies.queue.put(row.workspace, [(row.id, later.after)])
    return SendResult(postponed, changed=postponed != row)


def give_up(workspace: str, message_id: str, now: datetime, dependencies: SendDependencies) -> SendResult:
    """Settles a message whose record is given up, because `send` raised at each of its receives: it is failed and parked, its run notified.

    A message that another worker has claimed returns to the queue, for the end of the lease; one that is settled gets the effects of its
    state. Raises UnavailableError as `send` does.
    """
    # Without this the record would be gone and the message pending for ever: no redelivery, no outcome for the run that waits for it.
    for _ in range(SAVE_ATTEMPTS):
        row = dependencies.messages.get(workspace, message_id)
        if row is None:
            return SendResult(None)
        result = save_outcome(delivery.given_up(delivery.after_expired_lease(row, now), now), row, now, dependencies)
        if result is not None:
            return result
    raise UnavailableError("a message changed too often")


def _act(action: Decision, row: Message, now: datetime, token: str, turn: Turn, dependencies: SendDependencies) -> SendResult | None:
    """Does what was decided for `row`. None if the row has changed since it was read; then nothing was sent."""
    match action:
        case Claim():
            return claim_and_call(action, row, now, token, turn, dependencies)
        case Defer() | Settle():
            return save_outcome(action.message, row, now, dependencies)
        case _ as never:
            assert_never(never)


def _decide(row: Message, now: datetime, count: Counted | None, dependencies: SendDependencies) -> tuple[Decision, Counted | None]:
    """What to do with a message, and whether it counts under the caps: `count` is what an earlier decision of this delivery has counted."""
    context = SendContext()
    while isinstance(action := next_action(row, now, context), Load):
        context = load(action, row, context, now, dependencies)
    count = context.count if isinstance(context.count, Counted) else count
    # A message that was counted may still be refused or skipped: its claim was lost, or another worker has stored a content from another
    # sender. The row has to name whose count it is in, because what settles a message removes it from there.
    if isinstance(action, Settle | Defer) and row.status is MessageStatus.PENDING and count is not None and count.customer is not None:
        action = replace(action, message=replace(action.message, counted=action.message.counted or count.customer))
    return action, count
