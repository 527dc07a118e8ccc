"""The provider is called at most once for one claim, whatever crashes or runs at the same time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.fakes.messages import NOW, FakeDeadLetters, pending_message
from tests.fakes.send_harness import SendHarness, harness_with
from waypost.domain.errors import UnavailableError
from waypost.domain.messages.delivery import LEASE, with_claim
from waypost.domain.messages.message import (
    Message,
    MessageReason,
    MessageStatus,
    PreparedMessage,
    ProviderResponse,
)
from waypost.sending_dependencies import SendResult


def test_a_redelivered_record_does_not_send_twice(harness: SendHarness) -> None:
    """A second delivery of the record by SQS changes nothing and does not call the provider."""
    harness.send()
    second = harness.send(NOW + timedelta(minutes=1), token="t2")
    assert not second.changed
    assert len(harness.channel.calls) == 1


def test_of_two_concurrent_workers_one_calls_the_provider(harness: SendHarness) -> None:
    """If two workers read the same pending message, the second claim fails, and its worker does not call the provider."""
    inner: list[SendResult] = []

    def claim_first(message: Message) -> None:
        harness.messages.before_save = lambda _: None
        inner.append(harness.send(token="other"))

    harness.messages.before_save = claim_first
    outer = harness.send()
    assert inner[0].changed
    assert not outer.changed
    assert len(harness.channel.calls) == 1
    assert harness.message.token == "other"


def test_the_loser_of_a_claim_leaves_a_record_on_the_queue(harness: SendHarness) -> None:
    """If the worker that won the claim dies, the record of the other one returns when the lease has expired: nothing is stranded."""

    def claim_first(message: Message) -> None:
        harness.messages.before_save = lambda _: None
        harness.messages.stored["w1", "msg_1"] = with_claim(message, NOW, "other", "ada@example.com")

    harness.messages.before_save = claim_first
    harness.send()
    assert harness.queue.records == [("w1", "msg_1", LEASE)]


def test_a_message_that_changes_all_the_time_is_an_outage(harness: SendHarness) -> None:
    """If every write meets a changed row, the record is left to a later delivery, and the provider is not called."""

    def change(_: Message) -> None:
        harness.messages.stored["w1", "msg_1"] = replace(harness.message, token=f"t{harness.message.token}", due=NOW)

    harness.messages.before_save = change
    with pytest.raises(UnavailableError):
        harness.send()
    assert not harness.channel.calls


def test_content_that_another_worker_stored_first_is_sent(harness: SendHarness) -> None:
    """If two workers render the same message, both send the content that was stored first."""
    stored = PreparedMessage("ada@example.com", {"subject": "as first rendered"})
    harness.messages.bodies["w1", "msg_1"] = stored
    harness.send()
    assert harness.channel.calls[0][1].rendered == stored.rendered


def test_a_crash_between_call_and_record_leaves_an_email_unknown(harness: SendHarness) -> None:
    """If a worker dies during the call of SES, the e-mail becomes unknown once the lease has expired, and is not sent a second time."""
    harness.channel.responses = [KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        harness.send()
    assert harness.send(NOW + LEASE - timedelta(seconds=1), token="t2").changed is False
    assert harness.send(NOW + LEASE, token="t3").changed
    assert (harness.message.status, harness.message.reason) == (MessageStatus.UNKNOWN, MessageReason.NO_ANSWER)
    assert len(harness.channel.calls) == 1
    assert not harness.dead.parked


def test_an_email_with_resend_is_sent_again_after_a_crash() -> None:
    """With `onUnknown: resend` an e-mail of unknown outcome is sent a second time."""
    harness = harness_with(on_unknown="resend")
    harness.channel.responses = [KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        harness.send()
    harness.send(NOW + LEASE, token="t2")
    assert harness.message.status is MessageStatus.SENT
    assert len(harness.channel.calls) == 2


def test_a_webhook_is_sent_again_after_a_crash_with_the_same_content(webhook_harness: SendHarness) -> None:
    """The attempt after a crash sends the content that the first attempt stored, and does not render the template again."""
    webhook_harness.channel.responses = [KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        webhook_harness.send()
    webhook_harness.send(NOW + LEASE, token="t2")
    assert webhook_harness.message.status is MessageStatus.SENT
    first, second = (prepared for _, prepared in webhook_harness.channel.calls)
    assert first == second
    assert len(webhook_harness.templates.scopes) == 1


def test_a_redelivery_completes_the_effects_after_a_crash(webhook_harness: SendHarness) -> None:
    """If a worker dies after it recorded a failure and before it parked the message, the redelivered record parks it without a call."""
    webhook_harness.channel.responses = [ProviderResponse("failed", "HTTP 404")]
    webhook_harness.dead.park = lambda parked: (_ for _ in ()).throw(UnavailableError("down"))  # type: ignore[method-assign]
    with pytest.raises(UnavailableError):
        webhook_harness.send()
    webhook_harness.dead = FakeDeadLetters()
    webhook_harness.send(token="t2")
    assert len(webhook_harness.dead.parked) == 1
    assert len(webhook_harness.channel.calls) == 1


def test_a_failure_before_the_claim_changes_nothing(harness: SendHarness) -> None:
    """If a table is unavailable before the claim, the row stays as it was, and a later delivery of the record sends the message."""
    keep_rendered = harness.messages.keep_rendered
    harness.messages.keep_rendered = lambda *_: (_ for _ in ()).throw(UnavailableError("down"))  # type: ignore[method-assign]
    with pytest.raises(UnavailableError):
        harness.send()
    assert harness.message == pending_message()
    harness.messages.keep_rendered = keep_rendered  # type: ignore[method-assign]
    harness.send()
    assert harness.message.status is MessageStatus.SENT
