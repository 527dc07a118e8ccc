"""Reports of a provider: the message, suppressed addresses and consents, in any order, repeated, and with a crash between any two calls."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from tests.fakes.messages import NOW, FakeDeadLetters, FakeMessages, FakeSignals, FakeSuppressions, pending_message
from tests.fakes.send_harness import JOURNEY, OneJourney
from tests.fakes.ses_events import ses_event
from waypost.domain.customers.consents import ConsentState, consent_state
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.customers.topics import Topic
from waypost.domain.errors import UnavailableError
from waypost.domain.journeys.journey import Journey
from waypost.domain.messages.delivery import after_response, redriven, with_claim
from waypost.domain.messages.message import Message, MessageReason, MessageStatus, ProviderResponse
from waypost.domain.messages.provider_reports import report_in
from waypost.domain.signal_codec import from_wire
from waypost.domain.signals import EventsArrived
from waypost.domain.values.exact_json import loads
from waypost.manage.responses.messages import MessageResponse
from waypost.provider_reports import ProviderReportDependencies, apply_provider_report

LATER = NOW + timedelta(minutes=5)
CLAIMED = with_claim(pending_message(), NOW, "t1", "ada@example.com")
SENT = after_response(CLAIMED, ProviderResponse("sent", "id"), NOW)


class CrashError(Exception):
    """The process ends here."""


@dataclass
class Calls:
    """Counts the calls of all ports, and ends the process before or after the call of this number (0: never)."""

    number: int = 0
    crash_at: int = 0
    after: bool = False

    def port(self, target: Any) -> Any:
        """A port whose calls are counted."""
        calls = self

        class Port:
            def __getattr__(self, name: str) -> Any:
                method = getattr(target, name)

                def call(*arguments: Any, **keywords: Any) -> Any:
                    calls.number += 1
                    if calls.number == calls.crash_at and not calls.after:
                        raise CrashError
                    result = method(*arguments, **keywords)
                    if calls.number == calls.crash_at:
                        raise CrashError
                    return result

                return call

        return Port()


@dataclass
class ReportHarness:
    """The fakes that one test applies reports with: one sent e-mail to Ada."""

    messages: FakeMessages = field(default_factory=FakeMessages)
    journeys: OneJourney = field(default_factory=OneJourney)
    suppressions: FakeSuppressions = field(default_factory=FakeSuppressions)
    signals: FakeSignals = field(default_factory=FakeSignals)
    dead: FakeDeadLetters = field(default_factory=FakeDeadLetters)
    calls: Calls = field(default_factory=Calls)

    def __post_init__(self) -> None:
        self.messages.add(SENT)

    def apply(self, *events: dict[str, Any]) -> None:
        """Applies the reports in these events."""
        port = self.calls.port
        dependencies = ProviderReportDependencies(
            port(self.messages), port(self.journeys), port(self.suppressions), port(self.signals), port(self.dead)
        )
        for event in events:
            report = report_in(json.dumps(event))
            assert report is not None
            apply_provider_report(report, LATER, dependencies)

    @property
    def message(self) -> Message:
        """The stored row."""
        return self.messages.stored["w1", "msg_1"]

    def state(self) -> Any:
        """All that reports change; the signals without repeats, which the FIFO queue and the receipts drop."""
        names = {each.name for each in self.signals.queue_messages}
        return self.messages.stored, self.suppressions.held, names, self.dead.parked


@pytest.fixture
def harness() -> ReportHarness:
    """A harness."""
    return ReportHarness()


def arrived(harness: ReportHarness) -> EventsArrived:
    """The one signal that was sent, which brings events."""
    signals = [from_wire(loads(each.body)) for each in harness.signals.queue_messages]
    [signal] = [each for each in signals if isinstance(each, EventsArrived)]
    return signal


@pytest.mark.parametrize(
    ("event", "status"),
    [
        pytest.param(ses_event("Delivery"), MessageStatus.DELIVERED, id="delivery"),
        pytest.param(ses_event("DeliveryDelay"), MessageStatus.SENT, id="delay"),
        pytest.param(ses_event("Bounce"), MessageStatus.BOUNCED, id="permanent bounce"),
        pytest.param(ses_event("Bounce", {"bounceType": "Transient"}), MessageStatus.BOUNCED, id="transient bounce"),
        pytest.param(ses_event("Complaint"), MessageStatus.DELIVERED, id="complaint"),
        pytest.param(ses_event("Reject"), MessageStatus.FAILED, id="reject"),
        pytest.param(ses_event("Open"), MessageStatus.OPENED, id="open"),
        pytest.param(ses_event("Click"), MessageStatus.CLICKED, id="click"),
    ],
)
def test_a_report_changes_the_status_of_its_message(harness: ReportHarness, event: dict[str, Any], status: MessageStatus) -> None:
    """Each kind of report leads to its status; a second time changes nothing."""
    harness.apply(event)
    assert harness.message.status is status
    once = harness.message
    harness.apply(event)
    assert harness.message is once


def test_a_permanent_bounce_suppresses_the_receivers_of_the_event(harness: ReportHarness) -> None:
    """The address that has bounced is suppressed, whatever the `to` of the message is, with reason, source, time and message."""
    harness.apply(ses_event("Bounce", to=["forwarded@example.com"]))
    [(key, cause)] = harness.suppressions.held.items()
    assert key == ("w1", "email", "forwarded@example.com")
    assert (cause.reason, cause.source, cause.since, cause.message) == ("bounce", "provider", NOW, "msg_1")
    assert harness.message.status is MessageStatus.BOUNCED


@pytest.mark.parametrize("bounce_type", ["Transient", "Undetermined"])
def test_another_bounce_suppresses_nobody(harness: ReportHarness, bounce_type: str) -> None:
    """A full mailbox may have room again."""
    harness.apply(ses_event("Bounce", {"bounceType": bounce_type}))
    assert harness.suppressions.held == {}


def test_an_automatic_reply_does_not_make_a_delivered_message_bounced(harness: ReportHarness) -> None:
    """A transient bounce after the delivery, as for a person on holiday, changes no status; a permanent one does."""
    statuses = []
    for event in (ses_event("Delivery"), ses_event("Bounce", {"bounceType": "Transient"}), ses_event("Bounce")):
        harness.apply(event)
        statuses.append(harness.message.status)
    assert statuses == [MessageStatus.DELIVERED, MessageStatus.DELIVERED, MessageStatus.BOUNCED]


def test_a_bounce_of_a_copy_is_no_bounce_of_the_message(harness: ReportHarness) -> None:
    """Of a message with a copy, the bounce of the copy suppresses that address and leaves the status."""
    event = ses_event("Bounce", to=["copy@example.com"])
    event["detail"]["mail"]["destination"] = ["Ada@example.com", "copy@example.com"]
    harness.apply(event)
    assert set(harness.suppressions.held) == {("w1", "email", "copy@example.com")}
    assert harness.message.status is MessageStatus.SENT


def with_step(**changes: Any) -> Journey:
    """The journey of the harness, whose first step has these fields."""
    definition = JOURNEY.model_dump(mode="json", by_alias=True, exclude_unset=True)
    definition["steps"][0] |= changes
    return Journey.model_validate(definition)


@pytest.mark.parametrize(("step", "topic"), [({}, "general"), ({"topic": "news"}, "news")], ids=["default", "own"])
def test_a_complaint_suppresses_and_ends_the_consent_to_the_topic(step: dict[str, Any], topic: str) -> None:
    """The address is suppressed, and an `$unsubscribe` event of the message's topic and channel goes to the customer, source `provider`."""
    harness = ReportHarness(journeys=OneJourney(with_step(**step)))
    harness.apply(ses_event("Complaint"))
    assert [cause.reason for cause in harness.suppressions.held.values()] == ["complaint"]
    signal = arrived(harness)
    [event] = signal.events
    assert (signal.workspace, signal.customer, signal.primary) == ("w1", "c_1", Identifier("primary", "ada@example.com"))
    assert (event.name, event.source, event.at, event.identifier) == ("$unsubscribe", "provider", NOW, signal.primary)
    assert event.payload == {"topic": topic, "channel": "email"}
    assert consent_state(event.facts, Topic(id=topic), "email") is ConsentState.UNSUBSCRIBED
    assert consent_state(event.facts, Topic(id="another"), "email") is ConsentState.SUBSCRIBED


@pytest.mark.parametrize("event_type", ["Complaint", "Bounce"])
def test_a_report_of_another_person_only_suppresses(event_type: str) -> None:
    """An address that is not the customer's own is suppressed, and the customer subscribes to everything as before."""
    harness = ReportHarness()
    harness.messages.stored["w1", "msg_1"] = replace(SENT, is_to_other=True)
    harness.apply(ses_event(event_type))
    assert set(harness.suppressions.held) == {("w1", "email", "ada@example.com")}
    assert harness.signals.queue_messages == []


def test_a_bounce_shows_its_text(harness: ReportHarness) -> None:
    """The row keeps what the mail server stated, at most 500 characters of it, until the message is opened after all or redriven."""
    bounce = ses_event("Bounce")
    bounce["detail"]["bounce"]["bouncedRecipients"][0]["diagnosticCode"] = "smtp; 550 5.1.1 no such user" + "!" * 1000
    harness.apply(bounce)
    shown = MessageResponse.of(harness.message, None).detail
    assert shown is not None
    assert shown.startswith("Permanent; ")
    assert ("smtp; 550 5.1.1 no such user" in shown, len(shown)) == (True, 500)
    harness.apply(ses_event("Open"))
    assert MessageResponse.of(harness.message, None).detail is None


def test_a_reject_shows_its_text(harness: ReportHarness) -> None:
    """A message that SES has rejected shows why, and no more once it is redriven."""
    harness.apply(ses_event("Reject"))
    assert MessageResponse.of(harness.message, None).detail == "Bad content"
    assert MessageResponse.of(redriven(harness.message, LATER), None).detail != "Bad content"


def test_a_second_complaint_about_a_message_is_the_same_event(harness: ReportHarness) -> None:
    """Both signals have one deduplication id, and their events one uuid, by which the matcher knows a duplicate."""
    harness.apply(ses_event("Complaint"), ses_event("Complaint", at=LATER))
    assert len(harness.signals.queue_messages) == 2
    assert len({each.name for each in harness.signals.queue_messages}) == 1


def test_a_complaint_about_a_transactional_message_only_suppresses() -> None:
    """A transactional message has no topic from which its customer could be unsubscribed."""
    harness = ReportHarness(journeys=OneJourney(with_step(transactional=True)))
    harness.apply(ses_event("Complaint"))
    assert len(harness.suppressions.held) == 1
    assert harness.signals.queue_messages == []


def test_a_message_that_was_taken_out_of_the_spam_is_no_complaint(harness: ReportHarness) -> None:
    """Feedback of the type `not-spam` suppresses nobody and ends no consent."""
    harness.apply(ses_event("Complaint", {"complaintFeedbackType": "not-spam"}))
    assert (harness.suppressions.held, harness.signals.queue_messages) == ({}, [])
    assert harness.message.status is MessageStatus.DELIVERED


def test_a_rejected_message_is_a_dead_letter(harness: ReportHarness) -> None:
    """A message that SES has accepted and then rejected is failed, reason `rejected`, and can be redriven; a repeat parks it once."""
    harness.apply(ses_event("Reject"), ses_event("Reject"))
    assert harness.message.reason is MessageReason.REJECTED
    [parked] = harness.dead.parked.values()
    assert (parked.kind, parked.subject, parked.reason) == ("message", "msg_1", "rejected")


def test_a_reject_that_comes_again_does_not_fail_a_redriven_message(harness: ReportHarness) -> None:
    """After a redrive the message is pending; the report about its earlier call neither fails nor parks it."""
    harness.apply(ses_event("Reject"))
    harness.messages.stored["w1", "msg_1"] = redriven(harness.message, LATER)
    harness.dead.parked.clear()
    harness.apply(ses_event("Reject"))
    assert (harness.message.status, harness.dead.parked) == (MessageStatus.PENDING, {})


ALL_EVENTS = [ses_event(name) for name in ("Delivery", "Bounce", "Open", "Click")]


@pytest.mark.parametrize("order", list(permutations(range(4))), ids=str)
def test_reports_in_any_order_and_twice_lead_to_one_state(order: tuple[int, ...]) -> None:
    """Whatever the order of delivery, bounce, open and click, each of them twice, the message ends in the same status."""
    harness = ReportHarness()
    harness.apply(*(ALL_EVENTS[number] for number in order for _ in range(2)))
    assert harness.message.status is MessageStatus.CLICKED
    assert len(harness.suppressions.held) == 1


@pytest.mark.parametrize("event_type", ["Delivery", "Bounce", "Open", "Click", "Reject"])
def test_a_report_before_the_record_of_the_call_keeps_both(event_type: str) -> None:
    """If SES reports before the sender has recorded its answer, the row has the status of the report and then also the attempt."""
    early, late = ReportHarness(), ReportHarness()
    early.messages.stored["w1", "msg_1"] = CLAIMED
    early.apply(ses_event(event_type))
    assert early.message.lease is not None
    early.messages.stored["w1", "msg_1"] = after_response(early.message, ProviderResponse("sent", "id"), NOW)
    late.apply(ses_event(event_type))
    assert early.message == late.message
    assert [each.outcome for each in early.message.attempts] == ["sent"]


@pytest.mark.parametrize("event_type", ["Delivery", "Bounce", "Complaint", "Reject", "Open", "Click", "DeliveryDelay"])
def test_a_report_about_an_erased_customer_changes_nothing(event_type: str) -> None:
    """If the message was erased, the report suppresses nobody, sends nothing and parks nothing."""
    harness = ReportHarness()
    harness.messages.stored.clear()
    harness.apply(ses_event(event_type))
    assert harness.state() == ({}, {}, set(), {})


@pytest.mark.parametrize("event_type", ["Delivery", "Bounce", "Complaint", "Reject"])
def test_a_report_about_a_message_of_another_workspace_changes_nothing(harness: ReportHarness, event_type: str) -> None:
    """The tag of the workspace counts: a message of another one is not found."""
    before = harness.message
    harness.apply(ses_event(event_type, workspace="w2"))
    assert harness.message is before
    assert harness.state()[1:] == ({}, set(), {})


def test_a_report_about_a_message_that_was_never_claimed_changes_nothing(harness: ReportHarness) -> None:
    """A pending message without a claim cannot have bounced; it is still sent."""
    harness.messages.stored["w1", "msg_1"] = pending_message()
    harness.apply(ses_event("Bounce"), ses_event("Complaint"))
    assert harness.message == pending_message()
    assert harness.state()[1:] == ({}, set(), {})


def test_a_time_in_the_future_counts_as_now(harness: ReportHarness) -> None:
    """If the clock of the provider is ahead, the suppression has the time of its receipt."""
    harness.apply(ses_event("Bounce", at=LATER + timedelta(hours=1)))
    [cause] = harness.suppressions.held.values()
    assert cause.since == LATER


def test_an_unsubscription_that_the_queue_does_not_take_is_tried_again(harness: ReportHarness) -> None:
    """The report fails, so that it comes again; the address is suppressed already."""
    harness.signals.full = True
    with pytest.raises(UnavailableError):
        harness.apply(ses_event("Complaint"))
    assert len(harness.suppressions.held) == 1
    harness.signals.full = False
    harness.apply(ses_event("Complaint"))
    assert len(harness.signals.queue_messages) == 1


def crash_points(event: dict[str, Any], make: Callable[[], ReportHarness]) -> list[tuple[int, bool]]:
    """Before and after each call that a report makes."""
    counted = make()
    counted.apply(event)
    return [(number, after) for number in range(1, counted.calls.number + 1) for after in (False, True)]


@pytest.mark.parametrize("event_type", ["Delivery", "Bounce", "Complaint", "Reject", "Open", "Click"])
def test_a_crash_at_any_call_is_repaired_by_the_next_delivery(event_type: str) -> None:
    """If the process ends before or after any call, the repeated report leads to the state without the crash."""
    event = ses_event(event_type)
    undisturbed = ReportHarness()
    undisturbed.apply(event)
    points = crash_points(event, ReportHarness)
    assert len(points) >= 4
    for number, after in points:
        crashed = ReportHarness(calls=Calls(crash_at=number, after=after))
        with pytest.raises(CrashError):
            crashed.apply(event)
        crashed.calls = Calls()
        crashed.apply(event)
        assert crashed.state() == undisturbed.state(), (number, after)


def test_a_message_that_others_change_is_read_again(harness: ReportHarness) -> None:
    """If the sender saves the row between the read and the write of the report, the report is applied to the new row."""
    changes = iter([replace(SENT, attempts=(), token="t2", status=MessageStatus.SENDING)])

    def interfere(_: Message) -> None:
        changed = next(changes, None)
        if changed is not None:
            harness.messages.stored["w1", "msg_1"] = changed

    harness.messages.before_save = interfere
    harness.apply(ses_event("Bounce"))
    assert (harness.message.status, harness.message.token) == (MessageStatus.BOUNCED, "t2")
