"""How the row of a message changes while it is delivered: claim, response, expired lease, skip, redrive. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, assert_never

from waypost.domain.journeys.message_steps import step_class
from waypost.domain.messages.message import Attempt, Message, MessageReason, MessageStatus, ProviderResponse, SkipReason
from waypost.domain.messages.retry_schedule import MAX_THROTTLED, retries_are_used_up, retry_delay
from waypost.domain.messages.suppression import SuppressionReason

LEASE: Final = timedelta(seconds=120)
"""How long a claim holds. It is longer than the timeout of the send function: an expired lease means that its worker is dead."""

SENDER_ERROR: Final = "error"
"""The `outcome` of the attempt of a message at which the sender itself failed. Rows of messages store it."""


def is_claimable(message: Message, now: datetime) -> bool:
    """Whether the message is pending and due."""
    return message.status is MessageStatus.PENDING and message.due <= now


def claimable_in(message: Message, now: datetime) -> timedelta:
    """How long it takes until the message may be claimed: until it is due, or until the lease of another worker ends. Never negative."""
    claimable_at = message.lease if message.status is MessageStatus.SENDING and message.lease else message.due
    return max(claimable_at - now, timedelta(0))


def with_claim(message: Message, now: datetime, token: str, to: str, *, is_own_address: bool = True) -> Message:
    """The message as claimed by the worker that owns `token`, about to be sent to the address `to`, the customer's own or another one."""
    # SQS delivers a record at least once, so two workers may read the same pending row. Saving the claim is a conditional write on the
    # status and the token that were read: one worker wins, and only the winner calls the provider. The lease covers a winner that dies:
    # until it expires no other worker may touch the message, and then any may. The token is new for each claim: a worker whose lease
    # expired during a slow call cannot save its response over a newer claim. The claim is the last write before the call, so a crash
    # leaves an unknown outcome only if it happens during the call or right after it.
    return replace(
        message,
        status=MessageStatus.SENDING,
        reason=None,
        token=token,
        lease=now + LEASE,
        to=to,
        is_to_other=not is_own_address,
        attempt_count=message.attempt_count + 1,
        held=False,
    )


def is_certainly_not_sent(message: Message) -> bool:
    """Whether the message is settled and no provider has it, nor may have it."""
    unsent = message.status in (MessageStatus.FAILED, MessageStatus.SKIPPED)
    return unsent and not any(attempt.outcome in ("sent", "unknown") for attempt in message.attempts)


def without_call(row: Message, before: Message) -> Message:
    """A claimed message whose provider is not called after all, as it was before the claim. A status that a report has set stays."""
    return _keeping_reported_status(row, before)


def with_released_claim(row: Message) -> Message:
    """A claimed message whose provider was certainly not called, as another worker releases it. A status that a report has set stays."""
    return _keeping_reported_status(row, _unclaimed(row, row.due))


def awaits_response(message: Message, token: str) -> bool:
    """Whether the response of the call that was claimed with this token is not recorded yet."""
    return message.token == token and message.lease is not None


def after_response(message: Message, response: ProviderResponse, now: datetime) -> Message:
    """A claimed message after the response of its provider. A status that a delivery report has set during the call stays."""
    if response.outcome == "throttled":
        if now - message.created_at <= MAX_THROTTLED:
            return _keeping_reported_status(message, _unclaimed(message, now + timedelta(seconds=response.retry_after or 0)))
        response = replace(response, outcome="refused")
    recorded = replace(message, attempts=(*message.attempts, Attempt(now, response.outcome, response.detail)))
    return _keeping_reported_status(message, _with_outcome(recorded, response, now))


def _with_outcome(recorded: Message, response: ProviderResponse, now: datetime) -> Message:
    delay = retry_delay(recorded.id, recorded.attempt_count, response.retry_after)
    match response.outcome:
        case "sent":
            return replace(recorded, status=MessageStatus.SENT, lease=None)
        case "refused" | "throttled":
            return _to_be_retried(recorded, now, delay)
        case "failed":
            return _failed(recorded, MessageReason.REJECTED)
        case "gone":
            return _failed(recorded, MessageReason.ENDPOINT_GONE)
        case "opted-out":
            return replace(recorded, status=MessageStatus.SKIPPED, reason=MessageReason.SUPPRESSED, lease=None)
        case "unknown":
            return _with_unknown_outcome(recorded, now, delay)
        case _ as never:
            assert_never(never)


def _unclaimed(message: Message, due: datetime) -> Message:
    """A claimed message as it was before the claim, due at this time."""
    return replace(message, status=MessageStatus.PENDING, lease=None, due=due, attempt_count=message.attempt_count - 1)


def after_expired_lease(message: Message, now: datetime) -> Message:
    """The message with an attempt of unknown outcome, if it is claimed and its lease has expired; otherwise the same object."""
    if message.lease is None or now < message.lease:
        return message
    attempt = Attempt(message.lease, "unknown", "the worker ended before it could record the provider's answer")
    # No delay: the lease was the delay already.
    recorded = replace(message, attempts=(*message.attempts, attempt))
    return _keeping_reported_status(message, _with_unknown_outcome(recorded, now, timedelta(0)))


def _keeping_reported_status(before: Message, after: Message) -> Message:
    # A receiver may report that it has the message before it answers the request. The report then changes the row between the claim and
    # the record of the call. Report and record are merged to the same row in either order: the attempt is recorded, and the status is that
    # of the report, as it would be if the report had come a moment later.
    if before.status is MessageStatus.SENDING:
        return after
    return replace(after, status=before.status, reason=before.reason, report_detail=before.report_detail)


def skipped(message: Message, reason: SkipReason, now: datetime) -> Message:
    """The message that will not be sent."""
    attempt = Attempt(now, "skipped", reason.detail or reason.reason.value)
    attempts = (*message.attempts, attempt)
    return replace(message, status=MessageStatus.SKIPPED, reason=reason.reason, lease=None, attempts=attempts, held=False)


def with_refused_sender(message: Message, detail: str, now: datetime) -> Message:
    """The message as failed, because its workspace may not use its sender. Once the sender is allowed, it can be redriven."""
    attempts = (*message.attempts, Attempt(now, "failed", detail))
    return replace(_failed(message, MessageReason.NO_SENDER), attempts=attempts, held=False)


def given_up(message: Message, now: datetime) -> Message:
    """A pending message as failed, because the sender itself failed at it again and again; any other message as it is."""
    if message.status is not MessageStatus.PENDING:
        return message
    attempt = Attempt(now, SENDER_ERROR, "Waypost failed at this message at every receive; the log of the send function says why")
    return replace(_failed(message, MessageReason.GAVE_UP), attempts=(*message.attempts, attempt), held=False)


def suppression_reason(attempt: Attempt) -> SuppressionReason | None:
    """Why the address of a message is suppressed after this attempt; None if it is not."""
    match attempt.outcome:
        case "gone" | "opted-out":
            return attempt.outcome
        case _:
            return None


def redriven(message: Message, now: datetime) -> Message:
    """A failed message that is due again, with the whole retry schedule ahead of it; any other message as it is."""
    if message.status is not MessageStatus.FAILED:
        return message
    return replace(message, status=MessageStatus.PENDING, reason=None, due=now, lease=None, attempt_count=0, report_detail=None)


def _with_unknown_outcome(message: Message, now: datetime, delay: timedelta) -> Message:
    # The provider may have the message, and nothing can find out. The receiver of a webhook drops a repeat by its `webhook-id`, so a repeat
    # is harmless and a loss is not. SES and similar providers accept the same e-mail twice, so the customer would get it twice: the message
    # stays unknown, which a person can see, unless its step says that twice is better than never (`onUnknown: resend`).
    if step_class(message.channel).recognizes_repeats or message.on_unknown == "resend":
        return _to_be_retried(message, now, delay)
    return replace(message, status=MessageStatus.UNKNOWN, reason=MessageReason.NO_ANSWER, lease=None)


def _to_be_retried(message: Message, now: datetime, delay: timedelta) -> Message:
    if retries_are_used_up(message.attempt_count):
        return _failed(message, MessageReason.GAVE_UP)
    return replace(message, status=MessageStatus.PENDING, lease=None, due=now + delay)


def _failed(message: Message, reason: MessageReason) -> Message:
    return replace(message, status=MessageStatus.FAILED, reason=reason, lease=None)
