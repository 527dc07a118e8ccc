"""Refused events in the events table: kept for 7 days, at most 100 a minute for a workspace, the rest counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from waypost.adapters.dynamodb.table import Refused, Table
from waypost.domain import json
from waypost.domain.times import iso
from waypost.ports import RejectedEvent

KEPT: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class DynamoRejectedEvents:
    """A partition for each workspace and day; in it a counter for each minute and a row for each kept event."""

    table: Table

    def count(self, workspace: str, received_at: datetime, number: int) -> int:
        """Counts refused events of this minute; how many there were before these."""
        counted = self.table.update(
            {"id": f"rejected#{workspace}#{received_at:%Y-%m-%d}", "at": f"count#{received_at:%H:%M}"},
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
                    "id": f"rejected#{workspace}#{received_at:%Y-%m-%d}",
                    "at": f"{iso(received_at)}#{request_id}#{each.place:04}",
                    "expires": _expires(received_at),
                    "json": json.dumps(_record(each)),
                }
                for each in events
            ]
        )


def _record(rejected: RejectedEvent) -> dict[str, object]:
    error = rejected.error
    return {"raw": rejected.raw, "code": error.code, "detail": error.detail, "pointer": error.pointer}


def _expires(received_at: datetime) -> int:
    return int((received_at + KEPT).timestamp())
