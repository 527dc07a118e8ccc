"""The messages of a customer that count under caps: one row of the messages table for each customer (docs/architecture.md#messages)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from waypost.adapters.dynamodb.conditions import FailedCondition, if_revision
from waypost.adapters.dynamodb.items import Item, expiry
from waypost.adapters.dynamodb.json_attributes import json_from_attribute, json_to_attribute
from waypost.adapters.dynamodb.table import Table
from waypost.domain.messages.caps import CountedMessage, CountedMessages, StoredCount
from waypost.domain.values.calendar_edges import EPOCH

MILLISECOND: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class DynamoCapCounts:
    """The messages that count, of the customers of all workspaces."""

    table: Table

    def read(self, workspace: str, customer: str, *, latest: bool = False) -> StoredCount:
        """What counts for a customer, as it was some moments ago or `latest`; with revision 0 if there is no row."""
        read = self.table.get if latest else self.table.get_eventually
        return _from_item(read(counts_key(workspace, customer)))

    def counted_of(self, workspace: str, customers: Sequence[str]) -> CountedMessages:
        """What counts for all of these customers together."""
        items = self.table.get_many([counts_key(workspace, each) for each in dict.fromkeys(customers)])
        return tuple(each for item in items for each in _from_item(item).counted)

    def save(self, workspace: str, customer: str, count: StoredCount) -> StoredCount | None:
        """Replaces the row of this revision by one with the next revision.

        None if it was written; otherwise what is stored by now.
        """
        # One row, and one condition on its revision, for all caps of the workspace: a message that two caps cover counts under
        # both or under none, and of two workers that have read the same revision one writes.
        item = {
            **counts_key(workspace, customer),
            "counted": json_to_attribute([_to_json(each) for each in count.counted]),
            "merged": count.merged or None,
            "rev": count.revision + 1,
            "expires": expiry(count.kept_until, timedelta(0)),
        }
        failed: FailedCondition | None = self.table.put_if(item, **if_revision(count.revision))
        return None if failed is None else _from_item(failed.item)


def counts_key(workspace: str, customer: str) -> Item:
    """The key of the row of a customer. No id of a message has its form."""
    return {"id": f"{workspace}#{customer}#caps"}


def _to_json(counted: CountedMessage) -> list[Any]:
    return [counted.message, (counted.at - EPOCH) // MILLISECOND, counted.topic, counted.channel]


def _from_item(item: Item | None) -> StoredCount:
    if item is None:
        return StoredCount()
    stored = json_from_attribute(item["counted"])
    counted = tuple(CountedMessage(message, EPOCH + MILLISECOND * int(at), topic, channel) for message, at, topic, channel in stored)
    return StoredCount(counted, item.get("merged", 0), item["rev"], EPOCH + timedelta(seconds=item["expires"]))
