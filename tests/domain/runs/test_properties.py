"""Properties of random journeys and histories: repeated, late and unrelated signals change nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.journey_harness import END, event, play
from tests.fakes.journeys import message
from tests.fakes.messages import NOW
from waypost.domain.runs.simulation import Simulation, TimedEvent

NAMES = ("go", "a", "b", "stop")
DURATIONS = ("PT0S", "PT30S", "PT20M", "PT7H", "P1D", "P3D")
TARGETS = [*(f"s{number}" for number in range(5)), "end"]


Steps = list[dict[str, Any]]


def steps() -> st.SearchStrategy[Steps]:
    """Five steps and an exit; each step leads to later ones only."""
    return st.tuples(*(_step(number) for number in range(5))).map(lambda each: [*each, END])


def _step(number: int) -> st.SearchStrategy[dict[str, Any]]:
    name = TARGETS[number]
    target, duration = st.sampled_from(TARGETS[number + 1 :]), st.sampled_from(DURATIONS)
    triggers = st.lists(st.sampled_from(NAMES[:3]), min_size=1, max_size=3, unique=True)
    branch = st.one_of(
        st.fixed_dictionaries({"event": st.sampled_from(NAMES[:3]), "next": target}),
        st.fixed_dictionaries({"all": triggers, "next": target}),
        st.fixed_dictionaries({"any": triggers, "next": target}),
    )
    timeout = st.fixed_dictionaries({"after": st.sampled_from(DURATIONS[1:]), "next": target})
    weighted = st.tuples(target, target).map(
        lambda targets: [{"id": "x", "weight": 30, "next": targets[0]}, {"id": "y", "weight": 70, "next": targets[1]}]
    )
    of_types = (
        st.fixed_dictionaries({"type": st.just("timeDelay"), "delay": duration, "next": target}),
        st.fixed_dictionaries({"type": st.just("timeWindow"), "from": st.just("09:00"), "to": st.just("17:00"), "next": target}),
        st.fixed_dictionaries({"type": st.just("waitUntil"), "branches": st.lists(branch, min_size=1, max_size=3), "timeout": timeout}),
        st.fixed_dictionaries({"type": st.just("experiment"), "branches": weighted}),
        target.map(lambda each: {key: value for key, value in message(name, each).items() if key != "id"}),
    )
    return st.one_of(*of_types).map(lambda step: {**step, "id": name})


def histories() -> st.SearchStrategy[list[TimedEvent]]:
    """One to twelve events at distinct minutes of two weeks."""
    minutes = st.lists(st.integers(0, 14 * 24 * 60), min_size=1, max_size=12, unique=True)
    return st.tuples(minutes, st.lists(st.sampled_from(NAMES), min_size=12, max_size=12)).map(
        lambda both: [
            event(name, NOW + timedelta(minutes=minute), uuid=f"e{minute}") for minute, name in zip(both[0], both[1], strict=False)
        ]
    )


FIELDS: dict[str, Any] = {"exit": [{"event": "stop"}], "entry": {"event": "go", "reentry": {"mode": "always"}}}
"""The fields of the definition beside the steps."""


def result(simulation: Simulation) -> tuple[Any, ...]:
    """The runs and messages of a dry run. Late timers of two runs may plan their messages in another order, each with its own time."""
    messages = [planned.message for planned in simulation.messages]
    return simulation.runs, sorted(messages, key=lambda message: (message.created_at, message.id))


@given(steps(), histories())
def test_each_run_exits_or_waits(definition: Steps, history: list[TimedEvent]) -> None:
    """At the end of a dry run each run has exited with a reason, has a due time, or is in a `waitUntil` step."""
    waits = {step["id"] for step in definition if step["type"] == "waitUntil"}
    for run in play(definition, *history, **FIELDS).runs.values():
        assert not run.active or run.due is not None or run.step in waits
        assert run.active is (run.reason is None)
        assert (run.due is None) or run.active


@given(steps(), histories(), st.data())
def test_unrelated_events_change_nothing(definition: Steps, history: list[TimedEvent], data: st.DataObject) -> None:
    """A history with events that no step waits for gives the same runs and messages, at the same times, as one without them."""
    minutes = data.draw(st.lists(st.integers(0, 14 * 24 * 60), max_size=10))
    unrelated = [event("page_view", NOW + timedelta(minutes=minute, seconds=30)) for minute in minutes]
    assert result(play(definition, *history, *unrelated, **FIELDS)) == result(play(definition, *history, **FIELDS))


@given(steps(), histories(), st.data())
def test_early_late_and_repeated_timers_change_nothing(definition: Steps, history: list[TimedEvent], data: st.DataObject) -> None:
    """A customer whose timers come twice at any instants has the same runs and messages, at the same times, as one with exact timers."""
    wakes = data.draw(st.lists(st.integers(0, 15 * 24 * 60 * 60), max_size=10))
    exact, inexact = play(definition, **FIELDS), play(definition, **FIELDS)
    events_by_time = {timed_event.at: timed_event for timed_event in history}
    for at in sorted({*(NOW + timedelta(seconds=each) for each in wakes), *events_by_time}):
        inexact.wake(at)
        inexact.wake(at)
        if at in events_by_time:
            inexact.accept(events_by_time[at])
    inexact.pass_time(None)
    exact.play(history)
    assert result(inexact) == result(exact)
