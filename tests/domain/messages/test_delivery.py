"""How the row of a message changes by a claim, a provider's response, an expired lease, a skip and a redrive."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.fakes.messages import NOW, pending_message
from waypost.domain.messages import delivery
from waypost.domain.messages.message import Message, MessageReason, MessageStatus, ProviderOutcome, ProviderResponse, SkipReason


def claimed(message: Message) -> Message:
    """The message as claimed by a worker."""
    return delivery.with_claim(message, NOW, "t1", "ada@example.com")


def test_a_claim_has_a_token_and_a_lease_that_outlives_the_function() -> None:
    """A claimed message is sending, has the token and the receiver, counts an attempt, and its lease outlives the function's timeout."""
    message = claimed(pending_message())
    assert (message.status, message.token, message.attempt_count, message.to) == (MessageStatus.SENDING, "t1", 1, "ada@example.com")
    assert message.lease == NOW + delivery.LEASE > NOW + timedelta(seconds=90)


@pytest.mark.parametrize(
    ("channel", "on_unknown", "outcome", "status", "reason"),
    [
        ("email", "hold", "sent", MessageStatus.SENT, None),
        ("email", "hold", "refused", MessageStatus.PENDING, None),
        ("email", "hold", "failed", MessageStatus.FAILED, MessageReason.REJECTED),
        ("email", "hold", "unknown", MessageStatus.UNKNOWN, MessageReason.NO_ANSWER),
        ("email", "resend", "unknown", MessageStatus.PENDING, None),
        ("webhook", "hold", "sent", MessageStatus.SENT, None),
        ("webhook", "hold", "refused", MessageStatus.PENDING, None),
        ("webhook", "hold", "failed", MessageStatus.FAILED, MessageReason.REJECTED),
        ("webhook", "hold", "gone", MessageStatus.FAILED, MessageReason.ENDPOINT_GONE),
        ("webhook", "hold", "unknown", MessageStatus.PENDING, None),
    ],
)
def test_the_status_after_each_outcome(
    channel: str, on_unknown: str, outcome: ProviderOutcome, status: MessageStatus, reason: MessageReason | None
) -> None:
    """After an unknown outcome a webhook is tried again, and an e-mail only if its step says `resend`; each outcome is recorded."""
    message = claimed(pending_message(channel=channel, on_unknown=on_unknown))
    after = delivery.after_response(message, ProviderResponse(outcome, "a detail"), NOW)
    assert (after.status, after.reason, after.lease) == (status, reason, None)
    assert [(attempt.at, attempt.outcome, attempt.detail) for attempt in after.attempts] == [(NOW, outcome, "a detail")]


def test_refusals_are_retried_on_the_schedule_and_then_given_up() -> None:
    """A message that is always refused is claimable again after each delay of the schedule, and has failed after the eighth attempt."""
    message, now = pending_message(channel="webhook"), NOW
    for seconds in (5, 60, 300, 1800, 7200, 21600, 43200):
        message = delivery.after_response(delivery.with_claim(message, now, "t", "x"), ProviderResponse("refused", "HTTP 503"), now)
        assert message.status is MessageStatus.PENDING
        assert seconds * 0.8 <= (message.due - now).total_seconds() <= seconds * 1.2
        assert not delivery.is_claimable(message, message.due - timedelta(milliseconds=1))
        now = message.due
        assert delivery.is_claimable(message, now)
    last = delivery.after_response(delivery.with_claim(message, now, "t", "x"), ProviderResponse("refused", "HTTP 503"), now)
    assert (last.status, last.reason, len(last.attempts)) == (MessageStatus.FAILED, MessageReason.GAVE_UP, 8)


def test_a_retry_respects_the_delay_that_the_provider_asked_for() -> None:
    """A refused message is due no earlier than the `retry_after` of the response."""
    after = delivery.after_response(claimed(pending_message(channel="webhook")), ProviderResponse("refused", "", 120), NOW)
    assert after.due == NOW + timedelta(seconds=120)


def test_a_message_whose_lease_has_not_expired_stays_as_it_is() -> None:
    """Until its lease expires, a claimed message does not change and is not claimable."""
    message = claimed(pending_message())
    before_the_end = NOW + delivery.LEASE - timedelta(milliseconds=1)
    assert delivery.after_expired_lease(message, before_the_end) is message
    assert not delivery.is_claimable(message, before_the_end)
    assert delivery.claimable_in(message, before_the_end) == timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("channel", "on_unknown", "status"),
    [("email", "hold", MessageStatus.UNKNOWN), ("email", "resend", MessageStatus.PENDING), ("webhook", "hold", MessageStatus.PENDING)],
)
def test_an_expired_lease_is_an_unknown_outcome(channel: str, on_unknown: str, status: MessageStatus) -> None:
    """After an expired lease an e-mail is unknown unless its step says `resend`; a webhook is claimable at once."""
    after = delivery.after_expired_lease(claimed(pending_message(channel=channel, on_unknown=on_unknown)), NOW + delivery.LEASE)
    assert (after.status, after.attempts[-1].outcome) == (status, "unknown")
    assert delivery.is_claimable(after, NOW + delivery.LEASE) is (status is MessageStatus.PENDING)


def test_a_message_whose_workers_always_die_is_given_up() -> None:
    """A webhook at which the function crashes each time has failed after eight attempts, and is not tried for ever."""
    message, now = pending_message(channel="webhook"), NOW
    for _ in range(8):
        message = delivery.after_expired_lease(delivery.with_claim(message, now, "t", "x"), now + delivery.LEASE)
        now += delivery.LEASE
    assert (message.status, message.reason) == (MessageStatus.FAILED, MessageReason.GAVE_UP)


def test_a_skipped_message_records_why() -> None:
    """A skipped message has the reason and the detail, and counts no attempt."""
    skipped = delivery.skipped(pending_message(), SkipReason(MessageReason.TEMPLATE, "unknown filter"), NOW)
    assert (skipped.status, skipped.reason, skipped.attempt_count) == (MessageStatus.SKIPPED, MessageReason.TEMPLATE, 0)
    assert skipped.attempts[-1].detail == "unknown filter"


def test_a_redriven_message_has_all_retries_again_and_keeps_its_history() -> None:
    """A failed message that is redriven is due at once, has its whole retry schedule ahead, and keeps the attempts of before."""
    response = ProviderResponse("failed", "no")
    failed = replace(delivery.after_response(claimed(pending_message()), response, NOW), attempt_count=8)
    later = NOW + timedelta(days=2)
    redriven = delivery.redriven(failed, later)
    assert (redriven.status, redriven.reason, redriven.due, redriven.attempt_count) == (MessageStatus.PENDING, None, later, 0)
    assert redriven.attempts == failed.attempts


@pytest.mark.parametrize("status", [status for status in MessageStatus if status is not MessageStatus.FAILED])
def test_only_failed_messages_are_redriven(status: MessageStatus) -> None:
    """A message in any state but failed does not change when it is redriven, so that nothing that was sent is sent again."""
    message = pending_message(status=status)
    assert delivery.redriven(message, NOW) is message


def test_what_a_report_stated_stays_with_its_status_when_a_claim_is_taken_back() -> None:
    """A bounce that is reported during a claim keeps its text, although the provider is not called in this claim."""
    before = pending_message()
    bounced = replace(claimed(before), status=MessageStatus.BOUNCED, report_detail="no such mailbox")
    assert delivery.without_call(bounced, before).shown_detail == "no such mailbox"
