"""A dry run shows what the matcher does: the simulation against the matcher on fakes, on random journeys and histories."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from hypothesis import given, settings

from tests.domain.runs.test_properties import WHOLE, Walk, histories, steps
from tests.fakes.journey_harness import play
from tests.fakes.match_harness import EVERYBODY, MatchHarness, arrived
from waypost.domain.journeys.journey import Journey
from waypost.domain.runs.run import Run
from waypost.domain.runs.simulation import TimedEvent
from waypost.domain.signals import TimerDue


def match_history(walk: Walk, history: list[TimedEvent]) -> Iterator[MatchHarness]:
    """Sends the history through the matcher, with each timer at its time. Yields the harness after each event and after all timers."""
    harness = MatchHarness()
    harness.journeys.publish(Journey.model_validate({"id": "j", **WHOLE, "steps": walk}))
    for timed_event in sorted(history, key=lambda each: each.at):
        fire_timers(harness, timed_event.at)
        event = timed_event.event
        harness.match(arrived({"event": event.name, "uuid": event.uuid}, at=timed_event.at), timed_event.at)
        yield harness
    fire_timers(harness, None)
    yield harness


def fire_timers(harness: MatchHarness, until: datetime | None) -> None:
    """Fires the timers that are due until then, each at its time; all of them if `until` is None."""
    while armed := sorted(harness.timers.armed.values(), key=lambda timer: (timer.due, timer.name)):
        if until is not None and armed[0].due > until:
            return
        del harness.timers.armed[armed[0].name]
        harness.match(TimerDue(armed[0]), armed[0].due)


def state(run: Run) -> tuple[Any, ...]:
    """Everything of a run that does not name its customer."""
    return run.step, run.status, run.reason, run.entered_at, run.due, run.matched_events, run.history


@given(steps(), histories())
@settings(max_examples=60, deadline=None)
def test_a_dry_run_shows_what_the_matcher_does(walk: Walk, history: list[TimedEvent]) -> None:
    """Simulation and matcher produce the same runs with the same times, and the same messages."""
    simulated, (*_, real) = play(walk, *history, customer=EVERYBODY, **WHOLE), match_history(walk, history)
    assert {name: state(run) for name, run in simulated.runs.items()} == {run.id: state(run) for run in real.runs.all}
    assert {planned.message.id: planned.message.created_at for planned in simulated.messages} == {
        message.id: message.created_at for message in real.messages.stored.values()
    }


@given(steps(), histories())
@settings(max_examples=40, deadline=None)
def test_exactly_the_waiting_runs_have_timers(walk: Walk, history: list[TimedEvent]) -> None:
    """After each event, every run that waits for a time has its timer, and no other timer is scheduled."""
    for harness in match_history(walk, history):
        waiting = {(run.id, run.step, run.due) for run in harness.runs.all if run.due is not None}
        assert {(timer.run, timer.step, timer.due) for timer in harness.timers.armed.values()} == waiting
