"""What a run remembers of the experiments that it has come through (docs/journeys.md#numbers).

The conversion of a branch is the share of its runs that reach a goal behind the experiment. A run reaches a goal once, however often a loop
brings it there, so it has to know what it has reached since it took the branch.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from waypost.domain.journeys.journey import Journey
from waypost.domain.journeys.steps import Experiment
from waypost.domain.journeys.waits import WaitUntil
from waypost.domain.runs.edges import EdgePlace
from waypost.domain.runs.run import Run, TakenExperiment

MAX_EXPERIMENTS: Final = 10
"""How many experiments a run remembers (`docs/journeys.md#numbers`). Each takes a bit for each goal, at most 2 KB in the run's row."""


def remember(journey: Journey, run: Run, taken: EdgePlace | None) -> Run:
    """The run with what it learns of its experiments by taking an edge: the branch of a new experiment, and the goals of earlier ones.

    Goals are the step to which the edge leads and, if the edge is a branch of a wait, the branch.
    """
    if taken is None:
        return run
    step, known = journey.steps[taken.step], run.experiments
    if isinstance(step, Experiment) and len(known) < MAX_EXPERIMENTS and all(each.step != taken.step for each in known):
        known = (*known, TakenExperiment(taken.step, taken.edge))
    if not known:
        return run
    reached = 1 << journey.goals[journey.edges_of(step.id)[taken.edge].target, None]
    if isinstance(step, WaitUntil) and taken.edge < len(step.branches):
        reached |= 1 << journey.goals[step.id, taken.edge]
    return replace(run, experiments=tuple(each._replace(reached=each.reached | reached) for each in known))
