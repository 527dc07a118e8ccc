"""The indexes by day of the events table and the messages table.

An index partition takes 1,000 writes a second at most, and when it is throttled, DynamoDB throttles the writes of the table as well.
The rows of one day are therefore spread over four partitions, chosen by a hash, so that one busy workspace is not one hot partition.
A reader queries all four and merges what it finds.
"""

from __future__ import annotations

from datetime import date, datetime
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


def query_newest_of_day(table: Table, workspace: str, day: date, *, limit: int, before: str | None, since: str | None = None) -> list[Item]:
    """The keys of `limit` rows of one day (UTC), newest first, with sort keys below `before` and from `since` on.

    There are fewer only if there are no more.
    It is eventually consistent: rows of the last moments may be missing, and deleted ones still be there.
    """
    shards = [f"{workspace}#{day.isoformat()}#{shard}" for shard in range(SHARD_COUNT)]
    rows = [row for key in shards for row in table.query_newest_keys(("day", key), index="byDay", limit=limit, before=before, since=since)]
    return sorted(rows, key=lambda row: str(row["at"]), reverse=True)[:limit]
