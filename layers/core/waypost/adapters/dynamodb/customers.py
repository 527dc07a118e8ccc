"""The customers table: HASH primary key, RANGE correlation id (design: one row for the claim on each, one for each pair)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from waypost.adapters.dynamodb.table import Item, Refused, Table, transact
from waypost.domain.customers.facts import Facts, size_of, stamp_of
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.customers.rows import SMALL_ROW_ATTRIBUTES, SMALL_ROW_BYTES, NotUpdated, Row, RowKey
from waypost.domain.values.generated_ids import key_part
from waypost.domain.values.wire_time import instant, iso

HEAD: Final = "#"
FACTS_AT_ONCE: Final = 300
"""What one update says: an expression has at most 4 KB (DynamoDB's limit), and each fact takes up to 13 bytes of it."""

_FACTS: Final = ("a:", "t:", "p")
_LETTERS: Final = {"correlation": "c", "primary": "p"}
_KINDS: Final = {"c": "correlation", "p": "primary"}


@dataclass(frozen=True, slots=True)
class DynamoCustomers:
    """Customers' rows. Facts are attributes of their own (`a:plan`), so that a known customer's write is one small update."""

    table: Table
    tombstone_key: Callable[[str], bytes]
    marked: set[str] = field(default_factory=set, compare=False)
    """Workspaces of which this instance has written that they have named customers."""

    def update_if_newer(self, key: RowKey, facts: Facts) -> Row | NotUpdated:
        """Merges facts into a row in one write, if the row exists, is no pointer, is older than all of them and stays light.

        More facts than one write can say are none that it can merge: the row comes back as it is.
        """
        if len(facts) > FACTS_AT_ONCE:
            return NotUpdated(next(iter(self.get([key])), None))
        count, size = size_of(facts)
        names = {f"#{index}": name for index, name in enumerate(facts)}
        values = {f":{index}": text for index, text in enumerate(facts.values())}
        sets = ", ".join(f"#{index} = :{index}" for index in range(len(facts)))
        stamps = [stamp_of(text) for text in facts.values()]
        changed = self.table.update(
            _item_key(key),
            UpdateExpression=f"SET {sets}{', ' if sets else ''}newest = :newest ADD rev :one, attributeCount :count, attributeBytes :size",
            ConditionExpression=(
                "attribute_exists(rev) AND attribute_not_exists(linked) AND newest < :oldest"
                " AND attributeCount <= :mostCount AND attributeBytes <= :mostBytes"
            ),
            ExpressionAttributeValues=values
            | {
                ":newest": max(stamps, default=""),
                ":oldest": min(stamps, default=""),
                ":one": 1,
                ":count": count,
                ":size": size,
                ":mostCount": SMALL_ROW_ATTRIBUTES - count,
                ":mostBytes": SMALL_ROW_BYTES - size,
            },
            **({"ExpressionAttributeNames": names} if names else {}),
        )
        if isinstance(changed, Refused):
            return NotUpdated(_row(key.workspace, changed.item) if changed.item else None)
        return _row(key.workspace, changed)

    def save(self, rows: Sequence[Row]) -> dict[RowKey, Row | None] | None:
        """Writes rows together if each is as it was read; else the ones that are not, as they are now (None: not there)."""
        for row in rows:
            if row.revision == 0 and row.key.correlation is None:
                self._mark(row.key.workspace)
        if len(rows) == 1:
            refused = [self.table.put(_item(rows[0]), **_as_read(rows[0]))]
        else:
            refused = transact([self.table.put_action(_item(row), **_as_read(row)) for row in rows]) or []
        stale = {
            row.key: _row(row.key.workspace, each.item) if each.item else None
            for row, each in zip(rows, refused, strict=False)
            if each is not None
        }
        return stale or None

    def _mark(self, workspace: str) -> None:
        """Notes, before the first named customer is written, that there are some: no index could tell, and a scan reads everybody's."""
        if workspace not in self.marked:
            self.table.put(_marker(workspace))
            self.marked.add(workspace)

    def any_with_primary_key(self, workspace: str) -> bool:
        """Whether the workspace has, or ever had, a customer with a primary key."""
        return self.table.get(_marker(workspace)) is not None

    def get(self, keys: Sequence[RowKey]) -> list[Row]:
        """The rows of one workspace that exist among these keys, read strongly."""
        return [_row(keys[0].workspace, item) for item in self.table.get_many([_item_key(key) for key in keys])]

    def by_primary_key(self, workspace: str, primary: Identifier) -> list[Row]:
        """All rows under a primary key, read strongly."""
        items = self.table.query_all("primaryKey = :p", {":p": _hash(workspace, primary)}, ConsistentRead=True)
        return [_row(workspace, item) for item in items]

    def tombstones(self, workspace: str, identifiers: Sequence[Identifier]) -> dict[Identifier, datetime]:
        """When customers of these names were erased; a tombstone knows a name only as a keyed hash."""
        names = {self._tombstone(workspace, each): each for each in identifiers}
        items = self.table.get_many([{"primaryKey": name, "correlationId": HEAD} for name in names])
        return {names[item["primaryKey"]]: instant(item["erasedAt"]) for item in items}

    def add_tombstones(self, workspace: str, identifiers: Sequence[Identifier], at: datetime) -> None:
        """Puts tombstones for names of a customer that is being erased; they stay for ever."""
        names = [self._tombstone(workspace, each) for each in identifiers]
        self.table.put_many([{"primaryKey": name, "correlationId": HEAD, "erasedAt": iso(at)} for name in names])

    def remove(self, keys: Sequence[RowKey]) -> None:
        """Removes rows of a customer that is being erased."""
        self.table.delete_many([_item_key(key) for key in keys])

    def _tombstone(self, workspace: str, identifier: Identifier) -> str:
        named = f"{identifier.kind} {identifier.value}".encode()
        return f"{workspace}#x{hmac.new(self.tombstone_key(workspace), named, hashlib.sha256).hexdigest()}"

    def find_by_id(self, workspace: str, customer: str) -> RowKey | None:
        """The key of the row that answers for a customer's id, or of the pair that absorbed it. The index lags by moments."""
        items, _ = self.table.query("id = :id", {":id": f"{workspace}#{customer}"}, IndexName="byId", Limit=1)
        if not items:
            return None
        rows = self.table.get_many([{"primaryKey": items[0]["primaryKey"], "correlationId": items[0]["correlationId"]}])
        return _row(workspace, rows[0]).key if rows else None


def _marker(workspace: str) -> Item:
    return {"primaryKey": f"{workspace}#", "correlationId": HEAD}


def _hash(workspace: str, owner: Identifier) -> str:
    return f"{workspace}#{_LETTERS[owner.kind]}{key_part(owner.value)}"


def _item_key(key: RowKey) -> Item:
    return {"primaryKey": _hash(key.workspace, key.owner), "correlationId": key_part(key.correlation.value) if key.correlation else HEAD}


def _as_read(row: Row) -> Item:
    if row.revision == 0:
        return {"ConditionExpression": "attribute_not_exists(rev)"}
    return {"ConditionExpression": "rev = :rev", "ExpressionAttributeValues": {":rev": row.revision}}


def _item(row: Row) -> Item:
    key = _item_key(row.key)
    claims_id = row.linked_to is None and (row.key.correlation is None or row.key.owner == row.key.correlation)
    answers_for = row.customer if claims_id else row.merged_id
    count, size = size_of(row.facts)
    return {
        **row.facts,
        **key,
        "rev": row.revision + 1,
        "customer": row.customer,
        "id": answers_for and f"{row.key.workspace}#{answers_for}",
        "newest": row.newest_stamp,
        "attributeCount": count,
        "attributeBytes": size,
        "linked": row.linked_to and row.linked_to.value,
        "ids": row.id_count or None,
        "absorbed": row.merged_id,
        "moving": row.merge_pending or None,
        "since": iso(row.erased_at) if row.erased_at else None,
        "owner": _unless_in(key["primaryKey"].split("#", 1)[1][1:], row.key.owner),
        "correlation": row.key.correlation and _unless_in(key["correlationId"], row.key.correlation),
    }


def _unless_in(part: str, identifier: Identifier) -> str | None:
    """A value that its key part holds only as a hash."""
    return identifier.value if part.startswith("~") else None


def _row(workspace: str, item: Item) -> Row:
    letter, owner = item["primaryKey"].split("#", 1)[1][:1], item["primaryKey"].split("#", 1)[1][1:]
    own = Identifier("primary" if _KINDS[letter] == "primary" else "correlation", item.get("owner") or owner[1:])
    part = item["correlationId"]
    correlation = None if part == HEAD else Identifier("correlation", item.get("correlation") or part[1:])
    return Row(
        key=RowKey(workspace, own, correlation),
        customer=item["customer"],
        revision=item["rev"],
        facts=dict(_facts(item.items())),
        linked_to=Identifier("primary", item["linked"]) if "linked" in item else None,
        id_count=item.get("ids", 0),
        merged_id=item.get("absorbed"),
        merge_pending=item.get("moving", False),
        erased_at=instant(item["since"]) if "since" in item else None,
    )


def _facts(attributes: Iterable[tuple[str, object]]) -> Iterable[tuple[str, str]]:
    return ((name, str(value)) for name, value in attributes if name == "p" or name[:2] in _FACTS)
