"""What is counted of a version of a journey (docs/journeys.md#numbers), as a pure function of the transitions that were saved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from waypost.domain.reasons import Reason
from waypost.domain.runs.edges import EdgePlace
from waypost.domain.runs.run import Run
from waypost.domain.runs.transition import Transition


class CountedVersion(NamedTuple):
    """The version of a journey whose numbers are counted together."""

    workspace: str
    journey: str
    version: int


class ExperimentBranchPlace(NamedTuple):
    """A branch of an experiment: the position of the step among the steps of its version, and that of the branch in the step."""

    step: int
    branch: int


@dataclass(slots=True)
class ConversionCounts:
    """How many runs took a branch of an experiment, and how many of them reached each goal, by its number (`Journey.goals`)."""

    entered: int = 0
    reached: Counter[int] = field(default_factory=Counter)

    def add(self, other: ConversionCounts) -> None:
        """Adds other counts of the same branch."""
        self.entered += other.entered
        self.reached.update(other.reached)


@dataclass(slots=True)
class JourneyCounts:
    """Numbers of one version of a journey that grow only.

    `ignored` counts events that could have moved a run and did not. How many came to a step is not counted by itself: it is the sum of the
    edges that lead to it and, for the first step, of the entries. `failed_writes` is how many writes of counts are known to have failed.
    """

    entered: int = 0
    finished: int = 0
    failed_writes: int = 0
    exited: Counter[Reason] = field(default_factory=Counter)
    ignored: Counter[Reason] = field(default_factory=Counter)
    edges: Counter[EdgePlace] = field(default_factory=Counter)
    conversions: dict[ExperimentBranchPlace, ConversionCounts] = field(default_factory=dict)

    def add(self, other: JourneyCounts) -> None:
        """Adds other counts of the same version."""
        self.entered += other.entered
        self.finished += other.finished
        self.failed_writes += other.failed_writes
        self.exited.update(other.exited)
        self.ignored.update(other.ignored)
        self.edges.update(other.edges)
        for place, counts in other.conversions.items():
            self.conversions.setdefault(place, ConversionCounts()).add(counts)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to add to the stored numbers of the version itself, without those of its experiments."""
        return not (self.entered or self.finished or self.failed_writes or self.exited or self.ignored or self.edges)


class CountedDays(NamedTuple):
    """The numbers of some days together. If they are not `complete`, there are older days than one request reads."""

    counts: JourneyCounts
    complete: bool


class Conversions(NamedTuple):
    """The numbers of an experiment by the positions of its branches, and when their counting began: None if nothing was counted.

    If they are not `complete`, the experiment has more branches than one request reads.
    """

    branches: Mapping[int, ConversionCounts]
    counted_from: datetime | None
    complete: bool


def counts_of(transition: Transition) -> JourneyCounts:
    """What a transition adds to the numbers of its version. Empty for one that an earlier attempt has saved."""
    counts = JourneyCounts()
    if transition.already_saved:
        return counts
    before, run = transition.before, transition.run
    counts.entered = int(before is None)
    if not run.active and (before is None or before.active):
        counts.add(counts_of_exit(run))
    counts.edges.update(transition.edges)
    counts.conversions.update(_conversions(before, run))
    return counts


def counts_of_exit(run: Run) -> JourneyCounts:
    """What the end of a run adds to the numbers of its version."""
    if run.reason is Reason.FINISHED:
        return JourneyCounts(finished=1)
    return JourneyCounts(exited=Counter() if run.reason is None else Counter([run.reason]))


def _conversions(before: Run | None, run: Run) -> Iterator[tuple[ExperimentBranchPlace, ConversionCounts]]:
    """What is new in the memory of a run: each experiment and each goal is new once, so that it is counted once for a run."""
    known = {each.step: each.reached for each in before.experiments} if before is not None else {}
    for each in run.experiments:
        new = each.reached & ~known.get(each.step, 0)
        entered = int(each.step not in known)
        if entered or new:
            goals = (number for number in range(new.bit_length()) if new >> number & 1)
            yield ExperimentBranchPlace(each.step, each.branch), ConversionCounts(entered, Counter(goals))
