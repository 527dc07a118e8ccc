"""The numbers of journeys in the runs table (docs/architecture.md#runs).

The partition of a version, `<workspace>#counts#<journey>#<version>`, has a row for each day, `day#<date>`, and one for each branch of an
experiment that a run has taken, `experiment#<step>#<branch>`. No id of a customer has the form of this partition key.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import Final

from waypost.adapters.dynamodb.items import Item
from waypost.adapters.dynamodb.table import Table
from waypost.domain.reasons import Reason
from waypost.domain.runs.edges import EdgePlace
from waypost.domain.runs.journey_counts import (
    ConversionCounts,
    Conversions,
    CountedDays,
    CountedVersion,
    ExperimentBranchPlace,
    JourneyCounts,
)
from waypost.domain.values.chunks import chunked
from waypost.domain.values.wire_time import instant, iso

NUMBERS_PER_CALL: Final = 100
"""How many numbers one call adds to: an expression has at most 4 KB and 300 operators."""

MAX_PAGES: Final = 4
"""How many pages of 1 MB one request reads. The row of a day has some hundred bytes in the usual journey, and at most 120 KB."""

_DAY: Final = "day#"
_EXITED, _IGNORED, _EDGE, _GOAL = "exited.", "ignored.", "e", "g"
_REASONS: Final = frozenset(Reason)


@dataclass(frozen=True, slots=True)
class DynamoJourneyCounters:
    """The numbers of all journeys."""

    table: Table

    def add(self, version: CountedVersion, counts: JourneyCounts, now: datetime) -> None:
        """Adds to the row of the day of `now` in UTC."""
        self._add({"customer": _partition(version), "row": f"{_DAY}{now.date().isoformat()}"}, _to_numbers(counts), now)

    def add_conversions(self, version: CountedVersion, branch: ExperimentBranchPlace, counts: ConversionCounts, now: datetime) -> None:
        """Adds to the row of a branch of an experiment."""
        numbers = {"entered": counts.entered, **{f"{_GOAL}{goal}": number for goal, number in counts.reached.items()}}
        self._add({"customer": _partition(version), "row": f"{_experiment_prefix(branch.step)}{branch.branch}"}, numbers, now)

    # botocore repeats a request whose answer was lost, and an addition that happens twice is wrong. Each write leaves a random text in the
    # row, under the condition that it is not there: a repeat fails, unless another worker has written in between.
    def _add(self, key: Item, numbers: Mapping[str, int], now: datetime) -> None:
        for chunk in chunked([each for each in numbers.items() if each[1]], NUMBERS_PER_CALL):
            additions = ", ".join(f"#{place} :{place}" for place in range(len(chunk)))
            self.table.update_if(
                key,
                UpdateExpression=f"SET #since = if_not_exists(#since, :now), #write = :write ADD {additions}",
                ConditionExpression="attribute_not_exists(#write) OR #write <> :write",
                ExpressionAttributeNames={"#since": "since", "#write": "write"} | {f"#{i}": name for i, (name, _) in enumerate(chunk)},
                ExpressionAttributeValues={":now": iso(now), ":write": secrets.token_hex(4)}
                | {f":{i}": number for i, (_, number) in enumerate(chunk)},
            )

    def counted_from(self, version: CountedVersion) -> datetime | None:
        """When the first number of this version was counted, None if there is none."""
        items, _ = self.table.query(
            "customer = :version AND begins_with(#row, :day)",
            {":version": _partition(version), ":day": _DAY},
            ExpressionAttributeNames={"#row": "row"},
            Limit=1,
        )
        return instant(items[0]["since"]) if items else None

    def days(self, version: CountedVersion, since: date | None) -> CountedDays:
        """The numbers since this day, of at most `MAX_PAGES` pages of rows, the newest first."""
        pages = self.table.query_pages(
            "customer = :version AND #row BETWEEN :first AND :last",
            {":version": _partition(version), ":first": _DAY + (since.isoformat() if since else ""), ":last": _DAY + "~"},
            ExpressionAttributeNames={"#row": "row"},
            ScanIndexForward=False,
        )
        counts = JourneyCounts()
        for page in islice(pages, MAX_PAGES):
            for item in page:
                counts.add(_from_item(item))
        return CountedDays(counts, complete=next(pages, None) is None)

    def conversions(self, version: CountedVersion, experiment: int) -> Conversions:
        """The numbers of the experiment at this position, of at most `MAX_PAGES` pages of rows."""
        prefix = _experiment_prefix(experiment)
        pages = self.table.query_pages(
            "customer = :version AND begins_with(#row, :experiment)",
            {":version": _partition(version), ":experiment": prefix},
            ExpressionAttributeNames={"#row": "row"},
        )
        items = [item for page in islice(pages, MAX_PAGES) for item in page]
        branches = {int(item["row"].removeprefix(prefix)): _conversions_from_item(item) for item in items}
        return Conversions(branches, min((instant(item["since"]) for item in items), default=None), complete=next(pages, None) is None)


def _partition(version: CountedVersion) -> str:
    return f"{version.workspace}#counts#{version.journey}#{version.version}"


def _experiment_prefix(step: int) -> str:
    return f"experiment#{step}#"


def _to_numbers(counts: JourneyCounts) -> dict[str, int]:
    return {
        "entered": counts.entered,
        "finished": counts.finished,
        "failedWrites": counts.failed_writes,
        **{f"{_EXITED}{reason.value}": number for reason, number in counts.exited.items()},
        **{f"{_IGNORED}{reason.value}": number for reason, number in counts.ignored.items()},
        **{f"{_EDGE}{step}.{edge}": number for (step, edge), number in counts.edges.items()},
    }


def _from_item(item: Item) -> JourneyCounts:
    """The numbers of a day. A reason that this release does not know is left out: a newer release has counted it before a rollback."""
    counts = JourneyCounts(item.get("entered", 0), item.get("finished", 0), item.get("failedWrites", 0))
    counts.exited.update(_by_reason(item, _EXITED))
    counts.ignored.update(_by_reason(item, _IGNORED))
    for name, number in item.items():
        step, dot, edge = name.removeprefix(_EDGE).partition(".")
        if dot and step.isdigit() and edge.isdigit():
            counts.edges[EdgePlace(int(step), int(edge))] = number
    return counts


def _by_reason(item: Item, prefix: str) -> dict[Reason, int]:
    words: Iterator[tuple[str, int]] = ((name.removeprefix(prefix), number) for name, number in item.items() if name.startswith(prefix))
    return {Reason(word): number for word, number in words if word in _REASONS}


def _conversions_from_item(item: Item) -> ConversionCounts:
    counts = ConversionCounts(item.get("entered", 0))
    for name, number in item.items():
        if name.startswith(_GOAL) and name.removeprefix(_GOAL).isdigit():
            counts.reached[int(name.removeprefix(_GOAL))] = number
    return counts
