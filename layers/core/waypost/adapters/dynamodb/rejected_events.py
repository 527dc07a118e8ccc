"""Rejected events in the events table: one partition for each workspace and day (docs/events.md#rejected-events).

The partition holds a row for each stored event and a counter for each minute.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from waypost.adapters.dynamodb.items import Item, expiry
from waypost.adapters.dynamodb.table import Table
from waypost.domain.intake.events import Rejected, RejectedEvent
from waypost.domain.values import exact_json
from waypost.domain.values.wire_time import iso

KEPT: Final = timedelta(days=7)

MAX_ROW_BYTES: Final = 390_000
"""DynamoDB takes rows of at most 400 KB; the rest is for the other attributes."""

_COUNTERS: Final = "count#"
"""The prefix of the sort keys of counters. Letters sort after digits, so that all events are below it."""


@dataclass(frozen=True, slots=True)
class DynamoRejectedEvents:
    """The rejected events of all workspaces, kept for 7 days."""

    table: Table

    def count(self, workspace: str, received_at: datetime, number: int) -> int:
        """Adds to the number of rejected events in this minute, and returns how many there were before.

        A repeat by botocore after a lost answer counts twice. That stores fewer events than the limit allows, which harms nothing.
        """
        counter = self.table.update(
            {"id": day_partition(workspace, received_at.date()), "at": f"{_COUNTERS}{received_at:%H:%M}"},
            UpdateExpression="ADD #n :n SET expires = :e",
            ExpressionAttributeNames={"#n": "number"},
            ExpressionAttributeValues={":n": number, ":e": expiry(received_at, KEPT)},
        )
        return int(counter["number"]) - number

    def keep(self, workspace: str, received_at: datetime, request_id: str, events: Sequence[RejectedEvent]) -> None:
        """Stores rejected events of one request."""
        self.table.put_many(
            [
                {
                    "id": day_partition(workspace, received_at.date()),
                    "at": f"{iso(received_at)}#{request_id}#{each.batch_index:04}",
                    "expires": expiry(received_at, KEPT),
                    "json": _to_json(each),
                }
                for each in events
            ]
        )

    def of_day(self, workspace: str, day: date, *, limit: int, before: str | None = None) -> list[tuple[str, RejectedEvent]]:
        """At most `limit` events of one day (UTC) before this position, newest first, each with its position (`<receivedAt>#...`)."""
        items, _ = self.table.query_newest(("id", day_partition(workspace, day)), limit=limit, before=before or _COUNTERS)
        return [(item["at"], _from_item(item)) for item in items]


def day_partition(workspace: str, day: date) -> str:
    """The partition key of one day's rejected events."""
    return f"rejected#{workspace}#{day.isoformat()}"


def _from_item(item: Item) -> RejectedEvent:
    stored = exact_json.loads(item["json"])
    error = Rejected(stored["code"], stored["detail"], stored["pointer"])
    return RejectedEvent(int(item["at"].rpartition("#")[2]), stored["raw"], error)


def _to_json(rejected: RejectedEvent) -> str:
    """The error and the content of a rejected event; without the content if no row can hold it. The error then says how large it was."""
    error = {"code": rejected.error.code, "detail": rejected.error.detail, "pointer": rejected.error.pointer}
    whole = exact_json.dumps({"raw": rejected.raw, **error})
    return whole if len(whole) <= MAX_ROW_BYTES else exact_json.dumps({"raw": None, **error})
