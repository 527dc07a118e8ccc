"""The steps that runs reached because time passed or a message had an outcome.

No event caused them, so no receipt names them. They are read from the history of the runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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
