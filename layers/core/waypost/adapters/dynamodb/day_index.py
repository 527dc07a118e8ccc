"""The indexes by day of the events table and the messages table.

An index partition takes 1,000 writes a second at most, and when it is throttled, DynamoDB throttles the writes of the table as well.
The rows of one day are therefore spread over four partitions, chosen by a hash, so that one busy workspace is not one hot partition.
A reader queries all four and merges what it finds.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final

from waypost.adapters.dynamodb.items import Item
from waypost.adapters.dynamodb.table import Table
from waypost.domain.values.generated_ids import digest
from waypost.domain.values.wire_time import iso

SHARD_COUNT: Final = 4
"""Stored rows and the pages of lists rely on this number: with fewer shards, readers would miss rows."""


def shard_key(workspace: str, at: datetime, name: str) -> str:
    """The value of the attribute `day` for a row of this name and time: `<workspace>#<date>#<shard>`."""
    shard = int(digest("shard", name, length=4), 36) % SHARD_COUNT
    return f"{workspace}#{iso(at)[:10]}#{shard}"


def partitions_of_day(workspace: str, day: date) -> list[str]:
    """The partition keys that hold the rows of one day."""
    return [f"{workspace}#{day.isoformat()}#{shard}" for shard in range(SHARD_COUNT)]


def days_between(since: datetime, until: datetime) -> list[date]:
    """The days (UTC) of a period, the newest first."""
    first, last = since.astimezone(UTC).date(), until.astimezone(UTC).date()
    return [last - timedelta(days=back) for back in range((last - first).days + 1)]


def query_newest_of_day(
    table: Table, workspace: str, day: date, *, limit: int, before: str | None, since: datetime | None = None
) -> list[Item]:
    """The keys of `limit` rows of one day (UTC), newest first, with sort keys below `before`; fewer only if there are no more.

    With `since`, only rows of that time or later are read.

    It is eventually consistent: rows of the last moments may be missing, and deleted ones still be there.
    """
    oldest = iso(since) if since else None
    rows = [
        row
        for key in partitions_of_day(workspace, day)
        for row in table.query_newest_keys(("day", key), index="byDay", limit=limit, before=before, since=oldest)
    ]
    return sorted(rows, key=lambda row: str(row["at"]), reverse=True)[:limit]
