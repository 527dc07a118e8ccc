"""The steps from the claim of a message over the call of its provider to the record of the answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from waypost.domain.customers.rows import owner_key
from waypost.domain.errors import UnavailableError
from waypost.domain.journeys.message_steps import step_class
from waypost.domain.messages import delivery, receivers
from waypost.domain.messages.message import (
    Message,
    PreparedMessage,
    ProviderResponse,
)
from waypost.domain.messages.next_action import (
    Claim,
)
from waypost.domain.messages.permission import Permission, refusal
from waypost.domain.messages.retry_schedule import turn_delay
from waypost.sending_dependencies import SAVE_ATTEMPTS, SendDependencies, SendResult
from waypost.sending_outcomes import save_outcome
from waypost.sending_turns import Turn


def claim_and_call(claim: Claim, row: Message, now: datetime, token: str, turn: Turn, dependencies: SendDependencies) -> SendResult | None:
    """Claims a message, calls its provider and records the response.

    None if the claim failed because the row has changed, or if the customer has changed so that the message has to be decided again.
    """
    # Before the claim: if the signing key cannot be read, the message has no attempt more than before.
    named = dependencies.settings.of(row.workspace, now).address_attributes.get(row.channel)
    outgoing = dependencies.links.put_into(claim.prepared, claim.message, claim.recipient, now, named)
    own = receivers.is_own_address(claim.prepared.to, row.channel, claim.recipient.customer, claim.recipient.journey, row.step, named)
    claimed = delivery.with_claim(claim.message, now, token, claim.prepared.to, is_own_address=own)
    try:
        if not dependencies.messages.save(claimed, row):
            return None
        permission = _permission(claim, claimed, dependencies)
        if permission.moved:
            dependencies.messages.save(delivery.without_call(claimed, claim.message), claimed)
            return None
        reason = refusal(permission, claim.recipient.topic, claimed.channel)
        if reason is not None:
            settled = delivery.skipped(claim.message, reason, dependencies.clock())
            return _record(lambda current: delivery.without_call(current, settled), claimed, dependencies.clock(), token, dependencies)
    except Exception:
        # Nothing was sent. If the claim stayed, its lease would end without a record, and an e-mail would be unknown because of an outage
        # or of a bug.
        if _give_back(claim, claimed, token, dependencies):
            return SendResult(claimed)
        raise
    # A receipt or a password reset is no advertising: nobody has agreed that it reports whether it was read.
    outgoing = replace(outgoing, is_tracked=claim.recipient.topic is not None)
    turn.use()
    response = _slowed_down(_call_provider(claimed, outgoing, now, dependencies), claimed, dependencies)
    if response.outcome in ("sent", "unknown") and claimed.channel in dependencies.paces:
        dependencies.paces[claimed.channel].sent(step_class(claimed.channel).recipients(claim.prepared.rendered))
    # A call may take 15 seconds, which is longer than the first pause of the retry schedule: a pause that counted from the claim would be
    # over before the answer, and the receiver that timed out would be called again at once.
    answered_at = dependencies.clock()
    return _record(lambda current: delivery.after_response(current, response, answered_at), claimed, answered_at, token, dependencies)


def _permission(claim: Claim, claimed: Message, dependencies: SendDependencies) -> Permission:
    """What decides whether a claimed message is sent."""
    # A person who has unsubscribed expects silence from this moment on, not from the next message on. The checks before the claim rest on
    # rows that are as old as the rendering took, and a message that waits for its retry was checked hours ago.
    main_row = owner_key(claimed.workspace, claim.recipient.customer.lookup_id)
    return dependencies.permissions.of(claimed.workspace, claimed.channel, claim.prepared.to, main_row)


def _give_back(claim: Claim, claimed: Message, token: str, dependencies: SendDependencies) -> bool:
    """Saves a claimed message as it was before the claim, or leaves that to the next delivery: then True, and its record has ended."""
    try:
        # If the claim was not written, or a refusal was, nothing is changed: the row is not the claimed one.
        dependencies.messages.save(delivery.without_call(claimed, claim.message), claimed)
    except UnavailableError:
        # The table cannot keep what this worker alone knows: that no provider was called. The queue can. The new record replaces the one
        # that is processed, which would find an expired lease if it came first.
        dependencies.queue.put_released(claimed.workspace, claimed.id, token)
        return True
    return False


def _record(
    change: Callable[[Message], Message], claimed: Message, now: datetime, token: str, dependencies: SendDependencies
) -> SendResult:
    """Records what became of a claim, in the row as it is now if delivery reports have changed it since the claim."""
    row: Message | None = claimed
    for _ in range(SAVE_ATTEMPTS):
        if row is None or not delivery.awaits_response(row, token):
            # Erased, or the lease has expired and another worker has recorded this call as unknown.
            return SendResult(row)
        result = save_outcome(change(row), row, now, dependencies)
        if result is not None:
            return result
        row = dependencies.messages.get(claimed.workspace, claimed.id)
    raise UnavailableError("a message changed too often")


def _call_provider(claimed: Message, prepared: PreparedMessage, now: datetime, dependencies: SendDependencies) -> ProviderResponse:
    try:
        return dependencies.channels[claimed.channel].call_provider(claimed, prepared, now)
    except UnavailableError as error:
        # A channel raises this only before the call, for instance if it cannot read its secret: certainly nothing was sent.
        return ProviderResponse("refused", f"the provider was not called: {error}")
    except Exception as error:  # noqa: BLE001 - whatever a receiver makes a library raise; the attempt must be recorded
        # If this passed, the message would stay claimed until its lease ends, and a receiver whose answers always do this would hold it for
        # days, and so the run that waits for it. The call may have been made, so the outcome is unknown.
        return ProviderResponse("unknown", f"the call ended with an error: {type(error).__name__}")


def _slowed_down(response: ProviderResponse, claimed: Message, dependencies: SendDependencies) -> ProviderResponse:
    """The response, after the pauses of the provider are brought up to date with it; a throttled one gets the delay until its next turn."""
    match response.outcome:
        case "throttled":
            now = dependencies.clock()
            throttled_for = dependencies.pauses.refused(claimed.channel, now)
            return replace(response, retry_after=turn_delay(claimed.id, now, throttled_for).total_seconds())
        case "sent":
            dependencies.pauses.accepted(claimed.channel)
    return response
