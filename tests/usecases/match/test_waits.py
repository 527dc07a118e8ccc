"""Runs that wait, with everything around them: timers that are armed and come back, pauses that hold, stops that end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.fakes.journeys import message
from tests.fakes.match_harness import EVERYBODY, SCHEMA, MatchHarness, arrived
from tests.fakes.messages import NOW
from waypost.domain.intake.receipts import JourneyOutcome
from waypost.domain.journeys.journey import Journey
from waypost.domain.reasons import Reason
from waypost.domain.runs.run import Run
from waypost.domain.signals import CustomerReleased, JourneyResumed, Signal, TimerDue, from_wire
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
    """Sign-up, then three days for a purchase, then a mail of one kind or the other."""
    return Journey.model_validate({"id": "welcome", "entry": {"event": "signed_up"}, "steps": STEPS, **changes})


@pytest.fixture
def world() -> MatchHarness:
    """A customer that waits for a purchase since NOW."""
    made = MatchHarness()
    made.workspaces.schemas["w1"] = SCHEMA
    made.journeys.publish(waiting())
    made.match(arrived(SIGN_UP))
    return made


def only(world: MatchHarness) -> Run:
    """The only run."""
    [run] = world.runs.all
    return run


def bought(world: MatchHarness, after: timedelta, **more: Any) -> None:
    """A purchase, so long after the sign-up."""
    world.match(arrived(BOUGHT | more, at=NOW + after), NOW + after)


def come(world: MatchHarness, after: timedelta) -> None:
    """Lets the only armed timer come."""
    [timer] = world.timers.armed.values()
    world.match(TimerDue(timer), NOW + after)


def sent(world: MatchHarness) -> list[str]:
    """The steps whose messages were asked for."""
    return [world.messages.stored["w1", name].step for _, name, _ in world.send_queue.records]


def test_a_wait_arms_a_timer_for_its_timeout(world: MatchHarness) -> None:
    """Once, under a name without the customer; the run shows when it is due."""
    [timer] = world.timers.armed.values()
    run = only(world)
    assert (timer.due, timer.run, timer.step, timer.visit, timer.rearm_count) == (NOW + 3 * DAY, run.id, "bought", 1, 0)
    assert (run.due, world.runs.pending_effects) == (NOW + 3 * DAY, [])
    assert replace(timer, customer="c_other").name == timer.name


def test_an_event_in_time_takes_its_branch_and_the_timer_back(world: MatchHarness) -> None:
    """Purchase at day two."""
    bought(world, 2 * DAY)
    assert (sent(world), world.timers.armed) == (["thanks"], {})
    assert world.receipt("b1").journeys == (JourneyOutcome("welcome", "advanced", None, only(world).id),)
    assert len(world.timers.disarmed) == 1


def test_a_timer_takes_the_timeout(world: MatchHarness) -> None:
    """Late, and at the time of its own; what came back is not taken back."""
    come(world, 3 * DAY + MINUTE)
    assert sent(world) == ["nudge"]
    assert [each.at for each in only(world).history][1:] == [NOW + 3 * DAY] * 3
    assert world.timers.disarmed == []


def test_a_timer_that_comes_twice_or_after_the_step_was_left_changes_nothing(world: MatchHarness) -> None:
    """Not one write."""
    [timer] = world.timers.armed.values()
    bought(world, 2 * DAY)
    run, commits = only(world), world.runs.commits
    world.match(TimerDue(timer), NOW + 4 * DAY)
    assert (only(world), world.runs.commits) == (run, commits)


def test_a_timer_that_comes_early_is_armed_again(world: MatchHarness) -> None:
    """Under another name, because the queue would take the old one for a repeat; the run stays."""
    run = only(world)
    come(world, 3 * DAY - MINUTE)
    assert only(world) == run
    assert sorted(timer.rearm_count for timer in world.timers.armed.values()) == [0, 1]
    world.match(TimerDue(max(world.timers.armed.values(), key=lambda timer: timer.rearm_count)), NOW + 3 * DAY)
    assert sent(world) == ["nudge"]


def test_an_event_after_the_due_time_finds_the_timeout_taken(world: MatchHarness) -> None:
    """The timer is late; whatever loads the run first applies it."""
    bought(world, 3 * DAY)
    assert sent(world) == ["nudge"]
    assert world.receipt("b1").journeys == ()


def test_an_event_that_nobody_waits_for_reads_nobody(world: MatchHarness) -> None:
    """Though the customer has a run that waits."""
    world.wire.calls.clear()
    world.match(arrived({"event": "page_view", "uuid": "p1"}, known=True))
    assert not any("Runs" in call or call.endswith(("by_primary_key", "get")) for call in world.wire.calls)


def test_runs_of_an_old_version_still_hear_their_events(world: MatchHarness) -> None:
    """The new version waits for something else; who entered the old one follows it to its end."""
    other = WAIT | {"branches": [{"id": "yes", "event": "subscribed", "next": "thanks"}]}
    world.journeys.publish(waiting(steps=[other, *STEPS[1:]]), version=2)
    world.forget()
    bought(world, DAY)
    assert sent(world) == ["thanks"]


def test_an_exit_event_acts_in_the_middle_of_a_wait(world: MatchHarness) -> None:
    """At once, with a reason, and its timer goes."""
    world.journeys.publish(waiting(id="second", exit=[{"event": "unsubscribed"}]))
    world.forget()
    world.match(arrived(SIGN_UP | {"uuid": "s2"}))
    world.match(arrived({"event": "unsubscribed", "uuid": "u1"}))
    [move] = world.receipt("u1").journeys
    assert (move.journey, move.outcome, move.reason) == ("second", "exited", Reason.EXIT_EVENT)
    assert len(world.timers.armed) == 1


def woken(world: MatchHarness, journey_id: str = "welcome") -> list[Signal]:
    """What a resume puts on the queue, part by part, until there is nothing more."""
    signals: list[Signal] = [JourneyResumed("w1", journey_id, world.journeys.pointer("w1").revision)]
    done: list[Signal] = []
    while signals:
        signal = signals.pop(0)
        world.match(signal, NOW + 5 * DAY)
        if isinstance(signal, CustomerReleased):
            done.append(signal)
        signals += [from_wire(exact_json.loads(queue_message.body)) for queue_message in world.signals.queue_messages]
        world.signals.queue_messages.clear()
    return done


def pause(world: MatchHarness) -> None:
    """Pauses the journey, for every function at once."""
    world.journeys.move("welcome", "paused")
    world.forget()


@pytest.mark.parametrize(("happens", "expected"), [("timer", "nudge"), ("event", "thanks")])
def test_what_a_pause_holds_happens_once_on_resume(world: MatchHarness, happens: str, expected: str) -> None:
    """The due timer, or the first match; whichever was accepted first."""
    pause(world)
    if happens == "timer":
        come(world, 3 * DAY)
        bought(world, 4 * DAY)
    else:
        bought(world, 2 * DAY)
        come(world, 3 * DAY)
    held = only(world)
    assert (sent(world), held.active, held.pending_transition is not None) == ([], True, True)
    world.journeys.move("welcome", "published")
    assert len(woken(world)) == 1
    woken(world)
    assert sent(world) == [expected]
    assert only(world).history[1].at == NOW + 5 * DAY


def test_a_timer_that_comes_in_a_pause_is_not_armed_again(world: MatchHarness) -> None:
    """It was not early: the run stands where it stood because it is held."""
    pause(world)
    come(world, 3 * DAY)
    come(world, 3 * DAY + MINUTE)
    assert [timer.rearm_count for timer in world.timers.armed.values()] == [0]


def test_a_matching_event_in_a_pause_is_told_to_be_held(world: MatchHarness) -> None:
    """Its receipt says so; a second one is ignored, for the first has opened the way. What nobody waits for is told nothing."""
    pause(world)
    bought(world, DAY)
    bought(world, DAY, uuid="b2")
    assert [(move.outcome, move.reason) for move in world.receipt("b1").journeys] == [("advanced", Reason.PAUSED)]
    assert world.receipt("b2").journeys == (JourneyOutcome("welcome", "ignored", Reason.PAUSED, only(world).id),)
    world.match(arrived({"event": "other", "uuid": "o1"}, at=NOW + DAY), NOW + DAY)
    assert world.receipt("o1").journeys == ()


def test_many_held_customers_are_woken_in_parts(world: MatchHarness) -> None:
    """Each once in a sweep, whatever the number."""
    others = [arrived(SIGN_UP | {"uuid": f"s{n}", "correlationValue": f"device-{n}"}) for n in range(2, 9)]
    world.deliver(others)
    pause(world)
    for timer in list(world.timers.armed.values()):
        world.match(TimerDue(timer), NOW + 3 * DAY)
    world.journeys.move("welcome", "published")
    assert len(woken(world)) == 8
    assert sent(world) == ["nudge"] * 8


def test_a_resume_that_a_warm_function_has_not_seen_yet_is_believed(world: MatchHarness) -> None:
    """The signal carries the revision, and the function asks again."""
    pause(world)
    come(world, 3 * DAY)
    world.journeys.move("welcome", "published")
    held = only(world).pending_transition
    assert held is not None
    journey_version = CustomerReleased("w1", EVERYBODY, held.lookup_id, "welcome", world.journeys.pointer("w1").revision)
    world.match(journey_version, NOW + 3 * DAY + timedelta(seconds=1))
    assert sent(world) == ["nudge"]


def test_a_stopped_journeys_run_ends_when_it_is_next_touched(world: MatchHarness) -> None:
    """By a timer or an event; nothing is sent."""
    world.journeys.stop("welcome")
    world.forget()
    come(world, 3 * DAY)
    assert (only(world).active, only(world).reason, sent(world)) == (False, Reason.STOPPED, [])


def test_a_journey_that_was_published_a_moment_ago_is_not_taken_for_stopped(world: MatchHarness) -> None:
    """A warm function that does not know it asks again before it ends a run."""
    stale = world.snapshots
    world.journeys.publish(waiting(id="fresh", entry={"event": "hello"}))
    world.forget()
    world.match(arrived({"event": "hello", "uuid": "h1"}))
    world.snapshots = stale
    bought(world, timedelta(seconds=2))
    assert {run.journey: run.active for run in world.runs.all} == {"welcome": False, "fresh": False}
    assert sent(world) == ["thanks", "thanks"]
