"""STOP and START: suppressions and consents in every workspace, repeated, in another order, and for customers that are not known."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from tests.fakes.journeys import journey
from tests.fakes.messages import NOW, FakeLastMessages, FakeMessages, FakeSignals, FakeSuppressions, pending_message
from tests.fakes.send_harness import OneJourney
from waypost.domain.customers.consents import ConsentState, consent_state
from waypost.domain.customers.facts import Facts, merge
from waypost.domain.customers.topics import Topic
from waypost.domain.errors import UnavailableError
from waypost.domain.messages.inbound_texts import inbound_text_in
from waypost.domain.messages.suppression import SuppressionCause
from waypost.domain.signal_codec import from_wire
from waypost.domain.signals import EventsArrived
from waypost.domain.values.exact_json import loads
from waypost.domain.values.wire_time import iso
from waypost.inbound_texts import InboundDependencies, apply_inbound_text

NUMBER = "+4915112345678"
MINUTE = timedelta(minutes=1)
NEWS = {"id": "text", "type": "message", "channel": "sms", "topic": "news", "template": {"text": "Hello"}, "next": "end"}
END = {"id": "end", "type": "exit"}


def notification(body: str, *, at: datetime = NOW, text_id: str = "in-1", number: str = NUMBER) -> str:
    """A text in the envelope of SNS, as AWS documents both."""
    text = {
        "originationNumber": number,
        "destinationNumber": "+4915100000000",
        "messageKeyword": "KEYWORD_493039292929",
        "messageBody": body,
        "inboundMessageId": text_id,
        "previousPublishedMessageId": "one",
    }
    envelope = {"Type": "Notification", "MessageId": "n-1", "TopicArn": "arn", "Message": json.dumps(text), "Timestamp": iso(at)}
    return json.dumps(envelope)


@dataclass
class InboundHarness:
    """One customer, Ada, to whom the workspace w1 has sent a text about `news`; w2 sends texts too, and none to this number."""

    messages: FakeMessages = field(default_factory=FakeMessages)
    step: dict[str, Any] = field(default_factory=lambda: NEWS)
    suppressions: FakeSuppressions = field(default_factory=FakeSuppressions)
    signals: FakeSignals = field(default_factory=FakeSignals)
    last_messages: FakeLastMessages = field(default_factory=lambda: FakeLastMessages(senders=("w1", "w2")))

    def __post_init__(self) -> None:
        self.messages.add(pending_message(channel="sms", step="text", to=NUMBER))
        self.last_messages.remember("w1", "sms", NUMBER, "msg_1", NOW)

    def receive(self, *bodies: str) -> int:
        """Applies these records; the number of customers of the last one."""
        journeys = OneJourney(journey("welcome", steps=[self.step, END]))
        dependencies = InboundDependencies(self.messages, journeys, self.suppressions, self.last_messages, self.signals)
        customers = 0
        for body in bodies:
            text = inbound_text_in(body)
            assert text is not None
            customers = apply_inbound_text(text, NOW + timedelta(hours=1), dependencies)
        return customers

    @property
    def events(self) -> list[Any]:
        """The events that were sent to the matcher."""
        signals = [from_wire(loads(each.body)) for each in self.signals.queue_messages]
        return [event for signal in signals if isinstance(signal, EventsArrived) for event in signal.events]

    def state(self, topic: str, channel: str = "sms") -> ConsentState:
        """The state of a topic after the events."""
        facts: Facts = {}
        for event in self.events:
            facts = merge(facts, event.facts)
        return consent_state(facts, Topic(id=topic), channel)


@pytest.fixture
def harness() -> InboundHarness:
    """A harness."""
    return InboundHarness()


def test_a_stop_suppresses_the_number_and_unsubscribes_its_customer(harness: InboundHarness) -> None:
    """The number is suppressed in all workspaces that send texts, with the message if there is one; the customer gets no topic by SMS."""
    assert harness.receive(notification("STOP")) == 1
    assert harness.suppressions.held == {
        ("w1", "sms", NUMBER): SuppressionCause("opted-out", "provider", NOW, "msg_1"),
        ("w2", "sms", NUMBER): SuppressionCause("opted-out", "provider", NOW, None),
    }
    [event] = harness.events
    assert (event.name, event.source, event.payload) == ("$unsubscribe", "provider", {"channel": "sms"})
    assert (harness.state("news"), harness.state("news", "email")) == (ConsentState.UNSUBSCRIBED, ConsentState.SUBSCRIBED)


@pytest.mark.parametrize("word", ["STOP", "START"])
def test_a_text_of_another_person_changes_no_consent(harness: InboundHarness, word: str) -> None:
    """The owner of a number to which a template has sent a customer's message stops the number, and not the messages of that customer."""
    harness.messages.stored["w1", "msg_1"] = replace(harness.messages.stored["w1", "msg_1"], is_to_other=True)
    assert harness.receive(notification(word)) == 0
    assert harness.events == []
    assert (("w1", "sms", NUMBER) in harness.suppressions.held) == (word == "STOP")


def test_a_start_undoes_a_stop(harness: InboundHarness) -> None:
    """The suppression is lifted everywhere, and the customer gets the topic of the last message again, and no other."""
    harness.receive(notification("Stop."), notification("start", at=NOW + MINUTE, text_id="in-2"))
    assert harness.suppressions.held == {}
    assert (harness.state("news"), harness.state("offers")) == (ConsentState.SUBSCRIBED, ConsentState.UNSUBSCRIBED)


def test_the_order_of_stop_and_start_is_that_of_their_times(harness: InboundHarness) -> None:
    """STOP, START and STOP, in any order and each delivered twice, leave the number suppressed and the customer unsubscribed."""
    texts = [notification(body, at=NOW + number * MINUTE, text_id=f"in-{number}") for number, body in enumerate(("STOP", "START", "STOP"))]
    for order in permutations(texts):
        fresh = InboundHarness()
        fresh.receive(*order, *order)
        assert {key: cause.since for key, cause in fresh.suppressions.held.items()} == {
            (workspace, "sms", NUMBER): NOW + 2 * MINUTE for workspace in ("w1", "w2")
        }
        assert fresh.state("news") is ConsentState.UNSUBSCRIBED
        assert len({event.uuid for event in fresh.events}) == 3


def test_a_start_keeps_what_an_operator_has_suppressed(harness: InboundHarness) -> None:
    """Only the suppression of an opt-out is lifted, not one that was set by hand or because the number does not exist."""
    harness.suppressions.add("w1", "sms", NUMBER, SuppressionCause("manual", "api", NOW - MINUTE))
    harness.receive(notification("START"))
    assert ("w1", "sms", NUMBER) in harness.suppressions.held


def test_a_start_after_a_transactional_message_subscribes_to_nothing(harness: InboundHarness) -> None:
    """The message has no topic, so the number is released and no consent is recorded."""
    transactional = {name: value for name, value in NEWS.items() if name != "topic"} | {"transactional": True}
    harness.step = transactional
    harness.suppressions.add("w1", "sms", NUMBER, SuppressionCause("opted-out", "provider", NOW - MINUTE))
    harness.receive(notification("START"))
    assert (harness.suppressions.held, harness.events) == ({}, [])


def test_an_erased_customer_is_not_named_and_its_number_is_suppressed(harness: InboundHarness) -> None:
    """Without the message nobody knows the customer any more; the number gets no texts nevertheless."""
    harness.messages.stored.clear()
    assert harness.receive(notification("STOP")) == 0
    assert (len(harness.suppressions.held), harness.events) == (2, [])


@pytest.mark.parametrize("body", ["Please do not stop", "stop it", "yes", "", "HELP", "STOP 123"])
def test_any_other_text_changes_nothing(harness: InboundHarness, body: str) -> None:
    """Only a keyword alone is a wish: the same word inside a sentence may mean the opposite."""
    harness.receive(notification(body))
    assert (harness.suppressions.held, harness.events) == ({}, [])


def test_a_time_in_the_future_counts_as_now(harness: InboundHarness) -> None:
    """A clock that is ahead does not give a consent a time at which no later one could win."""
    harness.receive(notification("STOP", at=NOW + timedelta(days=9)))
    assert {cause.since for cause in harness.suppressions.held.values()} == {NOW + timedelta(hours=1)}


def test_a_full_signals_queue_brings_the_text_back(harness: InboundHarness) -> None:
    """The record has to be delivered again if the consent could not be sent."""
    harness.signals.full = True
    with pytest.raises(UnavailableError):
        harness.receive(notification("STOP"))


def test_what_is_no_text_is_left_to_others() -> None:
    """An event of EventBridge, and a notification about something else, hold no text."""
    assert inbound_text_in('{"source": "aws.ses", "detail": {}}') is None
    assert (
        inbound_text_in(json.dumps({"Type": "Notification", "Message": '{"eventType": "TEXT_DELIVERED"}', "Timestamp": iso(NOW)})) is None
    )


def test_a_sent_text_is_the_last_one(harness: InboundHarness) -> None:
    """A later message to the number is the one whose customer a STOP unsubscribes."""
    later = replace(pending_message(channel="sms", step="text", to=NUMBER), id="msg_2", customer="c_2")
    harness.messages.add(later)
    harness.last_messages.remember("w1", "sms", NUMBER, "msg_2", NOW)
    harness.receive(notification("STOP"))
    [signal] = [from_wire(loads(each.body)) for each in harness.signals.queue_messages]
    assert isinstance(signal, EventsArrived)
    assert signal.customer == "c_2"
