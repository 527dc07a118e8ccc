"""The consent of the customer is checked before the claim of a message, and again between the claim and the call of the provider."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Literal

import pytest

from tests.fakes.match_harness import InterceptedPort, PortCalls
from tests.fakes.messages import GONE, NOW, pending_message
from tests.fakes.send_harness import ADA, JOURNEY, OneJourney, SendHarness
from waypost.domain.customers.consents import ALL, ConsentChange
from waypost.domain.customers.facts import merge
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.customers.rows import Row, head_key
from waypost.domain.customers.topics import Topic
from waypost.domain.errors import UnavailableError
from waypost.domain.journeys.journey import Journey
from waypost.domain.messages.delivery import with_claim
from waypost.domain.messages.message import Message, MessageReason, MessageStatus
from waypost.domain.messages.workspace_settings import WorkspaceSettings
from waypost.domain.signal_codec import from_wire
from waypost.domain.signals import MessageSettled
from waypost.domain.values.exact_json import loads
from waypost.send import send

HEAD = head_key("w1", ADA)
NEWS = Topic(id="news", name="News", default="unsubscribed")


def harness_of(topics: tuple[Topic, ...] = (), awaited: bool = False, **step: Any) -> SendHarness:
    """A harness with one pending e-mail of a step with these fields, in a workspace with these topics."""
    raw = JOURNEY.model_dump(mode="json", by_alias=True, exclude_none=True)
    raw["steps"][0].update(step)
    harness = SendHarness(journeys=OneJourney(Journey.model_validate(raw)))
    harness.settings.save("w1", WorkspaceSettings(topics=topics), 0)
    harness.messages.add(pending_message(awaited=awaited))
    return harness


def consent(harness: SendHarness, state: Literal["subscribed", "unsubscribed"], topic: str = ALL, at: datetime = NOW, **more: Any) -> None:
    """Ada's row gets a consent."""
    row = harness.customers.rows[HEAD]
    facts = ConsentChange(state, topic, ALL, at, "u1", "custom", **more).facts
    harness.customers.rows[HEAD] = replace(row, facts=merge(row.facts, facts), revision=row.revision + 1)


def outcome(harness: SendHarness) -> tuple[MessageStatus, MessageReason | None, int]:
    """Status and reason of the message, and how often the provider was called."""
    return harness.message.status, harness.message.reason, len(harness.channel.calls)


SENT = (MessageStatus.SENT, None, 1)
UNSUBSCRIBED = (MessageStatus.SKIPPED, MessageReason.UNSUBSCRIBED, 0)


def test_a_message_without_a_topic_belongs_to_general() -> None:
    """A customer who has unsubscribed from `general`, or from everything, gets no message of a step without a topic."""
    for topic in ("general", ALL):
        harness = harness_of()
        consent(harness, "unsubscribed", topic)
        harness.send()
        assert outcome(harness) == UNSUBSCRIBED
        assert not harness.messages.bodies
        assert "general" in harness.message.attempts[-1].detail
    harness = harness_of()
    consent(harness, "unsubscribed", "news")
    harness.send()
    assert outcome(harness) == SENT


def test_receipts_and_password_resets_still_go_out() -> None:
    """A transactional message is sent to a customer who has unsubscribed from everything, but not to a suppressed address."""
    harness = harness_of(transactional=True)
    consent(harness, "unsubscribed")
    harness.send()
    assert outcome(harness) == SENT
    harness = harness_of(transactional=True)
    harness.suppressions.add("w1", "email", "ada@example.com", GONE)
    harness.send()
    assert outcome(harness) == (MessageStatus.SKIPPED, MessageReason.SUPPRESSED, 0)


def test_a_topic_that_needs_a_subscription_sends_nothing_without_one() -> None:
    """A message of a topic whose default is `unsubscribed` needs a subscription, and with double opt-in a confirmation."""
    harness = harness_of((NEWS,), topic="news")
    harness.send()
    assert outcome(harness) == UNSUBSCRIBED
    harness = harness_of((NEWS,), topic="news")
    consent(harness, "subscribed", "news")
    harness.send()
    assert outcome(harness) == SENT
    confirm = NEWS.model_copy(update={"double_opt_in": True})
    harness = harness_of((confirm,), topic="news")
    consent(harness, "subscribed", "news")
    harness.send()
    assert outcome(harness) == (MessageStatus.SKIPPED, MessageReason.PENDING_CONSENT, 0)
    harness = harness_of((confirm,), topic="news")
    consent(harness, "subscribed", "news", confirmed=True)
    harness.send()
    assert outcome(harness) == SENT


def test_general_may_need_a_subscription_too() -> None:
    """Settings that redefine `general` hold for steps without a topic."""
    harness = harness_of((Topic(id="general", default="unsubscribed"),))
    harness.send()
    assert outcome(harness) == UNSUBSCRIBED


def test_a_topic_that_was_just_added_is_found() -> None:
    """A topic that the settings in memory do not have is read again before the message is skipped."""
    harness = harness_of(topic="offers")
    harness.cached_settings.of("w1", NOW)
    harness.settings.save("w1", WorkspaceSettings(topics=(Topic(id="offers"),)), 1)
    harness.send()
    assert outcome(harness) == SENT


def test_a_topic_that_was_removed_needs_a_subscription() -> None:
    """A message of a topic that the settings do not have any more goes to customers who have subscribed to it, and to nobody else."""
    harness = harness_of(topic="gone")
    harness.send()
    assert outcome(harness) == UNSUBSCRIBED
    harness = harness_of(topic="gone")
    consent(harness, "subscribed", "gone")
    harness.send()
    assert outcome(harness) == SENT


def test_an_unsubscription_between_claim_and_call_is_respected() -> None:
    """A customer who unsubscribes after the claim is not written to; the message is skipped without an attempt, and its run learns it."""
    harness = harness_of(awaited=True)
    harness.permissions.before_read = lambda: consent(harness, "unsubscribed")
    harness.send()
    assert outcome(harness) == UNSUBSCRIBED
    assert (harness.message.attempt_count, harness.message.lease) == (0, None)
    assert [attempt.outcome for attempt in harness.message.attempts] == ["skipped"]
    [queue_message] = harness.signals.queue_messages
    signal = from_wire(loads(queue_message.body))
    assert isinstance(signal, MessageSettled)
    assert signal.status is MessageStatus.SKIPPED


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda harness: harness.suppressions.add("w1", "email", "ada@example.com", GONE), MessageReason.SUPPRESSED),
        (lambda harness: harness.customers.rows.update({HEAD: replace(harness.customers.rows[HEAD], erasing=True)}), MessageReason.ERASED),
        (lambda harness: harness.customers.rows.clear(), MessageReason.ERASED),
        (
            lambda harness: harness.permissions.opt_outs.update({("w1", "email", "ada@example.com"): {ALL: NOW}}),
            MessageReason.UNSUBSCRIBED,
        ),
    ],
    ids=["suppressed", "erasing", "erased", "an erased customer of the address had unsubscribed"],
)
def test_what_happens_between_claim_and_call_stops_the_call(change: Callable[[SendHarness], None], reason: MessageReason) -> None:
    """An address that is suppressed, and a customer that is erased, between claim and call get no message."""
    harness = harness_of()
    harness.permissions.before_read = lambda: change(harness)
    harness.send()
    assert outcome(harness) == (MessageStatus.SKIPPED, reason, 0)


def test_a_new_customer_of_an_address_may_subscribe_again() -> None:
    """The opt-out that an erasure has left with an address ends with a later subscription."""
    harness = harness_of()
    harness.permissions.opt_outs["w1", "email", "ada@example.com"] = {"general": NOW - timedelta(days=1)}
    consent(harness, "subscribed", "general")
    harness.send()
    assert outcome(harness) == SENT


def test_consent_and_suppression_are_read_once_for_each_call() -> None:
    """One call of the provider takes one read of permissions, and a message that is skipped before the claim takes none."""
    harness = harness_of()
    harness.send()
    assert harness.permissions.reads == 1
    harness = harness_of()
    consent(harness, "unsubscribed")
    harness.send()
    assert harness.permissions.reads == 0


def test_a_customer_that_is_merged_between_claim_and_call_is_looked_up_again() -> None:
    """The consents of a merged customer are in another row: the message is decided again by them, with the attempt count from before."""
    anonymous = Identifier("correlation", "device-1")
    harness = harness_of()
    harness.messages.stored.clear()
    harness.messages.add(pending_message(lookup_id=anonymous))
    own_row = head_key("w1", ADA)._replace(owner=anonymous, correlation=anonymous)
    harness.customers.rows[own_row] = Row(own_row, "c_2", revision=1)
    raw = JOURNEY.model_dump(mode="json", by_alias=True, exclude_none=True)
    raw["steps"][0]["template"]["to"] = "ada@example.com"
    harness.journeys = OneJourney(Journey.model_validate(raw))

    def merge_and_unsubscribe() -> None:
        harness.customers.rows[own_row] = replace(harness.customers.rows[own_row], linked_to=ADA, customer="c_1", revision=2)
        consent(harness, "unsubscribed")

    harness.permissions.before_read = merge_and_unsubscribe
    harness.send()
    assert outcome(harness) == UNSUBSCRIBED
    assert harness.message.attempt_count == 0


def test_an_outage_of_the_read_gives_the_claim_back() -> None:
    """If the permission cannot be read, nothing is sent and the message is as before the claim, so that it is not unknown later."""
    harness = harness_of()
    before = harness.message

    def fail() -> None:
        raise UnavailableError("throttled")

    harness.permissions.before_read = fail
    with pytest.raises(UnavailableError):
        harness.send()
    assert harness.message == before
    harness.permissions.before_read = lambda: None
    harness.send(NOW + timedelta(seconds=2), token="t2")
    assert outcome(harness) == SENT
    assert harness.message.attempt_count == 1


@pytest.mark.parametrize("minutes", [0, 5], ids=["at once", "after the lease"])
@pytest.mark.parametrize("fails", ["the refusal", "the read", "the answer of the claim"])
def test_a_table_that_fails_between_claim_and_call_leaves_no_unknown_message(fails: str, minutes: int) -> None:
    """No provider was called: the message is refused or sent by the next delivery, also when the lease of the claim is over by then."""
    harness = harness_of(awaited=True)
    saves: list[MessageStatus] = []

    def fail_after_the_claim(message: Message) -> None:
        saves.append(message.status)
        if len(saves) > 1:
            raise UnavailableError("throttled")
        if fails == "the answer of the claim":
            harness.messages.stored["w1", "msg_1"] = message
            raise UnavailableError("timeout")

    def before_read() -> None:
        if fails == "the read":
            raise UnavailableError("throttled")
        consent(harness, "unsubscribed")

    harness.messages.before_save = fail_after_the_claim
    harness.permissions.before_read = before_read
    harness.send(token="t1")
    assert harness.message.status is MessageStatus.SENDING
    assert harness.queue.released == [("w1", "msg_1", "t1")]
    harness.messages.before_save = lambda _: None
    harness.permissions.before_read = lambda: None
    harness.send(NOW + timedelta(minutes=minutes), token="t2", released="t1")
    assert outcome(harness) == (UNSUBSCRIBED if fails == "the refusal" else SENT)
    assert harness.message.attempt_count == (0 if fails == "the refusal" else 1)
    harness.send(NOW + timedelta(minutes=minutes), token="t3", released="t1")
    assert outcome(harness) == (UNSUBSCRIBED if fails == "the refusal" else SENT)


def test_only_the_claim_of_its_token_is_released() -> None:
    """A record that releases a claim changes nothing while another claim holds the message."""
    harness = harness_of()
    claimed = with_claim(harness.message, NOW, "t2", "ada@example.com")
    harness.messages.stored["w1", "msg_1"] = claimed
    harness.send(NOW, token="t3", released="t1")
    assert (harness.message, len(harness.channel.calls)) == (claimed, 0)


def send_until_settled(harness: SendHarness, port_calls: PortCalls) -> int:
    """Delivers the record again and again, each time later than a lease, until it succeeds; returns the number of failures."""
    ports = {name: InterceptedPort(getattr(harness, name), port_calls) for name in ("messages", "permissions", "queue", "signals")}
    for failures in range(5):
        at = NOW + timedelta(minutes=3 * failures)
        harness.now = at
        try:
            send("w1", "msg_1", at, f"t{failures}", replace(harness.dependencies(), **ports))  # type: ignore[arg-type]
        except UnavailableError:
            continue
        if harness.message.is_settled:
            return failures
    raise AssertionError("not settled")


@pytest.mark.parametrize("stopped", [False, True], ids=["subscribed", "unsubscribed between claim and call"])
def test_a_failure_of_any_call_sends_at_most_once_and_never_after_an_unsubscription(stopped: bool) -> None:
    """Whatever call fails, before or after it takes effect, the provider is called once at most, and not at all after an unsubscription.

    An e-mail is unknown only where the outcome, or the claim that could not be given back, was lost; then it was sent once at most.
    """

    def build() -> SendHarness:
        harness = harness_of(awaited=True)
        if stopped:
            harness.permissions.before_read = lambda: consent(harness, "unsubscribed")
        return harness

    undisturbed = PortCalls()
    expected = UNSUBSCRIBED if stopped else SENT
    harness = build()
    assert send_until_settled(harness, undisturbed) == 0
    assert outcome(harness) == expected
    assert "FakePermissions.of" in undisturbed.calls
    for fail_at, name in enumerate(undisturbed.calls):
        for after in (False, True):
            harness = build()
            assert send_until_settled(harness, PortCalls(fail_at, after)) == 1
            place = f"{'after' if after else 'before'} {name}, call {fail_at}"
            status, reason, calls = outcome(harness)
            assert calls <= (0 if stopped else 1), place
            if name == "FakePermissions.of":
                assert outcome(harness) == expected, place
                assert harness.message.attempt_count == (0 if stopped else 1)
            if status is not expected[0]:
                assert (status, reason) == (MessageStatus.UNKNOWN, MessageReason.NO_ANSWER), place
                assert name == "FakeMessages.save", place
