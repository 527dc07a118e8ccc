"""What time did to a customer's runs, read from their trails: no receipt tells it, because no event was there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from waypost.domain.reasons import Reason
from waypost.domain.runs.run import Cause, Run, StepVisit

BY_EVENT: Final = frozenset({Cause.ENTERED, Cause.EVENT, Reason.EXIT_EVENT})


class TimedStep(NamedTuple):
    """A step of a run's way, and its place on it."""

    run: Run
    place: int
    visited: StepVisit


def timed_steps(runs: Iterable[Run]) -> Iterator[TimedStep]:
    """The steps to which runs came because time had passed or a message had an outcome, and all that followed at the same instant."""
    for run in runs:
        timed = False
        for place, visited in enumerate(run.history):
            if place == 0 or visited.at != run.history[place - 1].at:
                timed = visited.reason not in BY_EVENT
            if timed:
                yield TimedStep(run, place, visited)
