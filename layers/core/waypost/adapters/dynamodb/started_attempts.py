"""Attempts at queue records that have started and are not known to have ended, in the table of dead letters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from waypost.adapters.dynamodb.conditions import FailedCondition
from waypost.adapters.dynamodb.items import Item, expiry
from waypost.adapters.dynamodb.table import Table

PARTITION: Final = "#started"
"""No workspace has an id of this form, so no list of dead letters shows these rows."""

KEPT_STARTS: Final = timedelta(days=14)
"""As long as SQS keeps the record."""


@dataclass(frozen=True, slots=True)
class DynamoStartedAttempts:
    """One row for each record, with the number of its starts. It holds the id that SQS gave the record, and nothing of its body."""

    table: Table
    clock: Callable[[], datetime]

    def start(self, record: str, limit: int) -> bool:
        """Counts the start of an attempt at this record. False, with nothing counted, if `limit` starts have not ended."""
        counted = self.table.update_if(
            _key(record),
            UpdateExpression="ADD #starts :one SET #expires = :expires",
            ConditionExpression="attribute_not_exists(#starts) OR #starts < :limit",
            ExpressionAttributeNames={"#starts": "starts", "#expires": "expires"},
            ExpressionAttributeValues={":one": 1, ":limit": limit, ":expires": expiry(self.clock(), KEPT_STARTS)},
        )
        return not isinstance(counted, FailedCondition)

    def end(self, record: str) -> None:
        """Resets the attempts at this record: the last one has ended, whatever its result."""
        self.table.delete(_key(record))


def _key(record: str) -> Item:
    return {"workspace": PARTITION, "at": record}
