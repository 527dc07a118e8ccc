"""Refused events in the events table: kept for 7 days, at most 100 a minute for a workspace, the rest counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from waypost.adapters.dynamodb.table import Item, Refused, Table
from waypost.domain.intake.events import Rejected, RejectedEvent
from waypost.domain.values import exact_json
from waypost.domain.values.wire_time import iso

KEPT: Final = timedelta(days=7)
ROW_BYTES: Final = 390_000
_COUNTS: Final = "count#"
"""What the counters' positions begin with: letters, behind all times."""


@dataclass(frozen=True, slots=True)
class DynamoRejectedEvents:
    """A partition for each workspace and day; in it a counter for each minute and a row for each kept event."""

    table: Table

    def count(self, workspace: str, received_at: datetime, number: int) -> int:
        """Counts refused events of this minute; how many there were before these."""
        counted = self.table.update(
            {"id": day_id(workspace, received_at.date()), "at": f"{_COUNTS}{received_at:%H:%M}"},
            UpdateExpression="ADD #n :n SET expires = :e",
            ExpressionAttributeNames={"#n": "number"},
            ExpressionAttributeValues={":n": number, ":e": _expires(received_at)},
        )
        return 0 if isinstance(counted, Refused) else counted["number"] - number

    def keep(self, workspace: str, received_at: datetime, request_id: str, events: Sequence[RejectedEvent]) -> None:
        """Keeps refused events."""
        self.table.put_many(
            [
                {
                    "id": day_id(workspace, received_at.date()),
                    "at": f"{iso(received_at)}#{request_id}#{each.batch_index:04}",
                    "expires": _expires(received_at),
                    "json": _record(each),
                }
                for each in events
            ]
        )

    def of_day(self, workspace: str, day: date, *, limit: int, before: str | None = None) -> list[tuple[str, RejectedEvent]]:
        """At most `limit` events of one day (UTC), newest first, before this position; each with its own, which begins with its time."""
        rows, _ = self.table.query(
            "id = :id AND #at < :before",
            {":id": day_id(workspace, day), ":before": before or _COUNTS},
            ExpressionAttributeNames={"#at": "at"},
            ScanIndexForward=False,
            Limit=limit,
        )
        return [(row["at"], _rejected(row)) for row in rows]


def day_id(workspace: str, day: date) -> str:
    """The partition of one day's refused events."""
    return f"rejected#{workspace}#{day.isoformat()}"


def _rejected(row: Item) -> RejectedEvent:
    kept = exact_json.loads(row["json"])
    error = Rejected(kept["code"], kept["detail"], kept["pointer"])
    return RejectedEvent(int(row["at"].rpartition("#")[2]), kept["raw"], error)


def _record(rejected: RejectedEvent) -> str:
    """What is kept of a refused event; one that no row holds is kept without its content, for its error says how large it was."""
    error = rejected.error
    told = {"code": error.code, "detail": error.detail, "pointer": error.pointer}
    whole = exact_json.dumps({"raw": rejected.raw, **told})
    return whole if len(whole) <= ROW_BYTES else exact_json.dumps({"raw": None, **told})


def _expires(received_at: datetime) -> int:
    return int((received_at + KEPT).timestamp())
