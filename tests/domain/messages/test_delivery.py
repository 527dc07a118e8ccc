"""The delivery rules: what a provider's answer, a lease that ran out and a person's redrive make of a message."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.fakes.messages import NOW, pending_message
from waypost.domain.messages import delivery
from waypost.domain.messages.message import Message, MessageReason, MessageStatus, ProviderResponse, ProviderResult, Skip


def with_claim(message: Message) -> Message:
    """The message as a worker holds it."""
    return delivery.with_claim(message, NOW, "t1", "ada@example.com")


def test_a_claim_says_who_holds_the_message_and_until_when() -> None:
    """A claimed message is sending, under a token, with a lease that outlives the function."""
    held = with_claim(pending_message())
    assert (held.status, held.token, held.attempt_count, held.to) == (MessageStatus.SENDING, "t1", 1, "ada@example.com")
    assert held.lease == NOW + delivery.LEASE > NOW + timedelta(seconds=90)


@pytest.mark.parametrize(
    ("channel", "on_unknown", "answer", "status", "reason"),
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
def test_what_an_answer_makes_of_a_message(
    channel: str, on_unknown: str, answer: ProviderResult, status: MessageStatus, reason: MessageReason | None
) -> None:
    """Only a definite refusal of an e-mail is tried again; a webhook's receiver knows the id, so it is told again when in doubt."""
    message = with_claim(pending_message(channel=channel, on_unknown=on_unknown))
    settled = delivery.settled(message, ProviderResponse(answer, "so it went"), NOW)
    assert (settled.status, settled.reason, settled.lease) == (status, reason, None)
    assert [(attempt.at, attempt.outcome, attempt.detail) for attempt in settled.attempts] == [(NOW, answer, "so it went")]


def test_refusals_are_retried_on_the_schedule_and_then_given_up() -> None:
    """Seven retries after 5 s, 1 min, 5 min, 30 min, 2 h, 6 h and 12 h, each within 20 %; the eighth refusal is the last."""
    message, now = pending_message(channel="webhook"), NOW
    for pause in (5, 60, 300, 1800, 7200, 21600, 43200):
        message = delivery.settled(delivery.with_claim(message, now, "t", "x"), ProviderResponse("refused", "HTTP 503"), now)
        assert message.status is MessageStatus.PENDING
        assert pause * 0.8 <= (message.due - now).total_seconds() <= pause * 1.2
        assert not delivery.claimable(message, message.due - timedelta(milliseconds=1))
        now = message.due
        assert delivery.claimable(message, now)
    last = delivery.settled(delivery.with_claim(message, now, "t", "x"), ProviderResponse("refused", "HTTP 503"), now)
    assert (last.status, last.reason, len(last.attempts)) == (MessageStatus.FAILED, MessageReason.GAVE_UP, 8)


def test_jitter_is_the_same_for_the_same_attempt_and_differs_between_messages() -> None:
    """A replay waits as long as the original did; a thousand messages that were refused together do not come back together."""
    pauses = [
        delivery.settled(with_claim(pending_message(id=f"msg_{index}")), ProviderResponse("refused", ""), NOW).due - NOW
        for index in range(1000)
    ]
    again = [
        delivery.settled(with_claim(pending_message(id=f"msg_{index}")), ProviderResponse("refused", ""), NOW).due - NOW
        for index in range(1000)
    ]
    assert pauses == again
    assert min(pauses) < timedelta(seconds=4.1)
    assert max(pauses) > timedelta(seconds=5.9)


@pytest.mark.parametrize(("asked", "least"), [(120, 120), (1, 4), (10**9, 86400), (float("inf"), 86400)])
def test_a_receiver_may_ask_for_more_time(asked: float, least: float) -> None:
    """`Retry-After` is honoured when it is later than the schedule, up to a day."""
    settled = delivery.settled(with_claim(pending_message(channel="webhook")), ProviderResponse("refused", "", asked), NOW)
    assert least <= (settled.due - NOW).total_seconds() <= max(least, 6)


def test_a_live_lease_is_left_alone() -> None:
    """While another worker may still be at it, nobody else touches the message."""
    held = with_claim(pending_message())
    moment = NOW + delivery.LEASE - timedelta(milliseconds=1)
    assert delivery.after_expired_lease(held, moment) is held
    assert not delivery.claimable(held, moment)
    assert delivery.wait(held, moment) == timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("channel", "on_unknown", "status"),
    [("email", "hold", MessageStatus.UNKNOWN), ("email", "resend", MessageStatus.PENDING), ("webhook", "hold", MessageStatus.PENDING)],
)
def test_a_lease_that_ran_out_means_that_nobody_knows(channel: str, on_unknown: str, status: MessageStatus) -> None:
    """After a crash between call and record an e-mail is unknown unless its step says resend; a webhook is tried again at once."""
    found = delivery.after_expired_lease(with_claim(pending_message(channel=channel, on_unknown=on_unknown)), NOW + delivery.LEASE)
    assert (found.status, found.attempts[-1].outcome) == (status, "unknown")
    assert delivery.claimable(found, NOW + delivery.LEASE) is (status is MessageStatus.PENDING)


def test_a_message_whose_workers_always_die_is_given_up() -> None:
    """A webhook that kills the function each time does not go round for ever."""
    message, now = pending_message(channel="webhook"), NOW
    for _ in range(8):
        message = delivery.after_expired_lease(delivery.with_claim(message, now, "t", "x"), now + delivery.LEASE)
        now += delivery.LEASE
    assert (message.status, message.reason) == (MessageStatus.FAILED, MessageReason.GAVE_UP)


def test_a_skip_has_a_reason_and_a_word_for_a_person() -> None:
    """A skipped message tells why, and it was no attempt at the provider."""
    skipped = delivery.skipped(pending_message(), Skip(MessageReason.TEMPLATE, "unknown filter"), NOW)
    assert (skipped.status, skipped.reason, skipped.attempt_count) == (MessageStatus.SKIPPED, MessageReason.TEMPLATE, 0)
    assert skipped.attempts[-1].detail == "unknown filter"


def test_redriving_starts_the_retries_anew_and_keeps_the_story() -> None:
    """A failed message that a person redrives is due now, with all seven retries before it."""
    failed = replace(delivery.settled(with_claim(pending_message()), ProviderResponse("failed", "no"), NOW), attempt_count=8)
    later = NOW + timedelta(days=2)
    again = delivery.redriven(failed, later)
    assert (again.status, again.reason, again.due, again.attempt_count) == (MessageStatus.PENDING, None, later, 0)
    assert again.attempts == failed.attempts


@pytest.mark.parametrize("status", [status for status in MessageStatus if status is not MessageStatus.FAILED])
def test_only_failed_messages_are_redriven(status: MessageStatus) -> None:
    """A message that was sent, or may have been, is not sent again because somebody redrives everything."""
    message = pending_message(status=status)
    assert delivery.redriven(message, NOW) is message


@pytest.mark.parametrize(
    ("reports", "status"),
    [
        (["$delivered"], MessageStatus.DELIVERED),
        (["$clicked", "$delivered", "$opened"], MessageStatus.CLICKED),
        (["$opened", "$opened"], MessageStatus.OPENED),
        (["$bounced"], MessageStatus.SENT),
    ],
)
def test_reports_only_ever_bring_a_message_further(reports: list[str], status: MessageStatus) -> None:
    """They come in any order and more than once; names that we do not know change nothing."""
    message = delivery.settled(with_claim(pending_message()), ProviderResponse("sent", ""), NOW)
    for report in reports:
        message = delivery.reported(message, report)
    assert message.status is status


def test_a_report_of_a_message_that_was_never_sent_changes_nothing() -> None:
    """An app that knows an id cannot keep the message from going out."""
    assert delivery.reported(pending_message(), "$delivered") == pending_message()
