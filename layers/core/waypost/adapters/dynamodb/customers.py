"""The customers table: partition key `primaryKey`, sort key `correlationId` (docs/architecture.md#customers)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from waypost.adapters.dynamodb.conditions import FailedCondition, if_absent, if_revision
from waypost.adapters.dynamodb.customer_items import FIRST_ROW, from_item, holds_primary, key_of, partition_key, to_item, value_in_key
from waypost.adapters.dynamodb.items import Item
from waypost.adapters.dynamodb.table import Table
from waypost.adapters.dynamodb.transactions import transact
from waypost.domain.customers.facts import Facts, size_of, stamp_of
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.customers.rows import SMALL_ROW_ATTRIBUTES, SMALL_ROW_BYTES, NotUpdated, Row, RowKey
from waypost.domain.values.wire_time import instant, iso

MAX_UPDATED_FACTS: Final = 300
"""The most facts in one update. DynamoDB takes expressions of at most 4 KB, and each fact takes up to 13 bytes."""


@dataclass(frozen=True, slots=True)
class DynamoCustomers:
    """The rows of all customers. `tombstone_key` returns the secret key of a workspace's tombstones."""

    table: Table
    tombstone_key: Callable[[str], bytes]
    marked_workspaces: set[str] = field(default_factory=set, compare=False)
    """Workspaces for which this instance has written that they have identified customers."""

    def update_if_newer(self, key: RowKey, facts: Facts) -> Row | NotUpdated:
        """Merges facts into a row by one write without a read, if that is safe; else returns the row unchanged.

        It is safe if the row exists, is no pointer, is not being erased, holds only older facts, and stays small. More than 300 facts are
        never merged.
        """
        if len(facts) > MAX_UPDATED_FACTS:
            return NotUpdated(next(iter(self.get([key])), None))
        changed = self.table.update_if(key_of(key), **_update_of(facts))
        if isinstance(changed, FailedCondition):
            # Also the result of a repeat by botocore after a lost answer: the row that comes back holds these facts already, and the
            # caller that merges them into it finds nothing new.
            return NotUpdated(from_item(key.workspace, changed.item) if changed.item else None)
        return from_item(key.workspace, changed)

    def save(self, rows: Sequence[Row]) -> dict[RowKey, Row | None] | None:
        """Writes rows together if each is stored at the revision at which it was read; returns None then.

        A row that makes a new customer is written only if its identifier has the tombstone that the row was made from, or none if it was
        made from none. Else writes nothing and returns the rows that differ, as they are stored (None: the row does not exist).
        """
        for row in rows:
            if row.revision == 0 and row.key.correlation is None:
                self._mark(row.key.workspace)
        failed = self._write(rows)
        stale = {
            row.key: from_item(row.key.workspace, each.item) if each.item else None
            for row, each in zip(rows, failed, strict=False)
            if each is not None
        }
        for row, each in zip(_created(rows), failed[len(rows) :], strict=False):
            if each is not None:
                stale.setdefault(row.key, None)
        return stale or None

    def _write(self, rows: Sequence[Row]) -> Sequence[FailedCondition | None]:
        """Writes one stored row by a conditional put, because a transaction costs twice as much; else by a transaction.

        Returns what failed: of the rows, and then of the tombstones of the created ones.
        """
        created = _created(rows)
        if len(rows) == 1 and not created:
            return [self.table.put_if(to_item(rows[0]), **if_revision(rows[0].revision))]
        writes = [self.table.put_action(to_item(row), **if_revision(row.revision)) for row in rows]
        return transact([*writes, *map(self._tombstone_check, created)]) or []

    def _tombstone_check(self, row: Row) -> Item:
        """The check that the tombstone of a new row's identifier is the one that the row was made from."""
        # That no row is stored does not show that none was removed. An erasure that is faster than this writer, from its first tombstone to
        # the removal of the rows, would leave the condition of the row true, and an event of the time before would restore the customer.
        key = _tombstone_key(self._tombstone(row.key.workspace, row.key.owner))
        if row.erased_at is None:
            return self.table.check_action(key, **if_absent("erasedAt"))
        values = {":at": iso(row.erased_at)}
        return self.table.check_action(key, ConditionExpression="erasedAt = :at", ExpressionAttributeValues=values)

    def _mark(self, workspace: str) -> None:
        """Records that a workspace has identified customers, before its first one is written.

        Without the marker only a scan over the customers of all workspaces could tell. In the other order, a crash between the two writes
        would leave a customer whose primary key the schema may still change.
        """
        if workspace not in self.marked_workspaces:
            self.table.put(_marker(workspace))
            self.marked_workspaces.add(workspace)

    def any_with_primary_key(self, workspace: str) -> bool:
        """Whether the workspace has, or ever had, a customer with a primary key."""
        return self.table.get(_marker(workspace)) is not None

    def get(self, keys: Sequence[RowKey]) -> list[Row]:
        """The rows that exist among these keys of one workspace."""
        return [from_item(keys[0].workspace, item) for item in self.table.get_many([key_of(key) for key in keys])]

    def by_primary_key(self, workspace: str, primary: Identifier) -> list[Row]:
        """All rows under a primary key, read with strong consistency."""
        items = self.table.query_all("primaryKey = :p", {":p": partition_key(workspace, primary)}, ConsistentRead=True)
        return [from_item(workspace, item) for item in items]

    def tombstones(self, workspace: str, identifiers: Sequence[Identifier]) -> dict[Identifier, datetime]:
        """For each of these identifiers whose customer was erased, the time of the erasure."""
        by_hash = {self._tombstone(workspace, each): each for each in identifiers}
        items = self.table.get_many([_tombstone_key(each) for each in by_hash])
        return {by_hash[item["primaryKey"]]: instant(item["erasedAt"]) for item in items}

    def add_tombstones(self, workspace: str, identifiers: Sequence[Identifier], at: datetime) -> None:
        """Stores for ever that the customer of these identifiers was erased at this time."""
        hashes = [self._tombstone(workspace, each) for each in identifiers]
        self.table.put_many([{**_tombstone_key(each), "erasedAt": iso(at)} for each in hashes])

    def _tombstone(self, workspace: str, identifier: Identifier) -> str:
        """The partition key of an identifier's tombstone.

        A plain hash would still be personal data: a reader of the table could hash a list of e-mail addresses and compare. A hash with a
        secret key of the workspace cannot be computed from outside.
        """
        text = f"{identifier.kind} {identifier.value}".encode()
        return f"{workspace}#x{hmac.new(self.tombstone_key(workspace), text, hashlib.sha256).hexdigest()}"

    def remove(self, keys: Sequence[RowKey]) -> None:
        """Deletes rows of a customer that is being erased."""
        self.table.delete_many([key_of(key) for key in keys])

    def find_by_id(self, workspace: str, customer: str) -> RowKey | None:
        """The key of the row that represents a customer id, or of the pair that was merged with that id; None if there is none.

        The index lags the table, so that a customer of the last moments may be missing.
        """
        key = self._key_by_id(workspace, customer)
        if key is None:
            return None
        # The index holds keys only, and may still show a row that was deleted. The table decides.
        stored = self.table.get_many([key])
        return from_item(workspace, stored[0]).key if stored else None

    def primary_of(self, workspace: str, customer: str) -> Identifier | None:
        """The primary key value of the customer with this id, or with which it was merged; None if it has none or is unknown.

        One call, because the key in the index holds the value. Only a value of more than 256 bytes needs the row.
        """
        key = self._key_by_id(workspace, customer)
        if key is None or not holds_primary(key):
            return None
        value = value_in_key(key)
        if value is not None:
            return Identifier("primary", value)
        stored = self.table.get(key)
        return from_item(workspace, stored).key.owner if stored else None

    def _key_by_id(self, workspace: str, customer: str) -> Item | None:
        """The key of the row that the index shows for a customer id."""
        items, _ = self.table.query("id = :id", {":id": f"{workspace}#{customer}"}, IndexName="byId", Limit=1)
        return {name: items[0][name] for name in ("primaryKey", "correlationId")} if items else None


def _created(rows: Sequence[Row]) -> list[Row]:
    """The rows that make a new customer, or a new pointer to one."""
    return [row for row in rows if row.revision == 0 and row.key.is_main]


def _update_of(facts: Facts) -> Item:
    """The conditional update that merges facts into a row that it has not read."""
    # Of two facts about one attribute the newer one wins. If all facts in the row are older than all of these, overwriting is merging.
    # A pointer is excluded because its facts belong to the row to which it points. Counts and bytes only grow here: an attribute that is
    # overwritten is counted a second time. The sums are therefore upper bounds, and a row that seems full is saved by the slower way,
    # which reads it and counts again. Without facts, `newest < ""` is false and nothing happens.
    count, size = size_of(facts)
    stamps = [stamp_of(text) for text in facts.values()]
    names = {f"#{index}": name for index, name in enumerate(facts)}
    sets = "".join(f"#{index} = :{index}, " for index in range(len(facts)))
    return {
        "UpdateExpression": f"SET {sets}newest = :newest ADD rev :one, attributeCount :count, attributeBytes :size",
        "ConditionExpression": (
            "attribute_exists(rev) AND attribute_not_exists(linked) AND attribute_not_exists(erasing) AND newest < :oldest"
            " AND attributeCount <= :mostCount AND attributeBytes <= :mostBytes"
        ),
        "ExpressionAttributeValues": {
            **{f":{index}": text for index, text in enumerate(facts.values())},
            ":newest": max(stamps, default=""),
            ":oldest": min(stamps, default=""),
            ":one": 1,
            ":count": count,
            ":size": size,
            ":mostCount": SMALL_ROW_ATTRIBUTES - count,
            ":mostBytes": SMALL_ROW_BYTES - size,
        },
        **({"ExpressionAttributeNames": names} if names else {}),
    }


def _marker(workspace: str) -> Item:
    return {"primaryKey": f"{workspace}#", "correlationId": FIRST_ROW}


def _tombstone_key(tombstone: str) -> Item:
    return {"primaryKey": tombstone, "correlationId": FIRST_ROW}
