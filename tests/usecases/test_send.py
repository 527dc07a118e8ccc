"""Sending one message: the provider is called once, and its response decides what becomes of the message."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.fakes.messages import NOW, pending_message
from tests.fakes.send_harness import SendHarness, harness_with
from waypost.domain.errors import UnavailableError
from waypost.domain.messages.delivery import LEASE
from waypost.domain.messages.message import (
    MessageStatus,
    ProviderResponse,
)
from waypost.send import send
from waypost.sending_dependencies import SendResult


def test_a_sent_message_records_its_attempt_and_its_receiver(harness: SendHarness) -> None:
    """A due message leads to one call of the provider, the status sent, one attempt, and the address of the receiver in its row."""
    result = harness.send()
    assert result == SendResult(harness.message, changed=True)
    assert (harness.message.status, harness.message.to, harness.message.attempt_count) == (MessageStatus.SENT, "ada@example.com", 1)
    assert [attempt.outcome for attempt in harness.message.attempts] == ["sent"]
    assert len(harness.channel.calls) == 1
    assert not harness.queue.records


def test_a_template_sees_customer_event_journey_step_and_message(harness: SendHarness) -> None:
    """A template has five variables; the attributes of the customer include the primary key under its own name."""
    harness.send()
    scope = harness.templates.scopes[0]
    assert scope["customer"] == {"id": "c_1", "email": "ada@example.com"}
    assert scope["event"]["payload"] == {"plan": "pro"}
    assert (scope["journey"], scope["step"]) == ({"id": "welcome", "name": "Welcome", "version": 3}, {"id": "hello"})
    assert scope["message"] == {"id": "msg_1"}


def test_nulls_in_the_json_of_a_webhook_are_kept(webhook_harness: SendHarness) -> None:
    """A null inside the `json` of a webhook reaches the receiver; a field that the template does not set is absent."""
    webhook_harness.send()
    assert webhook_harness.channel.calls[0][1].rendered["json"] == {"who": None}
    assert "body" not in webhook_harness.channel.calls[0][1].rendered


def test_a_record_returns_to_the_queue_while_a_lease_lasts(harness: SendHarness) -> None:
    """A record of a message that another worker has claimed returns to the queue, with a delay until the end of the lease."""
    harness.channel.responses = [KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        harness.send()
    harness.send(NOW + timedelta(seconds=20), token="t2")
    assert harness.queue.records == [("w1", "msg_1", LEASE - timedelta(seconds=20))]


def test_a_refused_message_returns_to_the_queue_until_its_retry_is_due(webhook_harness: SendHarness) -> None:
    """A retry is a delayed record of the queue; a record that arrives early is put back for the rest of the delay."""
    webhook_harness.channel.responses = [ProviderResponse("refused", "HTTP 503")]
    webhook_harness.send()
    delay = webhook_harness.message.due - NOW
    assert webhook_harness.queue.records == [("w1", "msg_1", delay)]
    webhook_harness.send(NOW + timedelta(seconds=1), token="t2")
    assert webhook_harness.queue.records[1] == ("w1", "msg_1", delay - timedelta(seconds=1))
    assert len(webhook_harness.channel.calls) == 1
    webhook_harness.send(webhook_harness.message.due, token="t3")
    assert webhook_harness.message.status is MessageStatus.SENT


def test_the_first_pause_counts_from_the_answer(webhook_harness: SendHarness) -> None:
    """A webhook that is silent for 15 seconds is called again at least 4 seconds after that, and not at once."""
    webhook_harness.channel.responses = [ProviderResponse("unknown", "no complete answer: TimeoutError")]
    webhook_harness.call_duration = timedelta(seconds=15)
    webhook_harness.send()
    answered = NOW + timedelta(seconds=15)
    assert webhook_harness.message.attempts[0].at == answered
    assert webhook_harness.message.due >= answered + timedelta(seconds=4)
    assert webhook_harness.queue.records == [("w1", "msg_1", webhook_harness.message.due - answered)]


def test_a_failed_message_is_parked_once_with_its_reason(webhook_harness: SendHarness) -> None:
    """A message that failed for good is one dead letter with its reason, also after its record is delivered again."""
    webhook_harness.channel.responses = [ProviderResponse("failed", "HTTP 404")]
    webhook_harness.send()
    webhook_harness.send(NOW + timedelta(seconds=5), token="t2")
    [parked] = webhook_harness.dead.parked.values()
    assert (parked.kind, parked.subject, parked.reason) == ("message", "msg_1", "rejected")
    assert parked.body == '{"workspace":"w1","message":"msg_1"}'


def test_a_channel_that_did_not_call_its_provider_is_a_refusal(harness: SendHarness) -> None:
    """If a channel fails before its call, the attempt is refused and will be retried; its outcome is not unknown."""
    harness.channel.responses = [UnavailableError("secrets are throttled")]
    harness.send()
    assert harness.message.status is MessageStatus.PENDING
    assert harness.message.attempts[-1].outcome == "refused"


@pytest.mark.parametrize(
    "error", [ValueError("bad zone"), OverflowError(), RecursionError(), KeyError("x")], ids=lambda error: type(error).__name__
)
def test_whatever_a_channel_raises_is_a_recorded_attempt(error: Exception) -> None:
    """An exception during the call is an attempt of unknown outcome: no message stays `sending`, and an e-mail is not sent twice."""
    webhook, email = harness_with(channel="webhook", step="hook"), harness_with()
    for harness in (webhook, email):
        harness.channel.responses = [error]
        harness.send()
        assert [attempt.outcome for attempt in harness.message.attempts] == ["unknown"]
        assert harness.message.lease is None
    assert (webhook.message.status, email.message.status) == (MessageStatus.PENDING, MessageStatus.UNKNOWN)


def test_a_message_of_another_workspace_is_not_found(harness: SendHarness) -> None:
    """A record that names a message under another workspace finds nothing and changes nothing."""
    assert send("w2", "msg_1", NOW, "t1", harness.dependencies()) == SendResult(None)
    assert replace(harness.message) == pending_message()
