"""The steps that runs reached, read from their histories: by time or the outcome of a message, or by an event.

No receipt records steps of the first kind. A receipt records that an event moved a run, but not through which steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final, NamedTuple

from waypost.domain.reasons import Reason
from waypost.domain.runs.run import Cause, Run, StepVisit

EVENT_CAUSES: Final = frozenset({Cause.ENTERED, Cause.EVENT, Reason.EXIT_EVENT})


class TimedStep(NamedTuple):
    """A visit of a step, and its place in the history of its run, from 0."""

    run: Run
    number: int
    visit: StepVisit


def timed_steps(runs: Iterable[Run]) -> Iterator[TimedStep]:
    """The visits that began by time or by the outcome of a message, with all visits that followed at the same instant.

    Visits at one instant are one transition, and only the first of them names its cause: the others say `next`.
    """
    for run in runs:
        is_timed = False
        for number, visit in enumerate(run.history):
            if number == 0 or visit.at != run.history[number - 1].at:
                is_timed = visit.reason not in EVENT_CAUSES
            if is_timed:
                yield TimedStep(run, number, visit)


_FIRST_CAUSES: Final = {"entered": Cause.ENTERED, "advanced": Cause.EVENT, "exited": Reason.EXIT_EVENT}


def crossed_steps(run: Run, at: datetime, outcome: str) -> tuple[StepVisit, ...]:
    """The visits of a transition that an event with this outcome caused at this time."""
    # Two events of one signal have the same time. What an event did begins with its own cause, such as `entered`.
    crossed: list[StepVisit] = []
    is_wanted = False
    for visit in run.history:
        if visit.reason in EVENT_CAUSES:
            is_wanted = visit.reason == _FIRST_CAUSES.get(outcome)
        if visit.at == at and is_wanted:
            crossed.append(visit)
    return tuple(crossed)
