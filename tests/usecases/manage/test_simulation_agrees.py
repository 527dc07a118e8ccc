"""The dry run against the matcher on its fakes, on random journeys and histories."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from hypothesis import given

from tests.domain.runs.test_properties import FIELDS, Steps, histories, steps
from tests.fakes.journey_harness import play
from tests.fakes.match_harness import CUSTOMER, MatchHarness, arrived
from waypost.domain.journeys.journey import Journey
from waypost.domain.runs.run import Run
from waypost.domain.runs.simulation import TimedEvent
from waypost.domain.signals import TimerDue


def matched(definition: Steps, history: list[TimedEvent]) -> Iterator[MatchHarness]:
    """Plays a history through the matcher, each timer at its due time. Yields the harness after each event and after the last timer."""
    harness = MatchHarness()
    harness.journeys.publish(Journey.model_validate({"id": "j", **FIELDS, "steps": definition}))
    for at, event in sorted(history, key=lambda each: each.at):
        fire_timers(harness, at)
        harness.match(arrived({"event": event.name, "uuid": event.uuid}, at=at), at)
        yield harness
    fire_timers(harness, None)
    yield harness


def fire_timers(harness: MatchHarness, until: datetime | None) -> None:
    """Brings the signals of the timers that are due by `until` (None: of all timers), in the order of their due times."""
    while armed := sorted(harness.timers.armed.values(), key=lambda timer: (timer.due, timer.name)):
        if until is not None and armed[0].due > until:
            return
        del harness.timers.armed[armed[0].name]
        harness.match(TimerDue(armed[0]), armed[0].due)


def state_of(run: Run) -> tuple[Any, ...]:
    """All of a run that does not name its customer."""
    return run.step, run.status, run.reason, run.entered_at, run.due, run.matched_events, run.history


@given(steps(), histories())
def test_a_dry_run_agrees_with_the_matcher(definition: Steps, history: list[TimedEvent]) -> None:
    """The dry run of a history has the same runs with the same histories, and the same messages at the same times, as the matcher."""
    simulated, (*_, real) = play(definition, *history, customer=CUSTOMER, **FIELDS), matched(definition, history)
    assert {name: state_of(run) for name, run in simulated.runs.items()} == {run.id: state_of(run) for run in real.runs.all}
    assert {planned.message.id: planned.message.created_at for planned in simulated.messages} == {
        message.id: message.created_at for message in real.messages.stored.values()
    }


@given(steps(), histories())
def test_each_wait_with_an_end_has_exactly_one_timer(definition: Steps, history: list[TimedEvent]) -> None:
    """After each event, every run that has a due time has one armed timer, and no timer is armed for a step that a run has left."""
    for harness in matched(definition, history):
        waiting = sorted((run.id, run.step, run.due) for run in harness.runs.all if run.due is not None)
        assert sorted((timer.run, timer.step, timer.due) for timer in harness.timers.armed.values()) == waiting
