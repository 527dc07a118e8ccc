"""Sending a text message: the number that has opted out, and the parts in the stored message."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes.customers import FakeCustomers
from tests.fakes.journeys import journey
from tests.fakes.messages import NOW, FakeChannel, pending_message
from tests.fakes.send_harness import ADA, OneJourney, SendHarness
from waypost.domain.customers.facts import fact, set_stamp
from waypost.domain.customers.rows import Row, head_key
from waypost.domain.journeys.journey import Journey
from waypost.domain.messages.message import MessageReason, MessageStatus, ProviderOutcome, ProviderResponse
from waypost.domain.messages.suppression import SuppressionCause
from waypost.domain.messages.workspace_settings import WorkspaceSettings

NUMBER = "+4915112345678"
STEPS: list[dict[str, Any]] = [
    {"id": "text", "type": "message", "channel": "sms", "template": {"text": "Hello", "to": NUMBER}, "next": "end", "onFailure": "end"},
    {"id": "end", "type": "exit"},
]


@pytest.fixture
def harness() -> SendHarness:
    """A harness with a journey that sends a text message, which waits for its outcome."""
    texts: Journey = journey("welcome", steps=STEPS)
    harness = SendHarness(journeys=OneJourney(texts), channel=FakeChannel())
    harness.messages.stored.clear()
    harness.messages.add(pending_message(channel="sms", step="text", awaited=True))
    return harness


def test_a_number_that_has_opted_out_is_suppressed(harness: SendHarness) -> None:
    """The message is skipped as suppressed and is no dead letter, its run is notified, and the next one ends without a call."""
    harness.channel.responses = [ProviderResponse("opted-out", "ConflictException")]
    harness.send()
    message = harness.message
    assert (message.status, message.reason) == (MessageStatus.SKIPPED, MessageReason.SUPPRESSED)
    assert [attempt.outcome for attempt in message.attempts] == ["opted-out"]
    assert harness.suppressions.held["w1", "sms", NUMBER] == SuppressionCause("opted-out", "provider", NOW, "msg_1")
    assert (len(harness.signals.queue_messages), harness.dead.parked) == (1, {})
    harness.messages.stored.clear()
    harness.messages.bodies.clear()
    harness.messages.add(pending_message(channel="sms", step="text"))
    harness.send()
    assert harness.message.reason is MessageReason.SUPPRESSED
    assert len(harness.channel.calls) == 1


def test_a_spent_limit_uses_up_no_attempt(harness: SendHarness) -> None:
    """When the monthly spending limit for SMS is reached, the message stays pending, and no attempt is counted."""
    harness.channel.responses = [ProviderResponse("throttled", "ServiceQuotaExceededException")]
    harness.send()
    message = harness.message
    assert (message.status, message.attempts, message.attempt_count) == (MessageStatus.PENDING, (), 0)


def test_an_unknown_outcome_stays_unknown(harness: SendHarness) -> None:
    """The service does not recognize a repeat, so a text whose answer was lost is not sent again."""
    harness.channel.responses = [ProviderResponse("unknown", "ReadTimeoutError")]
    harness.send()
    assert (harness.message.status, harness.message.reason) == (MessageStatus.UNKNOWN, MessageReason.NO_ANSWER)


@pytest.mark.parametrize(("outcome", "remembered"), [("sent", True), ("unknown", True), ("failed", False), ("opted-out", False)])
def test_a_text_that_may_have_arrived_is_the_last_one(harness: SendHarness, outcome: ProviderOutcome, remembered: bool) -> None:
    """An answer to the number leads to this message, unless the number certainly did not get it."""
    harness.channel.responses = [ProviderResponse(outcome, "")]
    harness.send()
    assert harness.last_messages.last == ({("sms", NUMBER, "w1"): "msg_1"} if remembered else {})


def test_an_email_has_no_answers() -> None:
    """No row is written for a channel on which nobody can answer."""
    harness = SendHarness()
    harness.messages.add(pending_message())
    harness.send()
    assert harness.message.status is MessageStatus.SENT
    assert harness.last_messages.last == {}


def test_the_settings_name_the_attribute_with_the_number(harness: SendHarness) -> None:
    """A template without `to` takes the attribute that the workspace has named, and one with `to` reads no settings for it."""
    steps = [{**STEPS[0], "transactional": True, "template": {"text": "Hello"}}, STEPS[1]]
    harness.journeys = OneJourney(journey("welcome", steps=steps))
    harness.channel.address_attribute = "phone"
    key = head_key("w1", ADA)
    harness.customers = FakeCustomers({key: Row(key, "c_1", revision=1, facts={"a:mobile": fact(set_stamp(NOW, "e1"), NUMBER)})})
    harness.settings.save("w1", WorkspaceSettings(address_attributes={"sms": "mobile"}), 0)
    harness.send()
    assert harness.message.to == NUMBER
