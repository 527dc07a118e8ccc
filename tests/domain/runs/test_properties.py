"""What holds for every journey and every history: nothing depends on repetition, lateness or unrelated signals."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.journey_harness import END, event, play
from tests.fakes.journeys import message
from tests.fakes.messages import NOW
from waypost.domain.runs.context import NO_EVENT, StepContext
from waypost.domain.runs.reactions import apply_time
from waypost.domain.runs.simulation import Simulation, TimedEvent

NAMES = ("go", "a", "b", "stop")
LENGTHS = ("PT0S", "PT30S", "PT20M", "PT7H", "P1D", "P3D")
TARGETS = [*(f"s{number}" for number in range(5)), "end"]


Walk = list[dict[str, Any]]


def steps() -> st.SearchStrategy[list[dict[str, Any]]]:
    """Five steps, each of which leads to later ones."""
    return st.tuples(*(_step(number) for number in range(5))).map(lambda each: [*each, END])


def _step(number: int) -> st.SearchStrategy[dict[str, Any]]:
    name = TARGETS[number]
    target, length = st.sampled_from(TARGETS[number + 1 :]), st.sampled_from(LENGTHS)
    triggers = st.lists(st.sampled_from(NAMES[:3]), min_size=1, max_size=3, unique=True)
    branch = st.one_of(
        st.fixed_dictionaries({"event": st.sampled_from(NAMES[:3]), "next": target}),
        st.fixed_dictionaries({"all": triggers, "next": target}),
        st.fixed_dictionaries({"any": triggers, "next": target}),
    )
    timeout = st.fixed_dictionaries({"after": st.sampled_from(LENGTHS[1:]), "next": target})
    weighted = st.tuples(target, target).map(
        lambda ways: [{"id": "x", "weight": 30, "next": ways[0]}, {"id": "y", "weight": 70, "next": ways[1]}]
    )
    of_types = (
        st.fixed_dictionaries({"type": st.just("timeDelay"), "delay": length, "next": target}),
        st.fixed_dictionaries({"type": st.just("timeWindow"), "from": st.just("09:00"), "to": st.just("17:00"), "next": target}),
        st.fixed_dictionaries({"type": st.just("waitUntil"), "branches": st.lists(branch, min_size=1, max_size=3), "timeout": timeout}),
        st.fixed_dictionaries({"type": st.just("experiment"), "branches": weighted}),
        target.map(lambda each: {key: value for key, value in message(name, each).items() if key != "id"}),
    )
    return st.one_of(*of_types).map(lambda step: {**step, "id": name})


def histories() -> st.SearchStrategy[list[TimedEvent]]:
    """Events at distinct minutes of two weeks."""
    minutes = st.lists(st.integers(0, 14 * 24 * 60), min_size=1, max_size=12, unique=True)
    return st.tuples(minutes, st.lists(st.sampled_from(NAMES), min_size=12, max_size=12)).map(
        lambda both: [
            event(name, NOW + timedelta(minutes=minute), uuid=f"e{minute}") for minute, name in zip(both[0], both[1], strict=False)
        ]
    )


WHOLE: dict[str, Any] = {"exit": [{"event": "stop"}], "entry": {"event": "go", "reentry": {"mode": "always"}}}


def outcome(simulation: Simulation) -> tuple[Any, ...]:
    """All that anybody could see."""
    return simulation.runs, [made.message for made in simulation.messages]


@given(steps(), histories())
@settings(max_examples=100, deadline=None)
def test_every_run_ends_or_waits(walk: Walk, history: list[TimedEvent]) -> None:
    """For an event, for a time, or until the dry run's end: none is forgotten anywhere else."""
    done = play(walk, *history, **WHOLE)
    for run in done.runs.values():
        assert not run.active or run.due is not None or run.step in {step["id"] for step in walk if step["type"] == "waitUntil"}
        assert run.active is (run.reason is None)
        assert (run.due is None) or run.active


@given(steps(), histories(), st.data())
@settings(max_examples=100, deadline=None)
def test_a_history_with_unrelated_events_gives_the_same_runs(walk: Walk, history: list[TimedEvent], data: st.DataObject) -> None:
    """Whatever nobody waits for moves no timer and no run."""
    minutes = data.draw(st.lists(st.integers(0, 14 * 24 * 60), max_size=10))
    noise = [event("page_view", NOW + timedelta(minutes=minute, seconds=30)) for minute in minutes]
    assert outcome(play(walk, *history, *noise, **WHOLE)) == outcome(play(walk, *history, **WHOLE))


@given(steps(), histories(), st.data())
@settings(max_examples=100, deadline=None)
def test_timers_early_late_or_twice_change_nothing(walk: Walk, history: list[TimedEvent], data: st.DataObject) -> None:
    """A customer that is woken at any instants gets the same runs, at the same times of their own."""
    wakes = data.draw(st.lists(st.integers(0, 15 * 24 * 60 * 60), max_size=10))
    calm, shaken = play(walk, **WHOLE), play(walk, **WHOLE)
    instants = sorted({*(NOW + timedelta(seconds=each) for each in wakes), *(each.at for each in history)})
    timed_steps = {each.at: each for each in history}
    for instant in instants:
        _wake(shaken, instant)
        _wake(shaken, instant)
        if instant in timed_steps:
            shaken._happen(timed_steps[instant])
    shaken._pass(None)
    calm.play(history)
    assert outcome(shaken) == outcome(calm)


def _wake(simulation: Simulation, at: datetime) -> None:
    """What a timer does that comes at this instant, whosever it is."""
    context = StepContext(simulation.customer, NO_EVENT, at, "UTC")
    simulation._take(apply_time(simulation.runs.values(), simulation._rules(), context), context)
