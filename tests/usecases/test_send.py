"""Sending one message: the provider is called at most once for one claim, whatever crashes or runs at the same time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Literal

import pytest

from tests.fakes.messages import NOW, FakeDeadLetters, FakeSuppressions, pending_message
from tests.fakes.send_harness import OneJourney, SendHarness
from waypost.domain.errors import UnavailableError
from waypost.domain.messages.delivery import LEASE, redriven, with_claim
from waypost.domain.messages.delivery_reports import STATUS_OF_EVENT, Report, after_report
from waypost.domain.messages.message import (
    Message,
    MessageReason,
    MessageStatus,
    PreparedMessage,
    ProviderOutcome,
    ProviderResponse,
    RenderFailure,
)
from waypost.domain.signal_codec import from_wire
from waypost.domain.signals import MessageReported, MessageSettled
from waypost.domain.values.exact_json import loads
from waypost.send import SendResult, give_up, send


def harness_with(**changes: Any) -> SendHarness:
    """A harness with one pending e-mail, with these fields changed."""
    harness = SendHarness()
    harness.messages.add(pending_message(**changes))
    return harness


@pytest.fixture
def harness() -> SendHarness:
    """A harness with one pending e-mail."""
    return harness_with()


@pytest.fixture
def webhook_harness() -> SendHarness:
    """A harness with one pending webhook."""
    return harness_with(channel="webhook", step="hook")


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


def test_a_failed_message_is_parked_once_with_its_reason(webhook_harness: SendHarness) -> None:
    """A message that failed for good is one dead letter with its reason, also after its record is delivered again."""
    webhook_harness.channel.responses = [ProviderResponse("failed", "HTTP 404")]
    webhook_harness.send()
    webhook_harness.send(NOW + timedelta(seconds=5), token="t2")
    [parked] = webhook_harness.dead.parked.values()
    assert (parked.kind, parked.subject, parked.reason) == ("message", "msg_1", "rejected")
    assert parked.body == '{"workspace":"w1","message":"msg_1"}'


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


def test_an_endpoint_that_answers_410_gets_no_more_messages(webhook_harness: SendHarness) -> None:
    """After a response `gone` the message has failed, and the next message to the same endpoint is skipped as suppressed."""
    webhook_harness.channel.responses = [ProviderResponse("gone", "HTTP 410")]
    webhook_harness.send()
    message = webhook_harness.message
    assert (message.status, message.reason) == (MessageStatus.FAILED, MessageReason.ENDPOINT_GONE)
    assert message.to is not None
    assert webhook_harness.suppressions.held["w1", "webhook", message.to] == ("msg_1", NOW)
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
    harness.suppressions.add("w1", "email", "ada@example.com")
    harness.send(harness.message.due, token="t2")
    assert (harness.message.status, harness.message.reason) == (MessageStatus.SKIPPED, MessageReason.SUPPRESSED)


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


def test_a_failure_before_the_claim_changes_nothing(harness: SendHarness) -> None:
    """If a table is unavailable before the claim, the row stays as it was, and a later delivery of the record sends the message."""
    harness.suppressions.holds = lambda *_: (_ for _ in ()).throw(UnavailableError("down"))  # type: ignore[method-assign]
    with pytest.raises(UnavailableError):
        harness.send()
    assert harness.message == pending_message()
    harness.suppressions = FakeSuppressions()
    harness.send()
    assert harness.message.status is MessageStatus.SENT


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


def test_the_first_pause_counts_from_the_answer(webhook_harness: SendHarness) -> None:
    """A webhook that is silent for 15 seconds is called again at least 4 seconds after that, and not at once."""
    webhook_harness.channel.responses = [ProviderResponse("unknown", "no complete answer: TimeoutError")]
    webhook_harness.call_duration = timedelta(seconds=15)
    webhook_harness.send()
    answered = NOW + timedelta(seconds=15)
    assert webhook_harness.message.attempts[0].at == answered
    assert webhook_harness.message.due >= answered + timedelta(seconds=4)
    assert webhook_harness.queue.records == [("w1", "msg_1", webhook_harness.message.due - answered)]


def test_the_address_of_stored_content_is_the_one_that_is_checked(harness: SendHarness) -> None:
    """If another worker has stored content for a suppressed address, the message is skipped, whatever the address of the customer now."""
    harness.messages.bodies["w1", "msg_1"] = PreparedMessage("old@example.com", {"subject": "as first rendered"})
    harness.suppressions.add("w1", "email", "old@example.com")
    harness.send()
    assert (harness.message.status, harness.message.reason) == (MessageStatus.SKIPPED, MessageReason.SUPPRESSED)
    assert not harness.channel.calls


def test_content_that_another_worker_stored_first_is_sent(harness: SendHarness) -> None:
    """If two workers render the same message, both send the content that was stored first."""
    stored = PreparedMessage("ada@example.com", {"subject": "as first rendered"})
    harness.messages.bodies["w1", "msg_1"] = stored
    harness.send()
    assert harness.channel.calls[0][1] == stored


def test_a_message_of_another_workspace_is_not_found(harness: SendHarness) -> None:
    """A record that names a message under another workspace finds nothing and changes nothing."""
    assert send("w2", "msg_1", NOW, "t1", harness.dependencies()) == SendResult(None)
    assert replace(harness.message) == pending_message()


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
