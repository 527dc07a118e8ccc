"""The numbers of journeys in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

from waypost.domain.runs.journey_counts import (
    ConversionCounts,
    Conversions,
    CountedDays,
    CountedVersion,
    ExperimentBranchPlace,
    JourneyCounts,
)


@dataclass
class FakeJourneyCounters:
    """Numbers by version and day, and those of experiments by version and branch. `writes` counts the calls that add."""

    stored: dict[tuple[CountedVersion, date], JourneyCounts] = field(default_factory=dict)
    branches: dict[tuple[CountedVersion, ExperimentBranchPlace], ConversionCounts] = field(default_factory=dict)
    first: dict[CountedVersion, datetime] = field(default_factory=dict)
    first_of_experiment: dict[tuple[CountedVersion, int], datetime] = field(default_factory=dict)
    writes: int = 0

    def add(self, version: CountedVersion, counts: JourneyCounts, now: datetime) -> None:
        self.writes += 1
        self.first.setdefault(version, now)
        own = JourneyCounts()
        own.add(counts)
        own.conversions.clear()
        self.stored.setdefault((version, now.date()), JourneyCounts()).add(own)

    def add_conversions(self, version: CountedVersion, branch: ExperimentBranchPlace, counts: ConversionCounts, now: datetime) -> None:
        self.writes += 1
        self.first_of_experiment.setdefault((version, branch.step), now)
        self.branches.setdefault((version, branch), ConversionCounts()).add(counts)

    def counted_from(self, version: CountedVersion) -> datetime | None:
        return self.first.get(version)

    def days(self, version: CountedVersion, since: date | None) -> CountedDays:
        found = JourneyCounts()
        for (owner, day), counts in self.stored.items():
            if owner == version and (since is None or day >= since):
                found.add(counts)
        return CountedDays(found, complete=True)

    def conversions(self, version: CountedVersion, experiment: int) -> Conversions:
        found = {place.branch: counts for (owner, place), counts in self.branches.items() if owner == version and place.step == experiment}
        return Conversions(found, self.first_of_experiment.get((version, experiment)), complete=True)
