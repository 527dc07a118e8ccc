"""Delivery reports that arrive before the sender has recorded the call."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import pytest

from tests.fakes.messages import NOW
from tests.fakes.send_harness import SendHarness, harness_with
from waypost.domain.messages.delivery import LEASE
from waypost.domain.messages.delivery_reports import STATUS_OF_EVENT, Report, after_report
from waypost.domain.messages.message import (
    Message,
    MessageReason,
    MessageStatus,
    PreparedMessage,
    ProviderOutcome,
    ProviderResponse,
)
from waypost.domain.messages.provider_report import ProviderReport, ReportKind
from waypost.domain.signal_codec import from_wire
from waypost.domain.signals import MessageSettled
from waypost.domain.values.exact_json import loads
from waypost.provider_reports import ProviderReportDependencies, apply_provider_report

PROVIDER_OUTCOMES: tuple[ProviderOutcome, ...] = ("sent", "refused", "failed", "gone", "unknown")


def report_arrives(harness: SendHarness, event_name: str = "$delivered") -> None:
    """A delivery report changes the row of the message, as the matcher does it."""
    row = harness.messages.stored["w1", "msg_1"]
    harness.messages.stored["w1", "msg_1"] = after_report(row, Report(STATUS_OF_EVENT[event_name], NOW))


def harness_with_reports_during_the_call(outcome: ProviderOutcome, *event_names: str) -> SendHarness:
    """A harness whose receiver reports on the awaited webhook before it answers the request."""
    harness = harness_with(channel="webhook", step="hook", awaited=True)

    def call_provider(message: Message, prepared: PreparedMessage, now: datetime) -> ProviderResponse:
        for event_name in event_names:
            report_arrives(harness, event_name)
        return ProviderResponse(outcome, "a detail")

    harness.channel.call_provider = call_provider  # type: ignore[method-assign]
    return harness


@pytest.mark.parametrize("outcome", PROVIDER_OUTCOMES)
def test_a_report_during_the_call_and_the_record_of_the_call_both_count(outcome: ProviderOutcome) -> None:
    """If a receiver reports before it answers, the attempt is recorded, and the run that waits for the message goes on."""
    harness = harness_with_reports_during_the_call(outcome, "$delivered")
    assert harness.send().changed
    assert harness.message.status is MessageStatus.DELIVERED
    assert [attempt.outcome for attempt in harness.message.attempts] == [outcome]
    [queue_message] = harness.signals.queue_messages
    signal = from_wire(loads(queue_message.body))
    assert isinstance(signal, MessageSettled)
    assert signal.status is MessageStatus.DELIVERED


@pytest.mark.parametrize("outcome", PROVIDER_OUTCOMES)
def test_report_and_record_leave_the_same_row_in_either_order(outcome: ProviderOutcome) -> None:
    """A message is the same whether its report comes before or after its provider's response is recorded."""
    during = harness_with_reports_during_the_call(outcome, "$delivered", "$opened")
    during.send()
    after = harness_with_reports_during_the_call(outcome)
    after.send()
    report_arrives(after, "$delivered")
    report_arrives(after, "$opened")
    assert during.message == after.message


def test_an_endpoint_that_reports_and_answers_410_gets_no_more_messages() -> None:
    """A report during the call does not keep the endpoint from being suppressed."""
    harness = harness_with_reports_during_the_call("gone", "$delivered")
    harness.send()
    assert harness.message.to is not None
    assert harness.suppressions.holds("w1", "webhook", harness.message.to)


def test_a_report_about_a_call_whose_worker_died_leaves_the_attempt_unknown(webhook_harness: SendHarness) -> None:
    """If the worker dies and a report comes, the redelivered record still adds an attempt of unknown outcome, and calls nobody."""
    webhook_harness.channel.responses = [KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        webhook_harness.send()
    report_arrives(webhook_harness)
    webhook_harness.send(NOW + LEASE, token="t2")
    assert webhook_harness.message.status is MessageStatus.DELIVERED
    assert [attempt.outcome for attempt in webhook_harness.message.attempts] == ["unknown"]
    assert len(webhook_harness.channel.calls) == 1


@pytest.mark.parametrize("status", ["published", "paused", "stopped"])
def test_a_report_that_comes_before_a_decision_is_saved_does_not_strand_the_run(
    status: Literal["published", "paused", "stopped"],
) -> None:
    """A refused message is reported while its retry is about to be claimed, held or skipped: the run that waits is notified."""
    harness = harness_with(awaited=True)
    harness.channel.responses = [ProviderResponse("refused", "Throttling")]
    harness.send()
    harness.journeys.status = status

    def report(_: Message) -> None:
        harness.messages.before_save = lambda _: None
        report_arrives(harness)

    harness.messages.before_save = report
    harness.send(harness.message.due + timedelta(minutes=1), token="t2")
    assert len(harness.channel.calls) == 1
    assert len(harness.signals.queue_messages) == 1


@pytest.mark.parametrize("outcome", ["sent", "unknown", "refused"])
def test_a_reject_during_the_call_is_one_dead_letter(outcome: ProviderOutcome) -> None:
    """A report that fails the message before its call is recorded parks it, and the record of the call does not park it again."""
    harness = harness_with()
    at = NOW + timedelta(seconds=1)

    def call_provider(message: Message, prepared: PreparedMessage, now: datetime) -> ProviderResponse:
        reports = ProviderReportDependencies(harness.messages, harness.journeys, harness.suppressions, harness.signals, harness.dead)
        report = ProviderReport("w1", "msg_1", ReportKind.REJECTED, at, detail="a virus")
        apply_provider_report(report, at, reports)
        return ProviderResponse(outcome, "a detail")

    harness.channel.call_provider = call_provider  # type: ignore[method-assign]
    harness.call_duration = timedelta(seconds=2)
    harness.send()
    assert (harness.message.status, harness.message.reason) == (MessageStatus.FAILED, MessageReason.REJECTED)
    assert [attempt.outcome for attempt in harness.message.attempts] == [outcome]
    assert [(parked.reason, parked.parked_at) for parked in harness.dead.parked.values()] == [("rejected", at)]


def test_a_reject_during_the_call_does_not_fail_a_record_that_comes_again() -> None:
    """The report of a reject may be saved before the sender records its call. A second record of the message must not fail at it."""
    harness = harness_with(awaited=True)

    def call_provider(message: Message, prepared: PreparedMessage, now: datetime) -> ProviderResponse:
        row = harness.messages.stored["w1", "msg_1"]
        harness.messages.stored["w1", "msg_1"] = after_report(row, Report(MessageStatus.FAILED, NOW))
        harness.send()
        return ProviderResponse("sent", "a detail")

    harness.channel.call_provider = call_provider  # type: ignore[method-assign]
    harness.send()
    assert harness.message.status is MessageStatus.FAILED
    assert [attempt.outcome for attempt in harness.message.attempts] == ["sent"]
    assert harness.dead.parked == {}  # only what applies a report of a provider parks it
