"""One message on its way: called once for one id, whatever dies or overtakes in between."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.fakes.messages import NOW, FakeDeadLetters, FakeSuppressions, FakeTemplates, owed
from tests.fakes.send_harness import Scene
from waypost.domain.errors import UnavailableError
from waypost.domain.messages.delivery import LEASE
from waypost.domain.messages.message import Addressed, Answer, AnswerKind, Fault, Message, Reason, Rendered, Status
from waypost.domain.signals import MessageSettled, from_wire
from waypost.domain.values.exact_json import loads
from waypost.send import Outcome, send


@pytest.fixture
def scene() -> Scene:
    """A world in which one e-mail is owed."""
    made = Scene()
    made.messages.owe(owed())
    return made


def a_webhook(**changes: Any) -> Scene:
    """A world in which one webhook is owed."""
    made = Scene()
    made.messages.owe(owed(channel="webhook", step="hook", **changes))
    return made


def test_a_message_is_sent_and_says_so(scene: Scene) -> None:
    """One call, one attempt, the receiver's address, and status sent."""
    outcome = scene.send()
    assert outcome == Outcome(scene.message, changed=True)
    assert (scene.message.status, scene.message.to, scene.message.tries) == (Status.SENT, "ada@example.com", 1)
    assert [attempt.outcome for attempt in scene.message.attempts] == ["sent"]
    assert len(scene.channel.calls) == 1
    assert not scene.queue.records


def test_a_template_sees_customer_event_journey_step_and_message(scene: Scene) -> None:
    """The five names of the contract, with the primary key under its own name."""
    scene.send()
    seen = scene.templates.scopes[0]
    assert seen["customer"] == {"id": "c_1", "email": "ada@example.com"}
    assert seen["event"]["payload"] == {"plan": "pro"}
    assert (seen["journey"], seen["step"]) == ({"id": "welcome", "name": "Welcome", "version": 3}, {"id": "hello"})
    assert seen["message"] == {"id": "msg_1"}


def test_a_redelivered_record_sends_nothing_twice(scene: Scene) -> None:
    """SQS delivers at least once; the message is sent once."""
    scene.send()
    again = scene.send(NOW + timedelta(minutes=1), token="t2")
    assert not again.changed
    assert len(scene.channel.calls) == 1


def test_of_two_workers_at_once_one_calls_the_provider(scene: Scene) -> None:
    """Both read it as pending; the second to claim finds that it is taken."""
    inner: list[Outcome] = []

    def overtake(message: Message) -> None:
        scene.messages.before_save = lambda _: None
        inner.append(scene.send(token="other"))

    scene.messages.before_save = overtake
    outer = scene.send()
    assert inner[0].changed
    assert not outer.changed
    assert len(scene.channel.calls) == 1
    assert scene.message.token == "other"


def test_a_crash_between_call_and_record_leaves_the_message_unknown(scene: Scene) -> None:
    """The worker dies after calling SES: nobody guesses, the message reads unknown, and no second mail goes out."""
    scene.channel.answers = [KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        scene.send()
    assert scene.send(NOW + LEASE - timedelta(seconds=1), token="t2").changed is False
    assert scene.send(NOW + LEASE, token="t3").changed
    assert (scene.message.status, scene.message.reason) == (Status.UNKNOWN, Reason.NO_ANSWER)
    assert len(scene.channel.calls) == 1
    assert not scene.dead.parked


def test_a_step_may_ask_for_a_resend_when_unknown() -> None:
    """`onUnknown: resend` prefers two mails to none."""
    scene = Scene()
    scene.messages.owe(owed(on_unknown="resend"))
    scene.channel.answers = [KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        scene.send()
    scene.send(NOW + LEASE, token="t2")
    assert scene.message.status is Status.SENT
    assert len(scene.channel.calls) == 2


def test_a_webhook_is_called_again_after_a_crash_with_the_same_bytes() -> None:
    """Its receiver knows the id; what it is told the second time is what it was told the first time."""
    scene = a_webhook()
    scene.channel.answers = [KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        scene.send()
    scene.send(NOW + LEASE, token="t2")
    assert scene.message.status is Status.SENT
    first, second = (addressed for _, addressed in scene.channel.calls)
    assert first == second


def test_nulls_in_a_webhooks_json_reach_the_renderer() -> None:
    """A field that the template leaves out is left out; a null in the JSON of a webhook is part of it."""
    scene = a_webhook()
    scene.send()
    assert scene.channel.calls[0][1].rendered["json"] == {"who": None}
    assert "body" not in scene.channel.calls[0][1].rendered


def test_while_a_lease_lives_the_record_is_put_back(scene: Scene) -> None:
    """A second record of a message that is being sent waits until the first worker must be done."""
    scene.channel.answers = [KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        scene.send()
    scene.send(NOW + timedelta(seconds=20), token="t2")
    assert scene.queue.records == [("w1", "msg_1", LEASE - timedelta(seconds=20))]


def test_a_refusal_goes_back_to_the_queue_until_its_retry_is_due() -> None:
    """Nothing sleeps: the retry is a delayed record, and an early one is put back for the rest."""
    scene = a_webhook()
    scene.channel.answers = [Answer("refused", "HTTP 503")]
    scene.send()
    pause = scene.message.due - NOW
    assert scene.queue.records == [("w1", "msg_1", pause)]
    scene.send(NOW + timedelta(seconds=1), token="t2")
    assert scene.queue.records[1] == ("w1", "msg_1", pause - timedelta(seconds=1))
    assert len(scene.channel.calls) == 1
    scene.send(scene.message.due, token="t3")
    assert scene.message.status is Status.SENT


def test_what_fails_for_good_is_parked_with_its_reason() -> None:
    """A 404 is not forgotten: a person can look at it and redrive it; a redelivery parks it no second time."""
    scene = a_webhook()
    scene.channel.answers = [Answer("failed", "HTTP 404")]
    scene.send()
    scene.send(NOW + timedelta(seconds=5), token="t2")
    [parked] = scene.dead.parked.values()
    assert (parked.kind, parked.subject, parked.reason) == ("message", "msg_1", "rejected")
    assert parked.body == '{"workspace":"w1","message":"msg_1"}'


def test_a_crash_after_the_record_is_paid_by_the_redelivery() -> None:
    """The failure was recorded, and the worker died before parking it: the next delivery of the record parks it."""
    scene = a_webhook()
    scene.channel.answers = [Answer("failed", "HTTP 404")]
    scene.dead.park = lambda parked: (_ for _ in ()).throw(UnavailableError("down"))  # type: ignore[method-assign]
    with pytest.raises(UnavailableError):
        scene.send()
    scene.dead = FakeDeadLetters()
    scene.send(token="t2")
    assert len(scene.dead.parked) == 1
    assert len(scene.channel.calls) == 1


def test_an_endpoint_that_is_gone_gets_nothing_more() -> None:
    """410 disables the endpoint: this message failed, the next one to it is skipped."""
    scene = a_webhook()
    scene.channel.answers = [Answer("gone", "HTTP 410")]
    scene.send()
    assert (scene.message.status, scene.message.reason) == (Status.FAILED, Reason.ENDPOINT_GONE)
    scene.messages.stored.clear()
    scene.messages.bodies.clear()
    scene.messages.owe(owed(channel="webhook", step="hook"))
    scene.send()
    assert (scene.message.status, scene.message.reason) == (Status.SKIPPED, Reason.SUPPRESSED)
    assert len(scene.channel.calls) == 1


def test_a_suppressed_address_is_skipped_even_between_retries(scene: Scene) -> None:
    """Whoever unsubscribes while a retry waits gets nothing any more."""
    scene.channel.answers = [Answer("refused", "Throttling")]
    scene.send()
    scene.suppressions.add("w1", "email", "ada@example.com")
    scene.send(scene.message.due, token="t2")
    assert (scene.message.status, scene.message.reason) == (Status.SKIPPED, Reason.SUPPRESSED)


def test_an_erased_customer_gets_nothing(scene: Scene) -> None:
    """The customer was erased before the message went out."""
    scene.customers.rows.clear()
    scene.send()
    assert (scene.message.status, scene.message.reason) == (Status.SKIPPED, Reason.ERASED)
    assert not scene.channel.calls


def test_a_message_that_is_no_more_is_nobodys_business(scene: Scene) -> None:
    """Erasing takes the message itself; its record on the queue ends quietly."""
    scene.messages.stored.clear()
    assert scene.send() == Outcome(None)


def test_a_customer_who_is_erased_between_two_attempts_gets_no_second_one() -> None:
    """Although the message was rendered before."""
    scene = a_webhook()
    scene.channel.answers = [Answer("refused", "HTTP 503")]
    scene.send()
    scene.customers.rows.clear()
    scene.send(scene.message.due, token="t2")
    assert (scene.message.status, scene.message.reason) == (Status.SKIPPED, Reason.ERASED)
    assert len(scene.channel.calls) == 1


def test_a_message_that_is_erased_under_a_worker_is_not_called(scene: Scene) -> None:
    """The claim needs the row."""
    scene.messages.before_save = lambda _: scene.messages.stored.clear()
    assert not scene.send().changed
    assert not scene.channel.calls


def test_a_template_that_cannot_be_rendered_is_a_skip(scene: Scene) -> None:
    """Wrong input is an answer, never a retry; the message says what was wrong."""

    class Broken(FakeTemplates):
        def render(self, template: Mapping[str, Any], scope: Mapping[str, Any], now: datetime, *, strict: bool) -> Rendered | Fault:  # type: ignore[override]
            return Fault("'first_name' is undefined")

    scene.templates = Broken()
    scene.send()
    assert (scene.message.status, scene.message.reason) == (Status.SKIPPED, Reason.TEMPLATE)
    assert scene.message.attempts[-1].detail == "'first_name' is undefined"


def test_a_world_that_is_down_before_the_claim_changes_nothing(scene: Scene) -> None:
    """Rendering and checks come before the claim, so a failure there is simply tried again."""
    scene.suppressions.holds = lambda *_: (_ for _ in ()).throw(UnavailableError("down"))  # type: ignore[method-assign]
    with pytest.raises(UnavailableError):
        scene.send()
    assert scene.message == owed()
    scene.suppressions = FakeSuppressions()
    scene.send()
    assert scene.message.status is Status.SENT


def test_a_provider_that_was_not_called_is_a_refusal(scene: Scene) -> None:
    """A channel that could not even read its secret has sent nothing: the message waits, it is not unknown."""
    scene.channel.answers = [UnavailableError("secrets are throttled")]
    scene.send()
    assert scene.message.status is Status.PENDING
    assert scene.message.attempts[-1].outcome == "refused"


def test_bytes_that_another_worker_kept_first_are_the_ones_that_go(scene: Scene) -> None:
    """Two workers rendered the message at different moments: both send what was kept."""
    kept = Addressed("ada@example.com", {"subject": "as first rendered"})
    scene.messages.bodies["w1", "msg_1"] = kept
    scene.send()
    assert scene.channel.calls[0][1] == kept


def test_another_workspaces_message_is_out_of_reach(scene: Scene) -> None:
    """A record that names our message under another workspace finds nothing."""
    assert send("w2", "msg_1", NOW, "t1", scene.world()) == Outcome(None)
    assert replace(scene.message) == owed()


@pytest.mark.parametrize(
    ("answer", "status"),
    [("sent", Status.SENT), ("failed", Status.FAILED), ("gone", Status.FAILED), ("unknown", Status.UNKNOWN)],
)
def test_a_run_that_stands_on_its_message_is_told_the_outcome(answer: AnswerKind, status: Status) -> None:
    """With `onFailure` the run waits; the outcome travels in its customer's own group."""
    scene = Scene()
    scene.messages.owe(owed(awaited=True, visit=2))
    scene.channel.answers = [Answer(answer, "so it went")]
    scene.send()
    [parcel] = scene.signals.parcels
    assert parcel.group == "c_1"
    told = from_wire(loads(parcel.body))
    assert told == MessageSettled("w1", "c_1", owed().known_as, "r_1", "hello", 2, "msg_1", status)


def test_a_run_is_not_told_while_the_outcome_is_open() -> None:
    """A refusal that will be tried again is no outcome."""
    scene = Scene()
    scene.messages.owe(owed(awaited=True))
    scene.channel.answers = [Answer("refused", "Throttling")]
    scene.send()
    assert not scene.signals.parcels


def test_an_outcome_that_the_queue_does_not_take_is_told_by_the_redelivery() -> None:
    """The message is recorded as sent, and sent once; the run hears of it when the queue is back."""
    scene = Scene()
    scene.messages.owe(owed(awaited=True))
    scene.signals.full = True
    with pytest.raises(UnavailableError):
        scene.send()
    scene.signals.full = False
    scene.send(token="t2")
    assert len(scene.signals.parcels) == 1
    assert len(scene.channel.calls) == 1
