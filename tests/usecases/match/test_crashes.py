"""A worker that dies at any point of a signal: the redelivery leaves the same state as an undisturbed delivery."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.fakes.journeys import journey, message, messages_in_a_row
from tests.fakes.match_harness import CUSTOMER, SCHEMA, MatchHarness, PortCalls, arrived
from tests.fakes.messages import NOW, FakeMessages, FakeSendQueue, pending_message
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.journeys.journey import Journey
from waypost.domain.journeys.triggers import Trigger
from waypost.domain.messages.delivery import with_claim
from waypost.domain.messages.message import MessageStatus
from waypost.domain.runs.run import RunStatus
from waypost.domain.runs.timers import Timer
from waypost.domain.signals import EventsArrived, MessageReported, MessageSettled, Signal, TimerDue
from waypost.domain.values.generated_ids import message_id, run_id


@dataclass
class InlineSender(FakeSendQueue):
    """A send queue with a sender behind it that claims every pending message at once."""

    messages: FakeMessages = field(default_factory=FakeMessages)
    claims: list[str] = field(default_factory=list)

    def put(self, workspace: str, messages: Sequence[tuple[str, timedelta]]) -> None:
        super().put(workspace, messages)
        for name, _ in messages:
            pending = self.messages.stored[workspace, name]
            if pending.status is MessageStatus.PENDING:
                self.claims.append(name)
                self.messages.stored[workspace, name] = with_claim(pending, pending.due, "t", "ada@example.com")


Signals = Sequence[Signal]
SIGN_UP = {"event": "signed_up"}
AWAITS_OUTCOME = journey("stands", steps=[message("hello", "bye", onFailure="end"), message("bye", "end"), {"id": "end", "type": "exit"}])


WAIT_STEPS: list[dict[str, Any]] = [
    {
        "id": "wait",
        "type": "waitUntil",
        "branches": [{"event": "purchase", "next": "rest"}],
        "timeout": {"after": "PT1S", "next": "rest"},
    },
    {"id": "rest", "type": "timeDelay", "delay": "P1D", "next": "bye"},
    message("bye", "end"),
    {"id": "end", "type": "exit"},
]
WAITS = journey("waits", steps=WAIT_STEPS).model_copy(update={"exit": (Trigger(event="unsubscribed"),)})


def merged_signals() -> list[EventsArrived]:
    """A device that was an anonymous customer becomes Ada's. The event that follows still has the old customer id."""
    name = {"event": "$identify", "payload": {"distinct_id": "ada@example.com"}}
    first = arrived({"event": "$set", "payload": {"city": "Paris"}, "uuid": "s0"}, SIGN_UP | {"uuid": "s1"})
    phone = arrived(name | {"correlationValue": "phone", "uuid": "i1"})
    return [first, phone, arrived(name | {"uuid": "i2"}), arrived(SIGN_UP)]


def signals_of(case: str) -> Signals:
    """The signals of this case, in order."""
    cases: dict[str, Signals] = {
        "one entry": [arrived(SIGN_UP)],
        "several events": [arrived({"event": "page_view"}, SIGN_UP, {"event": "$set", "payload": {"a": 1}}, SIGN_UP)],
        "identify, then trigger": [arrived({"event": "$identify", "payload": {"distinct_id": "ada@example.com"}}, SIGN_UP)],
        "twice": [arrived(SIGN_UP), arrived(SIGN_UP)],
        "report": [arrived({"event": "$opened", "source": "message", "payload": {"messageID": "msg_1"}})],
        "merge": merged_signals(),
        "a wait and its event": [arrived(SIGN_UP), arrived({"event": "purchase", "uuid": "b1"})],
        "consents": [
            arrived({"event": "$set", "payload": {"city": "Paris"}}, {"event": "$unsubscribe", "payload": {"topic": "news"}}, SIGN_UP),
            arrived(
                {"event": "$identify", "payload": {"distinct_id": "ada@example.com"}, "uuid": "i1"}, {"event": "$subscribe", "uuid": "s1"}
            ),
        ],
        "a wait and its timer": [arrived(SIGN_UP), TimerDue(timer_of_entry(NOW + timedelta(seconds=1)))],
        "a wait and its exit": [arrived(SIGN_UP), arrived({"event": "unsubscribed", "uuid": "u1"})],
    }
    return cases[case]


def timer_of_entry(due: datetime) -> Timer:
    """The timer of the run that `SIGN_UP` opens in `WAITS`."""
    run = run_id("w1", "waits", "", "e0")
    return Timer("w1", CUSTOMER, Identifier("correlation", "device-1"), run, "wait", 1, 0, due)


def harness_with(*journeys: Journey, port_calls: PortCalls | None = None, log_all: bool = True) -> MatchHarness:
    """A harness with these journeys, and one message for which a provider was called earlier."""
    made = MatchHarness(port_calls=port_calls or PortCalls(), log_all=log_all)
    made.workspaces.schemas["w1"] = SCHEMA
    made.journeys.publish(*journeys)
    made.messages.add(with_claim(pending_message(), pending_message().due, "t", "ada@example.com"))
    return made


def state_of(harness: MatchHarness) -> dict[str, Any]:
    """Everything that is visible from outside after the signals."""
    return {
        "runs": {
            place: sorted(customer_runs.runs, key=lambda run: run.id)
            for place, customer_runs in harness.runs.stored_runs.items()
            if customer_runs.runs
        },
        "past": sorted(run.id for run in harness.runs.past),
        "messages": harness.messages.stored,
        "queued": harness.queued,
        "pending effects": harness.runs.pending_effects,
        "timers": harness.timers.armed,
        "receipts": harness.receipts.stored,
        "log": harness.log.pages,
        "consents": harness.consents.stored,
        "customers": {key: (row.customer, row.facts, row.linked_to) for key, row in harness.customers.rows.items()},
    }


def assert_every_crash_heals(build: Callable[[PortCalls], MatchHarness], signals: Signals, now: datetime = NOW) -> None:
    """Makes each port call fail in turn, before and after it takes effect, delivers until all is done, and compares the states."""
    undisturbed = build(PortCalls())
    undisturbed.deliver(signals, now)
    expected = state_of(undisturbed)
    assert expected["pending effects"] == []
    for fail_at in range(len(undisturbed.port_calls.calls)):
        for after in (False, True):
            harness = build(PortCalls(fail_at, after))
            assert harness.deliver(signals, now) == 1
            name = harness.port_calls.calls[fail_at]
            assert state_of(harness) == expected, f"crash {'after' if after else 'before'} {name}, call {fail_at}"


@pytest.mark.parametrize("case", ["a wait and its event", "a wait and its timer", "a wait and its exit"])
def test_a_crash_loses_no_timer_and_leaves_none_too_many(case: str) -> None:
    """After a crash at any call, each wait that has an end has its timer, and there is no other timer."""
    assert_every_crash_heals(lambda port_calls: harness_with(WAITS, port_calls=port_calls), signals_of(case), NOW + timedelta(seconds=1))


def test_a_crash_loses_no_event_that_comes_before_the_outcome_of_a_message() -> None:
    """After a crash at any call, a purchase that comes before the outcome of the message takes the branch of the wait, once."""
    awaits = journey("awaits", steps=[message("hello", "wait", onFailure="end"), *WAIT_STEPS])
    run = run_id("w1", "awaits", "", "e0")
    settled = MessageSettled("w1", CUSTOMER, Identifier("correlation", "device-1"), run, "hello", 1, "msg", MessageStatus.SENT)
    signals: Signals = [arrived(SIGN_UP), arrived({"event": "purchase", "uuid": "b1"}), settled]
    harness = harness_with(awaits)
    harness.deliver(signals)
    assert [each.step for each in harness.runs.all] == ["rest"]
    assert_every_crash_heals(lambda port_calls: harness_with(awaits, port_calls=port_calls), signals)


OPENED = {"message": "hello", "status": "opened", "next": "thanks"}
FOR_AN_OPEN = {"id": "wait", "type": "waitUntil", "branches": [OPENED], "timeout": {"after": "PT1S", "next": "rest"}}
AFTER_THE_WAIT = [FOR_AN_OPEN, message("thanks", "rest"), *WAIT_STEPS[1:]]
DELAY = {"id": "pause", "type": "timeDelay", "delay": "PT1S", "next": "wait"}


@pytest.mark.parametrize("moment", ["at the wait", "at the wait, late", "in a delay before the wait"])
def test_a_crash_loses_no_report_and_applies_none_twice(moment: str) -> None:
    """After a crash at any call, an open has moved its run along the branch of the wait, once, and the row of the message is as it was."""
    is_early = moment == "in a delay before the wait"
    steps = [message("hello", "pause"), DELAY, *AFTER_THE_WAIT] if is_early else [message("hello", "wait"), *AFTER_THE_WAIT]
    definition, run = journey("asks", steps=steps), run_id("w1", "asks", "", "e0")
    sent, device = message_id("w1", "asks", 1, run, "hello", 1), Identifier("correlation", "device-1")
    opened = arrived({"event": "$opened", "source": "message", "uuid": "o1", "payload": {"messageId": sent}})
    reported = MessageReported("w1", CUSTOMER, device, run, "hello", 1, sent, "opened", None, NOW)
    timer = Timer("w1", CUSTOMER, device, run, "pause", 1, 0, NOW + timedelta(seconds=1))
    signals: Signals = [reported, TimerDue(timer)] if is_early else [opened]

    def entered(port_calls: PortCalls) -> MatchHarness:
        harness = harness_with(definition)
        harness.deliver([arrived(SIGN_UP)])
        pending = harness.messages.stored["w1", sent]
        harness.messages.stored["w1", sent] = with_claim(pending, pending.due, "t", "ada@example.com")
        harness.port_calls.fail_at, harness.port_calls.after = port_calls.fail_at, port_calls.after
        harness.port_calls.calls.clear()
        return harness

    # A report that is processed when its wait is over counts from its receipt.
    now = NOW if moment == "at the wait" else NOW + timedelta(seconds=1)
    harness = entered(PortCalls())
    harness.deliver(signals, now)
    assert [stored.step for stored in harness.messages.stored.values() if stored.journey == "asks"] == ["hello", "thanks"]
    assert is_early or harness.messages.stored["w1", sent].status is MessageStatus.OPENED
    assert_every_crash_heals(entered, signals, now)


@pytest.mark.parametrize("log_all", [True, False], ids=["full log", "effects only"])
@pytest.mark.parametrize("case", ["one entry", "several events", "identify, then trigger", "twice", "report", "merge", "consents"])
def test_a_crash_at_any_call_changes_nothing_in_the_end(case: str, log_all: bool) -> None:
    """Each entry has exactly one run and one message, every message was queued, no effect is pending, receipts and log are complete."""
    three = journey("first"), journey("always", reentry={"mode": "always"}), AWAITS_OUTCOME
    assert_every_crash_heals(lambda port_calls: harness_with(*three, port_calls=port_calls, log_all=log_all), signals_of(case))


def test_a_crash_between_two_transactions_of_one_event_heals() -> None:
    """Thirty journeys on one event need several transactions; a crash between two of them loses and doubles nothing."""
    many = [journey(f"j{place}") for place in range(30)]
    harness = harness_with(*many)
    harness.deliver([arrived(SIGN_UP)])
    assert harness.runs.commits > 1
    assert (len(harness.runs.all), len(harness.queued), len(harness.receipt().journeys)) == (30, 30, 30)
    assert_every_crash_heals(lambda port_calls: harness_with(*many, port_calls=port_calls), [arrived(SIGN_UP)])


def wait_for_sign_up(step: str, following: str) -> dict[str, Any]:
    """A step that waits for the event that starts the journey."""
    return {"id": step, "type": "waitUntil", "branches": [{"event": "signed_up", "next": following}]}


@pytest.mark.parametrize("earlier", [0, 1], ids=["started by the event", "moved to the wait by the event"])
def test_a_redelivered_event_does_not_advance_the_runs_that_it_changed(earlier: int) -> None:
    """Twenty runs come to a wait for the event that brought them there; a crash among their transactions advances none of them."""
    steps = [wait_for_sign_up("first", "second"), wait_for_sign_up("second", "end"), {"id": "end", "type": "exit"}]
    many = [journey(f"j{place}", steps=steps) for place in range(20)]

    def entered(port_calls: PortCalls) -> MatchHarness:
        harness = harness_with(*many)
        harness.deliver([arrived(SIGN_UP | {"uuid": f"earlier{place}"}) for place in range(earlier)])
        harness.port_calls.fail_at, harness.port_calls.after = port_calls.fail_at, port_calls.after
        harness.port_calls.calls.clear()
        return harness

    harness = entered(PortCalls())
    commits = harness.runs.commits
    harness.deliver([arrived(SIGN_UP)])
    assert harness.runs.commits - commits > 1
    assert {run.step for run in harness.runs.all} == {"second" if earlier else "first"}
    assert_every_crash_heals(entered, [arrived(SIGN_UP)])


def test_a_crash_among_the_hundred_messages_of_five_runs_heals() -> None:
    """Each of five runs sends twenty messages, in order, and each message is queued whatever call fails."""
    long = [messages_in_a_row(20, f"long{place}") for place in range(5)]
    harness = harness_with(*long)
    harness.deliver([arrived(SIGN_UP)])
    assert [name for _, name, _ in harness.send_queue.records] == list(harness.receipt().messages)
    assert len(harness.queued) == 100
    assert_every_crash_heals(lambda port_calls: harness_with(*long, port_calls=port_calls), [arrived(SIGN_UP)])


def test_a_message_that_was_sent_before_the_crash_is_not_sent_again() -> None:
    """Some of thirty runs were saved and their messages sent when the worker died; the redelivery makes none of them pending again."""
    many = [journey(f"j{place}") for place in range(30)]
    undisturbed = harness_with(*many)
    undisturbed.deliver([arrived(SIGN_UP)])
    for fail_at in range(len(undisturbed.port_calls.calls)):
        harness = harness_with(*many, port_calls=PortCalls(fail_at, after=True))
        sender = harness.send_queue = InlineSender(messages=harness.messages)
        assert harness.deliver([arrived(SIGN_UP)]) == 1
        assert sorted(sender.claims) == sorted(undisturbed.queued)


@pytest.mark.parametrize("status", [MessageStatus.SENT, MessageStatus.FAILED])
def test_a_settled_message_moves_its_run_once_whatever_call_fails(status: MessageStatus) -> None:
    """The run that waits for the message goes on by `next` or `onFailure`, and the same signal again changes nothing."""
    lookup_id = Identifier("correlation", "device-1")

    def entered(port_calls: PortCalls) -> MatchHarness:
        harness = harness_with(AWAITS_OUTCOME)
        harness.deliver([arrived(SIGN_UP)])
        harness.port_calls.calls.clear()
        harness.port_calls.fail_at, harness.port_calls.after = port_calls.fail_at, port_calls.after
        return harness

    [run] = entered(PortCalls()).runs.all
    settled = MessageSettled("w1", CUSTOMER, lookup_id, run.id, "hello", 1, "msg", status)
    harness = entered(PortCalls())
    harness.deliver([settled, settled])
    [exited] = harness.runs.all
    assert (exited.status, len(harness.queued)) == (RunStatus.EXITED, 2 if status is MessageStatus.SENT else 1)
    assert_every_crash_heals(entered, [settled, settled])
