"""Messages that are skipped: a suppressed address, an erased customer, a template that fails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from tests.fakes.messages import GONE, NOW, pending_message
from tests.fakes.send_harness import SendHarness
from waypost.domain.messages.message import (
    MessageReason,
    MessageStatus,
    PreparedMessage,
    ProviderResponse,
    RenderFailure,
)
from waypost.domain.messages.suppression import SuppressionCause
from waypost.sending_dependencies import SendResult


def test_an_endpoint_that_answers_410_gets_no_more_messages(webhook_harness: SendHarness) -> None:
    """After a response `gone` the message has failed, and the next message to the same endpoint is skipped as suppressed."""
    webhook_harness.channel.responses = [ProviderResponse("gone", "HTTP 410")]
    webhook_harness.send()
    message = webhook_harness.message
    assert (message.status, message.reason) == (MessageStatus.FAILED, MessageReason.ENDPOINT_GONE)
    assert message.to is not None
    assert webhook_harness.suppressions.held["w1", "webhook", message.to] == SuppressionCause("gone", "provider", NOW, "msg_1")
    webhook_harness.messages.stored.clear()
    webhook_harness.messages.bodies.clear()
    webhook_harness.messages.add(pending_message(channel="webhook", step="hook"))
    webhook_harness.send()
    message = webhook_harness.message
    assert (message.status, message.reason) == (MessageStatus.SKIPPED, MessageReason.SUPPRESSED)
    assert len(webhook_harness.channel.calls) == 1


def test_an_address_that_is_suppressed_between_two_attempts_is_skipped(harness: SendHarness) -> None:
    """A message that waits for its retry is skipped if its address was suppressed in the meantime."""
    harness.channel.responses = [ProviderResponse("refused", "Throttling")]
    harness.send()
    harness.suppressions.add("w1", "email", "ada@example.com", GONE)
    harness.send(harness.message.due, token="t2")
    assert (harness.message.status, harness.message.reason) == (MessageStatus.SKIPPED, MessageReason.SUPPRESSED)


def test_the_address_of_stored_content_is_the_one_that_is_checked(harness: SendHarness) -> None:
    """If another worker has stored content for a suppressed address, the message is skipped, whatever the address of the customer now."""
    harness.messages.bodies["w1", "msg_1"] = PreparedMessage("old@example.com", {"subject": "as first rendered"})
    harness.suppressions.add("w1", "email", "old@example.com", GONE)
    harness.send()
    assert (harness.message.status, harness.message.reason) == (MessageStatus.SKIPPED, MessageReason.SUPPRESSED)
    assert not harness.channel.calls


def test_a_message_of_an_erased_customer_is_skipped(harness: SendHarness) -> None:
    """A message whose customer does not exist any more is skipped with the reason erased, and the provider is not called."""
    harness.customers.rows.clear()
    harness.send()
    assert (harness.message.status, harness.message.reason) == (MessageStatus.SKIPPED, MessageReason.ERASED)
    assert not harness.channel.calls


def test_a_message_of_a_customer_who_is_being_erased_is_skipped(harness: SendHarness) -> None:
    """As soon as the rows of the customer are marked, the provider is not called any more, although they are still there."""
    harness.customers.save([replace(row, erasing=True) for row in harness.customers.rows.values()])
    harness.send()
    assert (harness.message.status, harness.message.reason) == (MessageStatus.SKIPPED, MessageReason.ERASED)
    assert not harness.channel.calls


def test_a_record_of_an_erased_message_does_nothing(harness: SendHarness) -> None:
    """A record whose message was erased ends without an error and without a call."""
    harness.messages.stored.clear()
    assert harness.send() == SendResult(None)
    assert not harness.channel.calls


def test_a_customer_who_is_erased_between_two_attempts_gets_no_second_one(webhook_harness: SendHarness) -> None:
    """A message that waits for its retry is skipped if its customer was erased, although its content is stored."""
    webhook_harness.channel.responses = [ProviderResponse("refused", "HTTP 503")]
    webhook_harness.send()
    webhook_harness.customers.rows.clear()
    webhook_harness.send(webhook_harness.message.due, token="t2")
    message = webhook_harness.message
    assert (message.status, message.reason) == (MessageStatus.SKIPPED, MessageReason.ERASED)
    assert len(webhook_harness.channel.calls) == 1


def test_a_message_that_is_erased_before_its_claim_is_not_sent(harness: SendHarness) -> None:
    """A claim needs the row: if the message is erased between the read and the claim, the provider is not called."""
    harness.messages.before_save = lambda _: harness.messages.stored.clear()
    assert not harness.send().changed
    assert not harness.channel.calls


def test_a_template_that_cannot_be_rendered_skips_the_message(harness: SendHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """A template that fails skips the message at once, with the reason template and the error in the detail of the attempt."""

    def render(template: Mapping[str, Any], scope: Mapping[str, Any], now: datetime, *, strict: bool) -> RenderFailure:
        return RenderFailure("'first_name' is undefined")

    monkeypatch.setattr(harness.templates, "render", render)
    harness.send()
    assert (harness.message.status, harness.message.reason) == (MessageStatus.SKIPPED, MessageReason.TEMPLATE)
    assert harness.message.attempts[-1].detail == "'first_name' is undefined"
