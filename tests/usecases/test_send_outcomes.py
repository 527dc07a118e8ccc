"""A run that waits for the outcome of its message gets it."""

from __future__ import annotations

import pytest

from tests.fakes.messages import NOW, pending_message
from tests.fakes.send_harness import OneJourney, harness_with
from waypost.domain.errors import UnavailableError
from waypost.domain.messages.message import (
    MessageStatus,
    ProviderOutcome,
    ProviderResponse,
)
from waypost.domain.signal_codec import from_wire
from waypost.domain.signals import MessageReported, MessageSettled
from waypost.domain.values.exact_json import loads


@pytest.mark.parametrize(
    ("outcome", "status"),
    [("sent", MessageStatus.SENT), ("failed", MessageStatus.FAILED), ("gone", MessageStatus.FAILED), ("unknown", MessageStatus.UNKNOWN)],
)
def test_a_run_that_waits_for_the_outcome_gets_it(outcome: ProviderOutcome, status: MessageStatus) -> None:
    """With `onFailure` the outcome is put on the signals queue, in the message group of the customer."""
    harness = harness_with(awaited=True, visit=2)
    harness.channel.responses = [ProviderResponse(outcome, "a detail")]
    harness.send()
    [queue_message] = harness.signals.queue_messages
    assert queue_message.group == "c_1"
    signal = from_wire(loads(queue_message.body))
    assert signal == MessageSettled("w1", "c_1", pending_message().lookup_id, "r_1", "hello", 2, "msg_1", status)


def test_a_refusal_is_not_an_outcome() -> None:
    """A run that waits for the outcome gets no signal while a retry is still ahead."""
    harness = harness_with(awaited=True)
    harness.channel.responses = [ProviderResponse("refused", "Throttling")]
    harness.send()
    assert not harness.signals.queue_messages


def test_an_outcome_that_the_queue_refuses_is_sent_by_the_redelivery() -> None:
    """If the signals queue does not take the outcome, the redelivered record sends it, and the provider is not called again."""
    harness = harness_with(awaited=True)
    harness.signals.full = True
    with pytest.raises(UnavailableError):
        harness.send()
    harness.signals.full = False
    harness.send(token="t2")
    assert len(harness.signals.queue_messages) == 1
    assert len(harness.channel.calls) == 1


@pytest.mark.parametrize("outcome", ["failed", "gone", "unknown"])
def test_a_message_that_a_wait_asks_for_reports_that_it_failed(outcome: ProviderOutcome) -> None:
    """The run gets a report `failed` if the message was not sent for certain; a redelivered record sends the same one again."""
    harness = harness_with(listened=True, visit=2)
    harness.channel.responses = [ProviderResponse(outcome, "a detail")]
    harness.send()
    harness.send(token="t2")
    signals = [from_wire(loads(each.body)) for each in harness.signals.queue_messages]
    step_visit = ("w1", "c_1", pending_message().lookup_id, "r_1", "hello", 2)
    assert signals == [MessageReported(*step_visit, "msg_1", "failed", None, NOW)] * 2
    assert len({each.name for each in harness.signals.queue_messages}) == 1


def test_a_skipped_message_that_a_wait_asks_for_has_failed() -> None:
    """A message that is not sent at all, here because its journey was stopped, is `failed` to the waits of its run."""
    harness = harness_with(listened=True)
    harness.journeys = OneJourney(status="stopped")
    harness.send()
    signals = [from_wire(loads(each.body)) for each in harness.signals.queue_messages]
    assert [signal.status for signal in signals if isinstance(signal, MessageReported)] == ["failed"]


@pytest.mark.parametrize(("listened", "awaited", "outcome"), [(True, False, "sent"), (False, False, "failed"), (True, True, "failed")])
def test_a_sender_reports_only_failures_that_a_wait_asks_for(listened: bool, awaited: bool, outcome: ProviderOutcome) -> None:
    """What was sent follows from reports, and a run that waits at the message step learns of the failure with the outcome."""
    harness = harness_with(listened=listened, awaited=awaited)
    harness.channel.responses = [ProviderResponse(outcome, "a detail")]
    harness.send()
    signals = [from_wire(loads(each.body)) for each in harness.signals.queue_messages]
    assert [type(signal) for signal in signals] == ([MessageSettled] if awaited else [])
