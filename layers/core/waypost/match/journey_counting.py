"""Counts what the matcher does to the runs of journeys (docs/journeys.md#numbers), and writes the numbers at the end of an invocation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from waypost.domain.errors import UnavailableError
from waypost.domain.reasons import Reason
from waypost.domain.runs.journey_counts import CountedVersion, JourneyCounts, counts_of, counts_of_exit
from waypost.domain.runs.run import Run
from waypost.domain.runs.transition import Transition
from waypost.ports import JourneyCounters, Telemetry

IGNORED_PAUSE: Final = timedelta(seconds=30)
"""How long an instance keeps ignored events of a version in memory after it has written some of them."""

MAX_IGNORED_VERSIONS: Final = 10
"""How many versions get a write in one invocation for ignored events alone."""

MAX_ELAPSED_SECONDS: Final = 40.0
"""When an invocation stops to write numbers: a function that times out at 60 seconds gets all of its records once more."""


# The numbers are written beside the transactions, not in them. In a transaction, each change of any run would write the one row of its
# journey: two customers who move at once would make each other fail, and every change would cost twice as much. The price is that a crash
# between the two loses the numbers of one invocation.
@dataclass(slots=True)
class CountBuffer:
    """What an instance has counted and not written. It outlives an invocation, as a cache does."""

    moved: dict[CountedVersion, JourneyCounts] = field(default_factory=dict)
    ignored: dict[CountedVersion, Counter[Reason]] = field(default_factory=dict)
    ignored_written: dict[CountedVersion, datetime] = field(default_factory=dict)

    def add_transitions(self, workspace: str, transitions: Iterable[Transition]) -> None:
        """Counts transitions that were saved just now."""
        for each in transitions:
            self._add(CountedVersion(workspace, each.run.journey, each.run.version), counts_of(each))

    def add_exits(self, workspace: str, runs: Iterable[Run]) -> None:
        """Counts runs that ended by something else than a transition."""
        for run in runs:
            self._add(CountedVersion(workspace, run.journey, run.version), counts_of_exit(run))

    def add_ignored(self, version: CountedVersion, reason: Reason) -> None:
        """Counts an event that could have moved a run of this version and did not."""
        self.ignored.setdefault(version, Counter())[reason] += 1

    def add_failed_write(self, version: CountedVersion) -> None:
        """Counts a write that has failed, so that the numbers can say that they are too low."""
        self._add(version, JourneyCounts(failed_writes=1))

    def remove_due(self, now: datetime) -> Iterator[tuple[CountedVersion, JourneyCounts]]:
        """Removes and returns what is to be written now, one version at a time."""
        # An event that enters nothing changes no run. If each of them wrote a row for each journey that names it, the events of a shop that
        # are about none of 50 journeys would cost more than those that are about one. So the ignored events of a version are written with
        # its next move, or alone: the first at once, and then those of 30 seconds together.
        moved = [version for version, counts in self.moved.items() if not _is_failure_only(counts)]
        due = [version for version in self.ignored if version not in moved and self._is_due(version, now)]
        for version in [*moved, *due[:MAX_IGNORED_VERSIONS]]:
            counts = self.moved.pop(version, JourneyCounts())
            if version in self.ignored:
                counts.ignored.update(self.ignored.pop(version))
                self.ignored_written[version] = now
            yield version, counts
        self._discard_old(now)

    def _is_due(self, version: CountedVersion, now: datetime) -> bool:
        return version not in self.ignored_written or now - self.ignored_written[version] >= IGNORED_PAUSE

    def _discard_old(self, now: datetime) -> None:
        self.ignored_written = {version: at for version, at in self.ignored_written.items() if now - at < IGNORED_PAUSE}

    def _add(self, version: CountedVersion, counts: JourneyCounts) -> None:
        if not counts.is_empty or counts.conversions:
            self.moved.setdefault(version, JourneyCounts()).add(counts)


def write_counts(buffer: CountBuffer, counters: JourneyCounters, now: datetime, elapsed: Callable[[], float], telemetry: Telemetry) -> None:
    """Writes the numbers in the buffer: a call for each version, and one for each branch of its experiments that has new numbers.

    `elapsed` returns the seconds since the invocation started. What there is no time for stays in the buffer, as does the rest after an
    outage. A failed write is logged and not repeated, because it may have happened.
    """
    if elapsed() > MAX_ELAPSED_SECONDS:
        return
    for version, counts in buffer.remove_due(now):
        is_down = False
        try:
            _write(version, counts, counters, now)
        except UnavailableError as error:
            is_down = True
            buffer.add_failed_write(version)
            telemetry.log_warning("not counted", workspace=version.workspace, journey=version.journey, reason=str(error))
        except Exception:  # noqa: BLE001 - the records are processed, and an error would return all of them to the queue
            buffer.add_failed_write(version)
            telemetry.log_exception("not counted", workspace=version.workspace, journey=version.journey)
        if is_down or elapsed() > MAX_ELAPSED_SECONDS:
            return


def _write(version: CountedVersion, counts: JourneyCounts, counters: JourneyCounters, now: datetime) -> None:
    if not counts.is_empty:
        counters.add(version, counts, now)
    for branch, conversions in counts.conversions.items():
        counters.add_conversions(version, branch, conversions, now)


def _is_failure_only(counts: JourneyCounts) -> bool:
    """Whether there is only a failed write to record: it waits for the next numbers of its version."""
    return counts == JourneyCounts(failed_writes=counts.failed_writes)
