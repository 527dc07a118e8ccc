"""Runs that wait: timers that are armed and come, pauses that hold runs, stops that end them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.fakes.journeys import message
from tests.fakes.match_harness import CUSTOMER, SCHEMA, MatchHarness, arrived
from tests.fakes.messages import NOW
from waypost.cache.workspace_cache import SNAPSHOT_SECONDS
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.intake.receipts import JourneyOutcome, TakenBranch
from waypost.domain.journeys.journey import Journey
from waypost.domain.journeys.lifecycle import entry_delay
from waypost.domain.messages.message import MessageStatus
from waypost.domain.reasons import Reason
from waypost.domain.runs.run import Run
from waypost.domain.signal_codec import from_wire
from waypost.domain.signals import CustomerReleased, JourneyResumed, MessageSettled, Signal, TimerDue
from waypost.domain.values import exact_json

SIGN_UP, BOUGHT = {"event": "signed_up"}, {"event": "purchase", "uuid": "b1"}
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
END = {"id": "end", "type": "exit"}
WAIT = {
    "id": "bought",
    "type": "waitUntil",
    "branches": [{"id": "yes", "event": "purchase", "next": "thanks"}],
    "timeout": {"after": "P3D", "next": "nudge"},
}
STEPS: Sequence[Mapping[str, Any]] = [WAIT, message("nudge", "end"), message("thanks", "end"), END]


def waiting(**changes: Any) -> Journey:
    """A journey that `signed_up` enters: three days for a purchase, then one of two messages."""
    return Journey.model_validate({"id": "welcome", "entry": {"event": "signed_up"}, "steps": STEPS, **changes})


@pytest.fixture
def harness() -> MatchHarness:
    """A customer that waits for a purchase since NOW."""
    made = MatchHarness()
    made.workspaces.schemas["w1"] = SCHEMA
    made.journeys.publish(waiting())
    made.match(arrived(SIGN_UP))
    return made


def only_run(harness: MatchHarness) -> Run:
    """The only run."""
    [run] = harness.runs.all
    return run


def purchase(harness: MatchHarness, after: timedelta, **more: Any) -> None:
    """A purchase, so long after the sign-up."""
    harness.match(arrived(BOUGHT | more, at=NOW + after), NOW + after)


def deliver_timer(harness: MatchHarness, after: timedelta) -> None:
    """Delivers the only armed timer, so long after the sign-up."""
    [timer] = harness.timers.armed.values()
    harness.match(TimerDue(timer), NOW + after)


def queued_steps(harness: MatchHarness) -> list[str]:
    """The steps whose messages were put on the send queue, in order."""
    return [harness.messages.stored["w1", name].step for _, name, _ in harness.send_queue.records]


def test_a_wait_arms_a_timer_for_its_timeout(harness: MatchHarness) -> None:
    """One timer is armed for the due time of the run. Its name does not depend on the customer, so a merge does not change it."""
    [timer] = harness.timers.armed.values()
    run = only_run(harness)
    assert (timer.due, timer.run, timer.step, timer.visit, timer.rearm_count) == (NOW + 3 * DAY, run.id, "bought", 1, 0)
    assert (run.due, harness.runs.pending_effects) == (NOW + 3 * DAY, [])
    assert replace(timer, customer="c_other").name == timer.name


def test_an_event_in_time_takes_its_branch_and_disarms_the_timer(harness: MatchHarness) -> None:
    """A purchase on day two moves the run along its branch, and no timer is left."""
    purchase(harness, 2 * DAY)
    assert (queued_steps(harness), harness.timers.armed) == (["thanks"], {})
    assert harness.receipt("b1").journeys == (
        JourneyOutcome("welcome", "advanced", None, only_run(harness).id, (TakenBranch("bought", "yes"),)),
    )
    assert len(harness.timers.disarmed) == 1


def test_a_due_timer_takes_the_timeout(harness: MatchHarness) -> None:
    """A timer that comes a minute late moves the run with the due time as the time of the move, and is not disarmed."""
    deliver_timer(harness, 3 * DAY + MINUTE)
    assert queued_steps(harness) == ["nudge"]
    assert [each.at for each in only_run(harness).history][1:] == [NOW + 3 * DAY] * 3
    assert harness.timers.disarmed == []


def test_a_timer_of_a_step_that_was_left_changes_nothing(harness: MatchHarness) -> None:
    """Not one write is made for it."""
    [timer] = harness.timers.armed.values()
    purchase(harness, 2 * DAY)
    run, commits = only_run(harness), harness.runs.commits
    harness.match(TimerDue(timer), NOW + 4 * DAY)
    assert (only_run(harness), harness.runs.commits) == (run, commits)


def test_a_timer_that_comes_early_is_armed_again(harness: MatchHarness) -> None:
    """The run stays, and a timer with another name is armed: under the same name the queue would drop it as a repetition."""
    run = only_run(harness)
    deliver_timer(harness, 3 * DAY - MINUTE)
    assert only_run(harness) == run
    assert sorted(timer.rearm_count for timer in harness.timers.armed.values()) == [0, 1]
    harness.match(TimerDue(max(harness.timers.armed.values(), key=lambda timer: timer.rearm_count)), NOW + 3 * DAY)
    assert queued_steps(harness) == ["nudge"]


def test_an_event_after_the_due_time_finds_the_timeout_taken(harness: MatchHarness) -> None:
    """If the timer is late, the event that reads the run first applies the timeout, and does not take the branch."""
    purchase(harness, 3 * DAY)
    assert queued_steps(harness) == ["nudge"]
    assert harness.receipt("b1").journeys == ()


def test_an_event_that_no_run_waits_for_reads_no_customer(harness: MatchHarness) -> None:
    """Neither customer nor runs are read for it, though the customer has a waiting run."""
    harness.port_calls.calls.clear()
    harness.match(arrived({"event": "page_view", "uuid": "p1"}, known=True))
    assert not any("Runs" in call or call.endswith(("by_primary_key", "get")) for call in harness.port_calls.calls)


def test_runs_of_an_old_version_still_react_to_their_events(harness: MatchHarness) -> None:
    """A run goes on by the version that it entered, even if the published version waits for another event."""
    other = WAIT | {"branches": [{"id": "yes", "event": "subscribed", "next": "thanks"}]}
    harness.journeys.publish(waiting(steps=[other, *STEPS[1:]]), version=2)
    harness.clear_caches()
    purchase(harness, DAY)
    assert queued_steps(harness) == ["thanks"]


def test_an_exit_event_ends_a_waiting_run(harness: MatchHarness) -> None:
    """The run exits at once with the reason `exit-event`, and its timer is disarmed."""
    harness.journeys.publish(waiting(id="second", exit=[{"event": "unsubscribed"}]))
    harness.clear_caches()
    harness.match(arrived(SIGN_UP | {"uuid": "s2"}))
    harness.match(arrived({"event": "unsubscribed", "uuid": "u1"}))
    [move] = harness.receipt("u1").journeys
    assert (move.journey, move.outcome, move.reason) == ("second", "exited", Reason.EXIT_EVENT)
    assert len(harness.timers.armed) == 1


def release(harness: MatchHarness, journey_id: str = "welcome") -> list[Signal]:
    """Matches all signals of a resume, page by page, and returns the signals to customers among them."""
    signals: list[Signal] = [JourneyResumed("w1", journey_id, harness.journeys.pointer("w1").revision)]
    released: list[Signal] = []
    while signals:
        signal = signals.pop(0)
        harness.match(signal, NOW + 5 * DAY)
        if isinstance(signal, CustomerReleased):
            released.append(signal)
        signals += [from_wire(exact_json.loads(queue_message.body)) for queue_message in harness.signals.queue_messages]
        harness.signals.queue_messages.clear()
    return released


def pause(harness: MatchHarness) -> None:
    """Pauses the journey, and makes every function read that."""
    harness.journeys.move("welcome", "paused")
    harness.clear_caches()


@pytest.mark.parametrize(("happens", "expected"), [("timer", "nudge"), ("event", "thanks")])
def test_a_held_transition_happens_once_on_resume(harness: MatchHarness, happens: str, expected: str) -> None:
    """Of a due timer and a matching event, the one that was accepted first is applied on resume, once, at the time of the resume."""
    pause(harness)
    if happens == "timer":
        deliver_timer(harness, 3 * DAY)
        purchase(harness, 4 * DAY)
    else:
        purchase(harness, 2 * DAY)
        deliver_timer(harness, 3 * DAY)
    held = only_run(harness)
    assert (queued_steps(harness), held.active, held.pending_transition is not None) == ([], True, True)
    harness.journeys.move("welcome", "published")
    assert len(release(harness)) == 1
    release(harness)
    assert queued_steps(harness) == [expected]
    assert only_run(harness).history[1].at == NOW + 5 * DAY


def test_a_timer_that_comes_in_a_pause_is_not_armed_again(harness: MatchHarness) -> None:
    """It was not early: the run is still in its step because the transition is held."""
    pause(harness)
    deliver_timer(harness, 3 * DAY)
    deliver_timer(harness, 3 * DAY + MINUTE)
    assert [timer.rearm_count for timer in harness.timers.armed.values()] == [0]


def test_the_receipt_of_an_event_in_a_pause_says_that_it_is_held(harness: MatchHarness) -> None:
    """The first match is `advanced` with the reason `paused`, the second `ignored`, and an event that no run waits for has no move."""
    pause(harness)
    purchase(harness, DAY)
    purchase(harness, DAY, uuid="b2")
    assert [(move.outcome, move.reason) for move in harness.receipt("b1").journeys] == [("advanced", Reason.PAUSED)]
    assert harness.receipt("b2").journeys == (JourneyOutcome("welcome", "ignored", Reason.PAUSED, only_run(harness).id),)
    harness.match(arrived({"event": "other", "uuid": "o1"}, at=NOW + DAY), NOW + DAY)
    assert harness.receipt("o1").journeys == ()


def test_many_held_customers_are_released_page_by_page(harness: MatchHarness) -> None:
    """Each of eight customers is released once in a pass, though a page holds two."""
    others = [arrived(SIGN_UP | {"uuid": f"s{n}", "correlationValue": f"device-{n}"}) for n in range(2, 9)]
    harness.deliver(others)
    pause(harness)
    for timer in list(harness.timers.armed.values()):
        harness.match(TimerDue(timer), NOW + 3 * DAY)
    harness.journeys.move("welcome", "published")
    assert len(release(harness)) == 8
    assert queued_steps(harness) == ["nudge"] * 8


def test_a_resume_that_a_warm_function_has_not_read_yet_takes_effect(harness: MatchHarness) -> None:
    """The signal carries the revision, so the function reads the active journeys again and does not hold the run again."""
    pause(harness)
    deliver_timer(harness, 3 * DAY)
    harness.journeys.move("welcome", "published")
    held = only_run(harness).pending_transition
    assert held is not None
    released = CustomerReleased("w1", CUSTOMER, held.lookup_id, "welcome", harness.journeys.pointer("w1").revision)
    harness.match(released, NOW + 3 * DAY + timedelta(seconds=1))
    assert queued_steps(harness) == ["nudge"]


def test_a_run_of_a_stopped_journey_ends_when_it_is_next_read(harness: MatchHarness) -> None:
    """A timer ends the run with the reason `stopped`, and no message is sent."""
    harness.journeys.stop("welcome")
    harness.clear_caches()
    deliver_timer(harness, 3 * DAY)
    assert (only_run(harness).active, only_run(harness).reason, queued_steps(harness)) == (False, Reason.STOPPED, [])


def test_a_journey_that_was_published_a_moment_ago_is_not_taken_for_stopped(harness: MatchHarness) -> None:
    """A warm function that does not know the journey of a run reads the active journeys again before it ends the run."""
    stale = harness.snapshots
    harness.journeys.publish(waiting(id="fresh", entry={"event": "hello"}))
    harness.clear_caches()
    harness.match(arrived({"event": "hello", "uuid": "h1"}))
    harness.snapshots = stale
    purchase(harness, timedelta(seconds=2))
    assert {run.journey: run.active for run in harness.runs.all} == {"welcome": False, "fresh": False}
    assert queued_steps(harness) == ["thanks", "thanks"]


FAILABLE = [message("hello", "bought", onFailure="end"), *STEPS]


@pytest.fixture
def at_message() -> MatchHarness:
    """A customer whose run stays in a message step from NOW on, until the outcome of the message is known."""
    made = MatchHarness()
    made.workspaces.schemas["w1"] = SCHEMA
    made.journeys.publish(waiting(steps=FAILABLE, exit=[{"event": "unsubscribed"}]))
    made.match(arrived(SIGN_UP))
    return made


def settle(harness: MatchHarness, after: timedelta) -> None:
    """Delivers the outcome `sent` of the first message."""
    run = only_run(harness)
    settled = MessageSettled("w1", CUSTOMER, Identifier("correlation", "device-1"), run.id, "hello", 1, "msg", MessageStatus.SENT)
    harness.match(settled, NOW + after)


def test_an_event_that_comes_before_the_outcome_of_the_message_counts(at_message: MatchHarness) -> None:
    """A purchase while the message is retried takes the branch of the wait behind it as soon as the message is sent."""
    purchase(at_message, MINUTE)
    assert at_message.receipt("b1").journeys == (JourneyOutcome("welcome", "advanced", Reason.REMEMBERED, only_run(at_message).id),)
    purchase(at_message, 2 * MINUTE, uuid="b2")
    assert at_message.receipt("b2").journeys == (JourneyOutcome("welcome", "ignored", Reason.REMEMBERED, only_run(at_message).id),)
    settle(at_message, 3 * MINUTE)
    assert queued_steps(at_message) == ["hello", "thanks"]
    assert only_run(at_message).reason is Reason.FINISHED


def test_the_event_of_the_entry_does_not_count_for_the_wait_behind_the_message() -> None:
    """A run that stays in a message step does not keep the event that started it, not even when that event is redelivered."""
    harness = MatchHarness()
    harness.journeys.publish(waiting(steps=[FAILABLE[0], {**WAIT, "branches": [{"event": "signed_up", "next": "thanks"}]}, *STEPS[1:]]))
    harness.match(arrived(SIGN_UP))
    harness.match(arrived(SIGN_UP), redelivered=True)
    assert only_run(harness).early_matches == ()


def test_an_exit_event_ends_a_run_at_a_message(at_message: MatchHarness) -> None:
    """The run exits at once, also with an event kept, and the outcome of the message changes nothing afterwards."""
    purchase(at_message, MINUTE)
    at_message.match(arrived({"event": "unsubscribed", "uuid": "u1"}, at=NOW + 2 * MINUTE), NOW + 2 * MINUTE)
    settle(at_message, 3 * MINUTE)
    assert only_run(at_message).reason is Reason.EXIT_EVENT
    assert queued_steps(at_message) == ["hello"]


def test_an_event_during_a_pause_counts_for_the_wait_behind_the_message(at_message: MatchHarness) -> None:
    """The outcome comes in a pause and is held, then a purchase comes: after the resume the run takes the branch of the purchase."""
    at_message.journeys.move("welcome", "paused")
    at_message.clear_caches()
    settle(at_message, MINUTE)
    purchase(at_message, 2 * MINUTE)
    assert at_message.receipt("b1").journeys == (JourneyOutcome("welcome", "advanced", Reason.REMEMBERED, only_run(at_message).id),)
    at_message.journeys.move("welcome", "published")
    at_message.clear_caches()
    released = CustomerReleased("w1", CUSTOMER, Identifier("correlation", "device-1"), "welcome", 1)
    at_message.match(released, NOW + 3 * MINUTE)
    assert queued_steps(at_message) == ["hello", "thanks"]


def run_after_purchase(published: Journey, delay: timedelta, read_before: timedelta, entered_after: timedelta) -> Run | None:
    """The run of a customer who signs up so long after a publication and buys a tenth of a second later; None if it did not start.

    The purchase comes to a warm matcher, whose snapshot is from so long before the publication; the sign-up to one that has just started.
    """
    harness = MatchHarness()
    harness.workspaces.schemas["w1"] = SCHEMA
    harness.match(arrived({"event": "page_view", "uuid": "v1"}, at=NOW - read_before), NOW - read_before)
    warm_snapshots = harness.snapshots
    harness.journeys.publish(published, entries_from=NOW + delay)
    harness.clear_caches()
    sign_up, bought = NOW + entered_after, NOW + entered_after + timedelta(milliseconds=100)
    harness.match(arrived(SIGN_UP, at=sign_up), sign_up)
    harness.snapshots = warm_snapshots
    harness.match(arrived(BOUGHT, at=bought), bought)
    return next(iter(harness.runs.all), None)


@pytest.mark.parametrize("entered_after", range(11))
@pytest.mark.parametrize("read_before", [0, 1, 4, 5])
def test_no_snapshot_is_too_old_to_know_a_run(read_before: int, entered_after: int) -> None:
    """Whenever a customer signs up around a publication, either no run starts, or its purchase takes the branch at any matcher."""
    delay = entry_delay(SNAPSHOT_SECONDS)
    run = run_after_purchase(waiting(), delay, timedelta(seconds=read_before), timedelta(seconds=entered_after))
    assert (run is None) is (timedelta(seconds=entered_after) < delay)
    assert run is None or run.step == "end"


def test_without_the_delay_a_purchase_would_be_lost() -> None:
    """With entries from the publication on, a warm matcher takes the purchase for one that nobody waits for, and the run waits for ever."""
    run = run_after_purchase(waiting(), timedelta(0), timedelta(seconds=1), timedelta(seconds=1))
    assert run is not None
    assert run.step == "bought"


def test_customers_enter_the_previous_version_until_entries_of_the_new_one_begin(harness: MatchHarness) -> None:
    """A publication loses nobody: a sign-up before `entriesFrom` enters the version that was published before."""
    harness.journeys.publish(waiting(entry={"event": "signed_up", "reentry": {"mode": "always"}}))
    begin = NOW + MINUTE
    harness.journeys.publish(
        waiting(entry={"event": "signed_up", "reentry": {"mode": "always"}}), version=2, entries_from=begin, previous_version=1
    )
    harness.clear_caches()
    for uuid, at in (("s1", begin - timedelta(milliseconds=1)), ("s2", begin)):
        harness.match(arrived(SIGN_UP | {"uuid": uuid}, at=at), at)
    versions = {run.id: run.version for run in harness.runs.all}
    assert [versions[harness.receipt(uuid).journeys[0].run or ""] for uuid in ("s1", "s2")] == [1, 2]


def test_an_event_that_waited_in_the_queue_during_the_publication_enters(harness: MatchHarness) -> None:
    """An event that was accepted before `entriesFrom` and is processed after it enters the version."""
    harness.journeys.publish(waiting(id="later"), entries_from=NOW + MINUTE)
    harness.clear_caches()
    harness.match(arrived(SIGN_UP | {"uuid": "s1"}), NOW + MINUTE)
    assert [(each.journey, each.outcome) for each in harness.receipt("s1").journeys] == [("welcome", "ignored"), ("later", "entered")]


@pytest.mark.parametrize("kind", ["outcome", "release", "timer of another wait"])
def test_a_late_signal_ends_no_wait_that_was_not_over_when_it_was_accepted(harness: MatchHarness, kind: str) -> None:
    """A signal that was accepted a day after the entry and is processed on day 4 leaves the timeout of day 3 to the events behind it."""
    lookup_id, accepted_at = Identifier("correlation", "device-1"), NOW + DAY
    [timer] = harness.timers.armed.values()
    late: dict[str, Signal] = {
        "outcome": MessageSettled("w1", CUSTOMER, lookup_id, "another run", "hello", 1, "msg", MessageStatus.SENT),
        "release": CustomerReleased("w1", CUSTOMER, lookup_id, "another journey", 0, 0),
        "timer of another wait": TimerDue(replace(timer, run="another run", due=accepted_at)),
    }
    harness.match(late[kind], NOW + 4 * DAY, accepted_at=accepted_at)
    harness.match(arrived(BOUGHT, at=NOW + 2 * DAY), NOW + 4 * DAY)
    assert queued_steps(harness) == ["thanks"]


def test_a_timer_ends_its_wait_also_if_the_clock_of_the_queue_is_behind(harness: MatchHarness) -> None:
    """A timer that the queue accepted a second before its time, and that is processed after it, ends its wait."""
    [timer] = harness.timers.armed.values()
    harness.match(TimerDue(timer), NOW + 3 * DAY, accepted_at=NOW + 3 * DAY - timedelta(seconds=1))
    assert queued_steps(harness) == ["nudge"]
