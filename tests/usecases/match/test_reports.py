"""Reports about messages at the matcher: they reach the run that has sent the message, once, wherever the run is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.fakes.journeys import journey, message
from tests.fakes.match_harness import SCHEMA, MatchHarness, arrived
from tests.fakes.messages import NOW
from waypost.domain.journeys.journey import Journey
from waypost.domain.messages.delivery import with_claim
from waypost.domain.messages.message import Message, MessageStatus
from waypost.domain.runs.run import Cause, Run
from waypost.domain.signal_codec import from_body
from waypost.domain.signals import CustomerReleased, MessageReported, MessageSettled, TimerDue

SIGN_UP = {"event": "signed_up"}
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
END = {"id": "end", "type": "exit"}
WAIT: dict[str, Any] = {
    "id": "wait",
    "type": "waitUntil",
    "branches": [
        {"id": "clicks", "message": "hello", "status": "clicked", "link": "https://example.com/cart", "next": "thanks"},
        {"id": "opens", "message": "hello", "status": "opened", "next": "thanks"},
        {"id": "fails", "message": "hello", "status": "failed", "next": "sorry"},
    ],
    "timeout": {"after": "P1D", "next": "nudge"},
}
REST = [message("thanks", "end"), message("sorry", "end"), message("nudge", "end"), END]
PAUSE = {"id": "pause", "type": "timeDelay", "delay": "PT2H", "next": "wait"}


def welcome(*between: dict[str, Any], **changes: Any) -> Journey:
    """A journey that sends a mail and waits for a day for what becomes of it; the steps in `between` come first."""
    first = between[0]["id"] if between else "wait"
    return journey(steps=[message("hello", first, **changes), *between, WAIT, *REST])


def harness_of(definition: Journey) -> MatchHarness:
    """A customer who has entered the journey at NOW, and got its mail."""
    made = MatchHarness()
    made.workspaces.schemas["w1"] = SCHEMA
    made.journeys.publish(definition)
    made.match(arrived(SIGN_UP))
    claim_all(made)
    return made


@pytest.fixture
def harness() -> MatchHarness:
    """A customer who waits since NOW."""
    return harness_of(welcome())


def claim_all(harness: MatchHarness) -> None:
    """Claims every pending message, as the sender does before it calls the provider."""
    for key, stored in harness.messages.stored.items():
        if stored.status is MessageStatus.PENDING:
            claimed = with_claim(stored, stored.due, "t", "ada@example.com")
            harness.messages.stored[key] = replace(claimed, status=MessageStatus.SENT, lease=None)


def only_run(harness: MatchHarness) -> Run:
    """The only run."""
    [run] = harness.runs.all
    return run


def mail(harness: MatchHarness) -> Message:
    """The latest message of the step `hello`."""
    return max((each for each in harness.messages.stored.values() if each.step == "hello"), key=lambda each: each.visit)


def report(harness: MatchHarness, name: str = "$opened", after: timedelta = HOUR, **payload: Any) -> list[MessageReported]:
    """A report by the API, so long after the entry, and the signals that it puts on the queue for the run."""
    uuid = f"{name}{after}{sorted(payload.items())}"
    body = {"event": name, "source": "message", "uuid": uuid, "payload": {"messageId": mail(harness).id, **payload}}
    harness.match(arrived(body, at=NOW + after), NOW + after)
    signals = [from_body(each.body) for each in harness.signals.queue_messages]
    harness.signals.queue_messages.clear()
    return [each for each in signals if isinstance(each, MessageReported)]


def deliver(harness: MatchHarness, signals: Sequence[MessageReported], after: timedelta = HOUR) -> None:
    """Delivers signals to the matcher."""
    for signal in signals:
        harness.match(signal, NOW + after)
    claim_all(harness)


def steps_of(harness: MatchHarness) -> list[str]:
    """The steps whose messages were created."""
    return [stored.step for stored in harness.messages.stored.values()]


def test_a_report_advances_the_run_that_waits_for_it(harness: MatchHarness) -> None:
    """The run takes the branch at the time of the report, its timer is disarmed, and its next message is on the queue."""
    deliver(harness, report(harness))
    run = only_run(harness)
    assert steps_of(harness) == ["hello", "thanks"]
    assert (run.history[2].at, run.history[2].reason, run.history[2].branch) == (NOW + HOUR, Cause.REPORT, "opens")
    assert (len(harness.timers.disarmed), harness.timers.armed) == (1, {})
    assert {harness.messages.stored["w1", name].step for name in harness.queued} == {"hello", "thanks"}


def test_only_messages_that_a_journey_asks_for_cause_a_signal(harness: MatchHarness) -> None:
    """The report of a message without such a wait changes its row and puts nothing on the queue."""
    other = harness_of(journey())
    assert report(other) == []
    assert mail(other).status is MessageStatus.OPENED
    assert [each.status for each in report(harness)] == ["opened"]


def test_repeated_and_late_reports_cause_no_signal(harness: MatchHarness) -> None:
    """A row that does not change says nothing new; a click on another link does, although the row stays as it is."""
    assert [each.status for each in report(harness, "$clicked")] == ["clicked"]
    assert report(harness, "$clicked", 2 * HOUR) == []
    assert report(harness, "$opened", 2 * HOUR) == []
    assert [each.link for each in report(harness, "$clicked", 3 * HOUR, link="https://example.com/cart?x=1")] == [
        "https://example.com/cart?x=1"
    ]


def test_a_signal_that_comes_twice_changes_nothing(harness: MatchHarness) -> None:
    """The second delivery finds that the run knows the status, and writes nothing."""
    signals = report(harness)
    deliver(harness, signals)
    run, commits = only_run(harness), harness.runs.commits
    deliver(harness, signals)
    assert (only_run(harness), harness.runs.commits) == (run, commits)


def test_reports_in_any_order_leave_the_same_branch() -> None:
    """A click on the link before an open takes the branch of the click, in whatever order the two signals come."""
    for turned in (False, True):
        harness = harness_of(welcome(PAUSE))
        signals = [*report(harness, "$opened"), *report(harness, "$clicked", link="https://example.com/cart")]
        deliver(harness, signals[::-1] if turned else signals)
        [timer] = harness.timers.armed.values()
        harness.match(TimerDue(timer), NOW + 2 * HOUR)
        assert [visit.branch for visit in only_run(harness).history if visit.branch] == ["clicks"]


def test_a_report_before_the_wait_is_remembered() -> None:
    """A run in a delay keeps the status without a timer effect, and takes the branch when it comes to the wait."""
    harness = harness_of(welcome(PAUSE))
    armed = dict(harness.timers.armed)
    deliver(harness, report(harness))
    assert (only_run(harness).step, harness.timers.armed, harness.timers.disarmed) == ("pause", armed, [])
    [timer] = armed.values()
    harness.match(TimerDue(timer), NOW + 2 * HOUR)
    assert steps_of(harness) == ["hello", "thanks"]
    assert [visit.at for visit in only_run(harness).history[2:4]] == [NOW + 2 * HOUR] * 2


def test_a_report_that_came_before_the_timeout_wins_although_it_is_late(harness: MatchHarness) -> None:
    """A report counts from the time at which it was received, as an event does; one after the timeout finds the timeout taken."""
    deliver(harness, report(harness, after=DAY - HOUR), after=2 * DAY)
    assert steps_of(harness) == ["hello", "thanks"]
    late = harness_of(welcome())
    deliver(late, report(late, after=DAY), after=DAY)
    assert steps_of(late) == ["hello", "nudge"]


def test_a_report_from_before_the_run_came_to_its_step_has_a_move_of_its_own() -> None:
    """The timer was processed first: the report is a millisecond later in the history, so that the timeline shows both moves."""
    harness = harness_of(welcome(PAUSE))
    signals = report(harness, after=2 * HOUR)
    [timer] = harness.timers.armed.values()
    harness.match(TimerDue(timer), NOW + 2 * HOUR)
    deliver(harness, [replace(each, at=NOW + HOUR) for each in signals], 2 * HOUR)
    assert [visit.at - NOW for visit in only_run(harness).history[2:4]] == [2 * HOUR, 2 * HOUR + timedelta(milliseconds=1)]


def test_a_report_of_an_earlier_visit_changes_nothing() -> None:
    """The run has gone round and sent the message again: an open of the first one does not take the branch of the second."""
    again = {**WAIT, "timeout": {"after": "P1D", "next": "hello"}}
    harness = harness_of(journey(steps=[message("hello", "wait"), again, *REST[:2], END]))
    first = report(harness)
    [timer] = harness.timers.armed.values()
    harness.match(TimerDue(timer), NOW + DAY)
    claim_all(harness)
    run = only_run(harness)
    assert run.visits["hello"] == 2
    deliver(harness, first, DAY)
    assert only_run(harness) == run
    deliver(harness, report(harness, after=DAY + HOUR), DAY + HOUR)
    assert steps_of(harness) == ["hello", "hello", "thanks"]


def test_a_report_finds_the_run_after_a_merge(harness: MatchHarness) -> None:
    """The message was sent to the anonymous customer, whose run has moved to the known one before the report comes."""
    signals = report(harness)
    identify = {"event": "$identify", "payload": {"distinct_id": "ada@example.com"}}
    harness.match(arrived(identify | {"correlationValue": "phone", "uuid": "i1"}))
    harness.match(arrived(identify | {"uuid": "i2"}))
    deliver(harness, signals)
    assert steps_of(harness) == ["hello", "thanks"]


def test_a_report_in_a_paused_journey_is_held_and_released(harness: MatchHarness) -> None:
    """The run takes the branch at the time of the resume, whatever has come in between."""
    harness.journeys.move("welcome", "paused")
    harness.clear_caches()
    deliver(harness, report(harness))
    assert (only_run(harness).step, steps_of(harness)) == ("wait", ["hello"])
    harness.journeys.move("welcome", "published")
    harness.clear_caches()
    run = only_run(harness)
    assert run.pending_transition is not None
    harness.match(CustomerReleased("w1", mail(harness).customer, mail(harness).lookup_id, "welcome", 1), NOW + 3 * HOUR)
    assert steps_of(harness) == ["hello", "thanks"]
    assert only_run(harness).history[2][:3] == (NOW + 3 * HOUR, "thanks", Cause.REPORT)


def test_an_outcome_that_the_run_waited_for_is_known_later() -> None:
    """A message with `onFailure` whose outcome is `unknown` leads there, and the wait behind it knows that the message has failed."""
    harness = harness_of(welcome(onFailure="wait"))
    sent = mail(harness)
    step_visit = (sent.workspace, sent.customer, sent.lookup_id, sent.run, sent.step, sent.visit)
    harness.match(MessageSettled(*step_visit, sent.id, MessageStatus.UNKNOWN), NOW + HOUR)
    assert steps_of(harness) == ["hello", "sorry"]


def test_the_report_of_a_run_whose_version_cannot_be_read_is_not_lost(harness: MatchHarness) -> None:
    """It fails, so that it becomes a dead letter, which can be redriven when the version can be read."""
    signals = report(harness)
    harness.journeys.published.clear()
    harness.clear_caches()
    with pytest.raises(LookupError):
        deliver(harness, signals)


def test_a_report_of_an_erased_customer_changes_nothing(harness: MatchHarness) -> None:
    """A signal that is still on the queue finds no customer."""
    signals = report(harness)
    harness.customers.rows.clear()
    deliver(harness, signals)
    assert steps_of(harness) == ["hello"]
