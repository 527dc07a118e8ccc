"""One message on its way: called once for one id, whatever dies or overtakes in between."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.fakes.messages import NOW, FakeDeadLetters, FakeSuppressions, FakeTemplates, pending_message
from tests.fakes.send_harness import SendHarness
from waypost.domain.errors import UnavailableError
from waypost.domain.messages.delivery import LEASE
from waypost.domain.messages.message import (
    Message,
    MessageReason,
    MessageStatus,
    PreparedMessage,
    ProviderResponse,
    ProviderResult,
    Rendered,
    RenderFailure,
)
from waypost.domain.signal_codec import from_wire
from waypost.domain.signals import MessageSettled
from waypost.domain.values.exact_json import loads
from waypost.send import SendResult, send


@pytest.fixture
def harness() -> SendHarness:
    """A world in which one e-mail is owed."""
    made = SendHarness()
    made.messages.owe(pending_message())
    return made


def a_webhook(**changes: Any) -> SendHarness:
    """A world in which one webhook is owed."""
    made = SendHarness()
    made.messages.owe(pending_message(channel="webhook", step="hook", **changes))
    return made


def test_a_message_is_sent_and_says_so(harness: SendHarness) -> None:
    """One call, one attempt, the receiver's address, and status sent."""
    outcome = harness.send()
    assert outcome == SendResult(harness.message, changed=True)
    assert (harness.message.status, harness.message.to, harness.message.attempt_count) == (MessageStatus.SENT, "ada@example.com", 1)
    assert [attempt.outcome for attempt in harness.message.attempts] == ["sent"]
    assert len(harness.channel.calls) == 1
    assert not harness.queue.records


def test_a_template_sees_customer_event_journey_step_and_message(harness: SendHarness) -> None:
    """The five names of the contract, with the primary key under its own name."""
    harness.send()
    seen = harness.templates.scopes[0]
    assert seen["customer"] == {"id": "c_1", "email": "ada@example.com"}
    assert seen["event"]["payload"] == {"plan": "pro"}
    assert (seen["journey"], seen["step"]) == ({"id": "welcome", "name": "Welcome", "version": 3}, {"id": "hello"})
    assert seen["message"] == {"id": "msg_1"}


def test_a_redelivered_record_sends_nothing_twice(harness: SendHarness) -> None:
    """SQS delivers at least once; the message is sent once."""
    harness.send()
    again = harness.send(NOW + timedelta(minutes=1), token="t2")
    assert not again.changed
    assert len(harness.channel.calls) == 1


def test_of_two_workers_at_once_one_calls_the_provider(harness: SendHarness) -> None:
    """Both read it as pending; the second to claim finds that it is taken."""
    inner: list[SendResult] = []

    def overtake(message: Message) -> None:
        harness.messages.before_save = lambda _: None
        inner.append(harness.send(token="other"))

    harness.messages.before_save = overtake
    outer = harness.send()
    assert inner[0].changed
    assert not outer.changed
    assert len(harness.channel.calls) == 1
    assert harness.message.token == "other"


def test_a_crash_between_call_and_record_leaves_the_message_unknown(harness: SendHarness) -> None:
    """The worker dies after calling SES: nobody guesses, the message reads unknown, and no second mail goes out."""
    harness.channel.answers = [KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        harness.send()
    assert harness.send(NOW + LEASE - timedelta(seconds=1), token="t2").changed is False
    assert harness.send(NOW + LEASE, token="t3").changed
    assert (harness.message.status, harness.message.reason) == (MessageStatus.UNKNOWN, MessageReason.NO_ANSWER)
    assert len(harness.channel.calls) == 1
    assert not harness.dead.parked


def test_a_step_may_ask_for_a_resend_when_unknown() -> None:
    """`onUnknown: resend` prefers two mails to none."""
    harness = SendHarness()
    harness.messages.owe(pending_message(on_unknown="resend"))
    harness.channel.answers = [KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        harness.send()
    harness.send(NOW + LEASE, token="t2")
    assert harness.message.status is MessageStatus.SENT
    assert len(harness.channel.calls) == 2


def test_a_webhook_is_called_again_after_a_crash_with_the_same_bytes() -> None:
    """Its receiver knows the id; what it is told the second time is what it was told the first time."""
    harness = a_webhook()
    harness.channel.answers = [KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        harness.send()
    harness.send(NOW + LEASE, token="t2")
    assert harness.message.status is MessageStatus.SENT
    first, second = (prepared for _, prepared in harness.channel.calls)
    assert first == second


def test_nulls_in_a_webhooks_json_reach_the_renderer() -> None:
    """A field that the template leaves out is left out; a null in the JSON of a webhook is part of it."""
    harness = a_webhook()
    harness.send()
    assert harness.channel.calls[0][1].rendered["json"] == {"who": None}
    assert "body" not in harness.channel.calls[0][1].rendered


def test_while_a_lease_lives_the_record_is_put_back(harness: SendHarness) -> None:
    """A second record of a message that is being sent waits until the first worker must be done."""
    harness.channel.answers = [KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        harness.send()
    harness.send(NOW + timedelta(seconds=20), token="t2")
    assert harness.queue.records == [("w1", "msg_1", LEASE - timedelta(seconds=20))]


def test_a_refusal_goes_back_to_the_queue_until_its_retry_is_due() -> None:
    """Nothing sleeps: the retry is a delayed record, and an early one is put back for the rest."""
    harness = a_webhook()
    harness.channel.answers = [ProviderResponse("refused", "HTTP 503")]
    harness.send()
    pause = harness.message.due - NOW
    assert harness.queue.records == [("w1", "msg_1", pause)]
    harness.send(NOW + timedelta(seconds=1), token="t2")
    assert harness.queue.records[1] == ("w1", "msg_1", pause - timedelta(seconds=1))
    assert len(harness.channel.calls) == 1
    harness.send(harness.message.due, token="t3")
    assert harness.message.status is MessageStatus.SENT


def test_what_fails_for_good_is_parked_with_its_reason() -> None:
    """A 404 is not forgotten: a person can look at it and redrive it; a redelivery parks it no second time."""
    harness = a_webhook()
    harness.channel.answers = [ProviderResponse("failed", "HTTP 404")]
    harness.send()
    harness.send(NOW + timedelta(seconds=5), token="t2")
    [parked] = harness.dead.parked.values()
    assert (parked.kind, parked.subject, parked.reason) == ("message", "msg_1", "rejected")
    assert parked.body == '{"workspace":"w1","message":"msg_1"}'


def test_a_crash_after_the_record_is_paid_by_the_redelivery() -> None:
    """The failure was recorded, and the worker died before parking it: the next delivery of the record parks it."""
    harness = a_webhook()
    harness.channel.answers = [ProviderResponse("failed", "HTTP 404")]
    harness.dead.park = lambda parked: (_ for _ in ()).throw(UnavailableError("down"))  # type: ignore[method-assign]
    with pytest.raises(UnavailableError):
        harness.send()
    harness.dead = FakeDeadLetters()
    harness.send(token="t2")
    assert len(harness.dead.parked) == 1
    assert len(harness.channel.calls) == 1


def test_an_endpoint_that_is_gone_gets_nothing_more() -> None:
    """410 disables the endpoint: this message failed, the next one to it is skipped."""
    harness = a_webhook()
    harness.channel.answers = [ProviderResponse("gone", "HTTP 410")]
    harness.send()
    assert (harness.message.status, harness.message.reason) == (MessageStatus.FAILED, MessageReason.ENDPOINT_GONE)
    harness.messages.stored.clear()
    harness.messages.bodies.clear()
    harness.messages.owe(pending_message(channel="webhook", step="hook"))
    harness.send()
    assert (harness.message.status, harness.message.reason) == (MessageStatus.SKIPPED, MessageReason.SUPPRESSED)
    assert len(harness.channel.calls) == 1


def test_a_suppressed_address_is_skipped_even_between_retries(harness: SendHarness) -> None:
    """Whoever unsubscribes while a retry waits gets nothing any more."""
    harness.channel.answers = [ProviderResponse("refused", "Throttling")]
    harness.send()
    harness.suppressions.add("w1", "email", "ada@example.com")
    harness.send(harness.message.due, token="t2")
    assert (harness.message.status, harness.message.reason) == (MessageStatus.SKIPPED, MessageReason.SUPPRESSED)


def test_an_erased_customer_gets_nothing(harness: SendHarness) -> None:
    """The customer was erased before the message went out."""
    harness.customers.rows.clear()
    harness.send()
    assert (harness.message.status, harness.message.reason) == (MessageStatus.SKIPPED, MessageReason.ERASED)
    assert not harness.channel.calls


def test_a_message_that_is_no_more_is_nobodys_business(harness: SendHarness) -> None:
    """Erasing takes the message itself; its record on the queue ends quietly."""
    harness.messages.stored.clear()
    assert harness.send() == SendResult(None)


def test_a_customer_who_is_erased_between_two_attempts_gets_no_second_one() -> None:
    """Although the message was rendered before."""
    harness = a_webhook()
    harness.channel.answers = [ProviderResponse("refused", "HTTP 503")]
    harness.send()
    harness.customers.rows.clear()
    harness.send(harness.message.due, token="t2")
    assert (harness.message.status, harness.message.reason) == (MessageStatus.SKIPPED, MessageReason.ERASED)
    assert len(harness.channel.calls) == 1


def test_a_message_that_is_erased_under_a_worker_is_not_called(harness: SendHarness) -> None:
    """The claim needs the row."""
    harness.messages.before_save = lambda _: harness.messages.stored.clear()
    assert not harness.send().changed
    assert not harness.channel.calls


def test_a_template_that_cannot_be_rendered_is_a_skip(harness: SendHarness) -> None:
    """Wrong input is an answer, never a retry; the message says what was wrong."""

    class Broken(FakeTemplates):
        def render(self, template: Mapping[str, Any], scope: Mapping[str, Any], now: datetime, *, strict: bool) -> Rendered | RenderFailure:  # type: ignore[override]
            return RenderFailure("'first_name' is undefined")

    harness.templates = Broken()
    harness.send()
    assert (harness.message.status, harness.message.reason) == (MessageStatus.SKIPPED, MessageReason.TEMPLATE)
    assert harness.message.attempts[-1].detail == "'first_name' is undefined"


def test_a_world_that_is_down_before_the_claim_changes_nothing(harness: SendHarness) -> None:
    """Rendering and checks come before the claim, so a failure there is simply tried again."""
    harness.suppressions.holds = lambda *_: (_ for _ in ()).throw(UnavailableError("down"))  # type: ignore[method-assign]
    with pytest.raises(UnavailableError):
        harness.send()
    assert harness.message == pending_message()
    harness.suppressions = FakeSuppressions()
    harness.send()
    assert harness.message.status is MessageStatus.SENT


def test_a_provider_that_was_not_called_is_a_refusal(harness: SendHarness) -> None:
    """A channel that could not even read its secret has sent nothing: the message waits, it is not unknown."""
    harness.channel.answers = [UnavailableError("secrets are throttled")]
    harness.send()
    assert harness.message.status is MessageStatus.PENDING
    assert harness.message.attempts[-1].outcome == "refused"


def test_bytes_that_another_worker_kept_first_are_the_ones_that_go(harness: SendHarness) -> None:
    """Two workers rendered the message at different moments: both send what was kept."""
    kept = PreparedMessage("ada@example.com", {"subject": "as first rendered"})
    harness.messages.bodies["w1", "msg_1"] = kept
    harness.send()
    assert harness.channel.calls[0][1] == kept


def test_another_workspaces_message_is_out_of_reach(harness: SendHarness) -> None:
    """A record that names our message under another workspace finds nothing."""
    assert send("w2", "msg_1", NOW, "t1", harness.world()) == SendResult(None)
    assert replace(harness.message) == pending_message()


@pytest.mark.parametrize(
    ("answer", "status"),
    [("sent", MessageStatus.SENT), ("failed", MessageStatus.FAILED), ("gone", MessageStatus.FAILED), ("unknown", MessageStatus.UNKNOWN)],
)
def test_a_run_that_stands_on_its_message_is_told_the_outcome(answer: ProviderResult, status: MessageStatus) -> None:
    """With `onFailure` the run waits; the outcome travels in its customer's own group."""
    harness = SendHarness()
    harness.messages.owe(pending_message(awaited=True, visit=2))
    harness.channel.answers = [ProviderResponse(answer, "so it went")]
    harness.send()
    [queue_message] = harness.signals.queue_messages
    assert queue_message.group == "c_1"
    told = from_wire(loads(queue_message.body))
    assert told == MessageSettled("w1", "c_1", pending_message().lookup_id, "r_1", "hello", 2, "msg_1", status)


def test_a_run_is_not_told_while_the_outcome_is_open() -> None:
    """A refusal that will be tried again is no outcome."""
    harness = SendHarness()
    harness.messages.owe(pending_message(awaited=True))
    harness.channel.answers = [ProviderResponse("refused", "Throttling")]
    harness.send()
    assert not harness.signals.queue_messages


def test_an_outcome_that_the_queue_does_not_take_is_told_by_the_redelivery() -> None:
    """The message is recorded as sent, and sent once; the run hears of it when the queue is back."""
    harness = SendHarness()
    harness.messages.owe(pending_message(awaited=True))
    harness.signals.full = True
    with pytest.raises(UnavailableError):
        harness.send()
    harness.signals.full = False
    harness.send(token="t2")
    assert len(harness.signals.queue_messages) == 1
    assert len(harness.channel.calls) == 1
