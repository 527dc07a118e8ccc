"""Messages whose processing fails again and again are given up."""

from __future__ import annotations

from tests.fakes.messages import NOW, pending_message
from tests.fakes.send_harness import SendHarness, harness_with
from waypost.domain.messages.delivery import LEASE, redriven, with_claim
from waypost.domain.messages.message import (
    MessageReason,
    MessageStatus,
)
from waypost.domain.signal_codec import from_wire
from waypost.domain.signals import MessageSettled
from waypost.domain.values.exact_json import loads
from waypost.send import give_up
from waypost.sending_dependencies import SendResult


def test_a_message_that_is_given_up_has_failed_and_its_run_is_notified() -> None:
    """Giving up leaves a failed message with an attempt `error`, one dead letter that can be redriven, and an outcome for the run."""
    harness = harness_with(awaited=True)
    result = give_up("w1", "msg_1", NOW, harness.dependencies())
    assert result == SendResult(harness.message, changed=True)
    assert (harness.message.status, harness.message.reason) == (MessageStatus.FAILED, MessageReason.GAVE_UP)
    assert [attempt.outcome for attempt in harness.message.attempts] == ["error"]
    assert [parked.reason for parked in harness.dead.parked.values()] == ["poison"]
    [queue_message] = harness.signals.queue_messages
    signal = from_wire(loads(queue_message.body))
    assert isinstance(signal, MessageSettled)
    assert signal.status is MessageStatus.FAILED
    assert redriven(harness.message, NOW).status is MessageStatus.PENDING


def test_a_claimed_message_is_not_given_up(harness: SendHarness) -> None:
    """While another worker calls the provider, giving up only puts the record back; after the lease an e-mail is unknown, not failed."""
    claimed = with_claim(pending_message(), NOW, "other", "ada@example.com")
    harness.messages.stored["w1", "msg_1"] = claimed
    give_up("w1", "msg_1", NOW, harness.dependencies())
    assert harness.message == claimed
    assert harness.queue.records == [("w1", "msg_1", LEASE)]
    give_up("w1", "msg_1", NOW + LEASE, harness.dependencies())
    assert (harness.message.status, harness.message.reason) == (MessageStatus.UNKNOWN, MessageReason.NO_ANSWER)
    assert not harness.dead.parked


def test_giving_up_a_settled_message_completes_its_effects_only() -> None:
    """A message that was sent stays sent when its record is given up, and the run that waits gets the outcome."""
    harness = harness_with(awaited=True, status=MessageStatus.SENT)
    assert give_up("w1", "msg_1", NOW, harness.dependencies()).changed is False
    assert harness.message.status is MessageStatus.SENT
    assert len(harness.signals.queue_messages) == 1
