"""Rejected events in the events table: one partition for each workspace and day (docs/events.md#rejected-events).

The partition holds a row for each stored event and a counter for each minute.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from waypost.adapters.dynamodb.day_index import days_between
from waypost.adapters.dynamodb.items import Item, expiry
from waypost.adapters.dynamodb.table import Table
from waypost.domain.intake.events import Rejected, RejectedEvent
from waypost.domain.values import exact_json
from waypost.domain.values.generated_ids import digest
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

    def keep(self, workspace: str, received_at: datetime, invocation_id: str, events: Sequence[RejectedEvent]) -> None:
        """Stores rejected events of one invocation, with a reference under each identifier in them."""
        # An erasure finds by the references what a customer's clients sent. Without them it would read eight days of the workspace.
        expires = expiry(received_at, KEPT)
        positions = [(f"{iso(received_at)}#{invocation_id}#{each.batch_index:04}", each) for each in events]
        rows: list[Item] = [
            {"id": reference_partition(workspace, identifier), "at": at, "expires": expires}
            for at, each in positions
            for identifier in _identifiers_in(each.raw)
        ]
        rows += [{**referenced_key(workspace, at), "expires": expires, "json": _to_json(each)} for at, each in positions]
        self.table.put_many(rows)

    def of_day(
        self, workspace: str, day: date, *, limit: int, before: str | None = None, since: datetime | None = None
    ) -> tuple[list[tuple[str, RejectedEvent]], str | None]:
        """At most `limit` events of one day (UTC) before this position, newest first, each with its position (`<receivedAt>#...`).

        Also the position to go on from (None: no more): DynamoDB returns at most 1 MB, and three of these rows may exceed that.
        """
        partition, oldest = ("id", day_partition(workspace, day)), iso(since) if since else None
        items, last = self.table.query_newest(partition, limit=limit, before=before or _COUNTERS, since=oldest)
        return [(item["at"], _from_item(item)) for item in items], last["at"] if last else None

    def counts(self, workspace: str, since: datetime, until: datetime) -> dict[datetime, int]:
        """How many events were rejected in each minute between those of two times, from the counters: one query for each day."""
        found: dict[datetime, int] = {}
        for day in days_between(since, until):
            # A day has at most 1,440 counters of some 70 bytes, so one page holds them all.
            counters, _ = self.table.query(
                "id = :id AND #at BETWEEN :first AND :last",
                {
                    ":id": day_partition(workspace, day),
                    ":first": f"{_COUNTERS}{since:%H:%M}" if since.date() == day else _COUNTERS,
                    ":last": f"{_COUNTERS}{until:%H:%M}" if until.date() == day else f"{_COUNTERS}~",
                },
                ExpressionAttributeNames={"#at": "at"},
            )
            for each in counters:
                minute = time.fromisoformat(each["at"].removeprefix(_COUNTERS))
                found[datetime.combine(day, minute, UTC)] = int(each["number"])
        return found


def day_partition(workspace: str, day: date) -> str:
    """The partition key of one day's rejected events."""
    return f"rejected#{workspace}#{day.isoformat()}"


def reference_partition(workspace: str, identifier: str) -> str:
    """The partition key of the references to the rejected events that name an identifier, in whatever case."""
    return f"rejected-by#{workspace}#{digest('rejected', workspace, identifier.strip().lower())}"


def referenced_key(workspace: str, position: str) -> Item:
    """The key of the rejected event at a position (`<receivedAt>#...`)."""
    return {"id": f"rejected#{workspace}#{position[:10]}", "at": position}


def _identifiers_in(raw: Any) -> Collection[str]:
    """The texts in all places where an event names customers, in lower case. A rejected event may be any JSON value."""
    if not isinstance(raw, dict):
        return ()
    payload = raw.get("payload")
    values = [raw.get("correlationValue")]
    values += [payload.get(name) for name in ("distinct_id", "$anon_distinct_id")] if isinstance(payload, dict) else []
    texts = [str(each[0] if isinstance(each, list) and each else each).strip().lower() for each in values if each is not None]
    return dict.fromkeys(text for text in texts if text)


def _from_item(item: Item) -> RejectedEvent:
    stored = exact_json.loads(item["json"])
    error = Rejected(stored["code"], stored["detail"], stored["pointer"])
    return RejectedEvent(int(item["at"].rpartition("#")[2]), stored["raw"], error)


def _to_json(rejected: RejectedEvent) -> str:
    """The error and the content of a rejected event; without the content if no row can hold it. The error then says how large it was."""
    error = {"code": rejected.error.code, "detail": rejected.error.detail, "pointer": rejected.error.pointer}
    whole = exact_json.dumps({"raw": rejected.raw, **error})
    return whole if len(whole) <= MAX_ROW_BYTES else exact_json.dumps({"raw": None, **error})
