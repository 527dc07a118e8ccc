"""What a dry run shows is what happens: the simulator against the matcher on its fakes, on random journeys and histories."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings

from tests.domain.runs.test_properties import WHOLE, Walk, histories, steps
from tests.fakes.journey_harness import play
from tests.fakes.match_harness import CUSTOMER, MatchHarness, arrived
from waypost.domain.journeys.journey import Journey
from waypost.domain.runs.run import Run
from waypost.domain.runs.simulation import TimedEvent
from waypost.domain.signals import TimerDue


def happening_in(walk: Walk, history: list[TimedEvent]) -> Iterator[MatchHarness]:
    """The same history through the matcher, every timer at its time: the world after each event, and once no timer is left."""
    world = MatchHarness()
    world.journeys.publish(Journey.model_validate({"id": "j", **WHOLE, "steps": walk}))
    for happening in sorted(history, key=lambda each: each.at):
        let_come(world, happening.at)
        event = happening.event
        world.match(arrived({"event": event.name, "uuid": event.uuid}, at=happening.at), happening.at)
        yield world
    let_come(world, None)
    yield world


def let_come(world: MatchHarness, until: Any) -> None:
    """Lets the timers come that are due by then."""
    while armed := sorted(world.timers.armed.values(), key=lambda timer: (timer.due, timer.name)):
        if until is not None and armed[0].due > until:
            return
        del world.timers.armed[armed[0].name]
        world.match(TimerDue(armed[0]), armed[0].due)


def way(run: Run) -> tuple[Any, ...]:
    """All of a run that does not name its customer."""
    return run.step, run.status, run.reason, run.entered_at, run.due, run.matched_events, run.history


@given(steps(), histories())
@settings(max_examples=60, deadline=None)
def test_a_dry_run_is_what_happens(walk: Walk, history: list[TimedEvent]) -> None:
    """The same runs at the same times, and the same messages."""
    simulated, (*_, real) = play(walk, *history, customer=CUSTOMER, **WHOLE), happening_in(walk, history)
    assert {name: way(run) for name, run in simulated.runs.items()} == {run.id: way(run) for run in real.runs.all}
    assert {made.message.id: made.message.created_at for made in simulated.messages} == {
        message.id: message.created_at for message in real.messages.stored.values()
    }


@given(steps(), histories())
@settings(max_examples=40, deadline=None)
def test_no_timer_is_left_for_a_run_that_waits_no_more(walk: Walk, history: list[TimedEvent]) -> None:
    """Nor is a run that waits for a time without its timer."""
    for world in happening_in(walk, history):
        waiting = {(run.id, run.step, run.due) for run in world.runs.all if run.due is not None}
        assert {(timer.run, timer.step, timer.due) for timer in world.timers.armed.values()} == waiting
