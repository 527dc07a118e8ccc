"""The numbers of a journey agree with the histories of its runs, whatever the journey and the events are."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.runs.test_properties import FIELDS, Steps, histories, steps
from tests.fakes.journey_harness import END, event, play
from tests.fakes.journeys import EVERY_STEP, journey, jump, message
from tests.fakes.messages import NOW
from waypost.domain.journeys.journey import Journey
from waypost.domain.journeys.steps import Experiment
from waypost.domain.reasons import Reason
from waypost.domain.runs.context import StepContext
from waypost.domain.runs.edges import EdgePlace, branch_names, edge_taken
from waypost.domain.runs.experiments import MAX_EXPERIMENTS
from waypost.domain.runs.journey_counts import ConversionCounts, ExperimentBranchPlace, JourneyCounts, counts_of
from waypost.domain.runs.reactions import Reaction
from waypost.domain.runs.run import Cause, StepVisit
from waypost.domain.runs.simulation import Simulation, TimedEvent
from waypost.domain.runs.step_rules import GoTo
from waypost.domain.runs.transition import Transition


@dataclass(slots=True)
class CountingSimulation(Simulation):
    """A dry run that counts its transitions, as the matcher does."""

    counts: JourneyCounts = field(default_factory=JourneyCounts)

    def _record(self, reaction: Reaction, context: StepContext) -> None:
        for transition in reaction.transitions.values():
            self.counts.add(counts_of(transition))
        Simulation._record(self, reaction, context)


def counted(definition: Steps, *history: TimedEvent, **fields: Any) -> CountingSimulation:
    """The dry run of these events, with its numbers."""
    simulation = play(definition, **fields)
    counting = CountingSimulation(simulation.journey_version, simulation.schema, simulation.row)
    counting.play(history)
    return counting


def came(simulation: CountingSimulation) -> Counter[str]:
    """How often runs came to each step, by the counted edges and entries."""
    definition, counts = simulation.journey_version.journey, simulation.counts
    found: Counter[str] = Counter({definition.first.id: counts.entered})
    for place, number in counts.edges.items():
        step = definition.steps[place.step]
        found[step.edges[place.edge].target] += number
    return +found


def visits_of(simulation: CountingSimulation, run: str) -> list[StepVisit]:
    """The steps to which a run came, without the ends of quiet hours in a step where it is already, and without its exit."""
    return [visit for each, visit in simulation.visits if each == run and visit.reason in set(Cause) - {Cause.QUIET_HOURS}]


@given(steps(), histories(), st.booleans())
def test_the_edges_into_a_step_are_what_came_to_it(definition: Steps, history: list[TimedEvent], quiet: bool) -> None:
    """The sum of the edges to a step, and of the entries at the first one, is the number of visits in the histories of all runs."""
    hours = {"quietHours": {"from": "20:00", "to": "08:00"}} if quiet else {}
    simulation = counted(definition, *history, **FIELDS, **hours)
    visits = Counter(visit.step for run in simulation.runs for visit in visits_of(simulation, run))
    assert came(simulation) == visits


@given(steps(), histories())
def test_each_entered_run_is_finished_exited_or_active(definition: Steps, history: list[TimedEvent]) -> None:
    """The entries are the finished, the exited and the active runs together, and the exits by reason are those of the runs."""
    simulation = counted(definition, *history, **FIELDS)
    counts, runs = simulation.counts, simulation.runs.values()
    assert counts.entered == len(simulation.runs)
    assert counts.entered == counts.finished + sum(counts.exited.values()) + sum(run.active for run in runs)
    assert counts.exited == Counter(run.reason for run in runs if run.reason not in (None, Reason.FINISHED))


@given(steps(), histories())
def test_a_run_counts_once_for_each_goal_behind_an_experiment(definition: Steps, history: list[TimedEvent]) -> None:
    """Of each branch the runs that took it are counted, and of each step those that came to it afterwards, each once."""
    simulation = counted(definition, *history, **FIELDS)
    parsed = simulation.journey_version.journey
    expected: dict[ExperimentBranchPlace, ConversionCounts] = {}
    for run in simulation.runs:
        visits = visits_of(simulation, run)
        for position, visit in enumerate(visits[:-1]):
            step = parsed.step(visit.step)
            if isinstance(step, Experiment):
                taken = branch_names(step).index(str(visits[position + 1].branch))
                place = ExperimentBranchPlace(parsed.positions[step.id], taken)
                behind = Counter(parsed.goals[each, None] for each in {later.step for later in visits[position + 1 :]})
                expected.setdefault(place, ConversionCounts()).add(ConversionCounts(1, behind))
    found = {
        place: replace(counts, reached=Counter({goal: number for goal, number in counts.reached.items() if goal < len(parsed.steps)}))
        for place, counts in simulation.counts.conversions.items()
    }
    assert found == expected


LOOP: Steps = [
    {"id": "draw", "type": "experiment", "branches": [{"id": "x", "weight": 100, "next": "wait"}]},
    {
        "id": "wait",
        "type": "waitUntil",
        "branches": [{"id": "again", "event": "a", "next": "draw"}, {"event": "b", "next": "end"}],
        "timeout": {"after": "P3D", "next": "end"},
    },
    END,
]


def test_a_loop_reaches_a_goal_once() -> None:
    """A run that comes through an experiment and to a wait three times counts once for the experiment, the step and the wait's branch."""
    minutes = [event(name, NOW + timedelta(minutes=place), uuid=f"e{place}") for place, name in enumerate(("go", "a", "a", "b"))]
    simulation = counted(LOOP, *minutes)
    goals = simulation.journey_version.journey.goals
    reached = Counter([goals["draw", None], goals["wait", None], goals["wait", 0], goals["wait", 1], goals["end", None]])
    assert simulation.counts.conversions == {ExperimentBranchPlace(0, 0): ConversionCounts(1, reached)}
    assert simulation.counts.edges == Counter({EdgePlace(0, 0): 3, EdgePlace(1, 0): 2, EdgePlace(1, 1): 1})


def test_a_run_remembers_a_bounded_number_of_experiments() -> None:
    """Of more experiments than `MAX_EXPERIMENTS` in a row the first ones count, so that the row of a run keeps its size."""
    chain: Steps = [
        {"id": f"x{place}", "type": "experiment", "branches": [{"id": "b", "weight": 100, "next": f"x{place + 1}"}]}
        for place in range(MAX_EXPERIMENTS + 1)
    ]
    last = {"id": f"x{MAX_EXPERIMENTS + 1}", "type": "timeDelay", "delay": "P1D", "next": "end"}
    simulation = play([*chain, last, END])
    simulation.accept(event("go", NOW, uuid="e0"))
    [run] = simulation.runs.values()
    assert [each.step for each in run.experiments] == list(range(MAX_EXPERIMENTS))


def test_a_saved_transition_counts_nothing() -> None:
    """What an earlier attempt at the same event has saved was counted then."""
    simulation = play(LOOP, event("go", NOW, uuid="e0"))
    [run] = simulation.runs.values()
    entered = Transition(None, run, simulation.customer, NOW)
    assert counts_of(entered).entered == 1
    assert counts_of(replace(entered, already_saved=True)) == JourneyCounts()


@pytest.mark.parametrize(
    ("step", "go_to", "edge"),
    [
        ("hello", GoTo("hook", Cause.NEXT), 0),
        ("hello", GoTo("end", Cause.FAILED), 1),
        ("hello", GoTo("hello", Cause.QUIET_HOURS), None),
        ("hello", GoTo("hello", Cause.ENTERED), None),
        ("wait", GoTo("rest", Cause.EVENT, "2"), 1),
        ("wait", GoTo("end", Cause.EVENT, "3"), 2),
        ("wait", GoTo("rest", Cause.REPORT, "1"), 0),
        ("wait", GoTo("draw", Cause.TIMEOUT), 3),
        ("wait", GoTo("rest", Cause.EVENT), 0),
        ("rest", GoTo("end", Cause.ELAPSED), 0),
        ("draw", GoTo("end", Cause.EXPERIMENT, "y"), 1),
        ("split", GoTo("days", Cause.BRANCH, "1"), 0),
        ("split", GoTo("end", Cause.OTHERWISE), 1),
        ("days", GoTo("hours", Cause.OPENED), 0),
        ("jump", GoTo("end", Cause.JUMP), 0),
        ("jump", GoTo("hello", Cause.JUMP), None),
    ],
)
def test_the_edge_that_a_run_takes(step: str, go_to: GoTo, edge: int | None) -> None:
    """Each way out of a step is its own edge, although two lead to one step. An unknown branch is the first that leads to the target."""
    parsed = Journey.model_validate(EVERY_STEP)
    assert edge_taken(parsed, step, go_to) == (None if edge is None else EdgePlace(parsed.positions[step], edge))


def test_the_end_of_quiet_hours_is_no_edge_of_a_step_that_leads_to_itself() -> None:
    """A message that is tried again in the morning has come to its step once, although its `onFailure` leads to the same step."""
    night = NOW.replace(hour=23)
    again = message("m", "end", onFailure="m")
    simulation = play([again], event("go", night, uuid="e0"), quietHours={"from": "22:00", "to": "07:00"})
    assert edge_taken(simulation.journey_version.journey, "m", GoTo("m", Cause.QUIET_HOURS)) is None
    assert edge_taken(simulation.journey_version.journey, "m", GoTo("m", Cause.FAILED)) == EdgePlace(0, 1)


def test_an_exit_is_counted_with_its_reason() -> None:
    """A run that exits because of the hourly limit of messages is not finished, and it came to the step where it exited."""
    simulation = counted([jump("j", "m"), message("m", "again"), jump("again", "m")], event("go", NOW, uuid="e0"))
    assert (simulation.counts.finished, simulation.counts.exited) == (0, Counter({Reason.TOO_MANY_MESSAGES: 1}))
    assert came(simulation)["m"] == 21


def test_the_goals_are_the_steps_and_the_branches_of_waits() -> None:
    """Each step and each branch of a wait has a number of its own; edges of other steps have none."""
    parsed = journey(steps=LOOP)
    assert parsed.goals == {("draw", None): 0, ("wait", None): 1, ("end", None): 2, ("wait", 0): 3, ("wait", 1): 4}
