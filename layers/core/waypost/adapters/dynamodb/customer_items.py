"""Customers' rows as items of the customers table.

Facts are attributes of their own (`a:plan`, `t:ios`, `p`, `c:s/email/news`), so that one update can write some of them without a read of
the others. Their names all differ from the names of the other attributes, whatever a caller calls an attribute.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from waypost.adapters.dynamodb.items import Item
from waypost.domain.customers.facts import ATTRIBUTE_PREFIX, CONSENT_PREFIX, PRIMARY_KEY, TOKEN_PREFIX, size_of
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.customers.rows import Row, RowKey
from waypost.domain.values.generated_ids import key_part
from waypost.domain.values.wire_time import instant, iso

FIRST_ROW: Final = "#"
"""The sort key of a head, and of the rows that have no correlation id at all. It sorts before all correlation ids."""

_HASHED: Final = "~"
"""How `key_part` begins where it holds only the hash of a long text."""

_FACT_PREFIXES: Final = (ATTRIBUTE_PREFIX, TOKEN_PREFIX, CONSENT_PREFIX)

_LETTER_OF_KIND: Final = {"correlation": "c", "primary": "p"}
_KIND_OF_LETTER: Final[Mapping[str, Literal["correlation", "primary"]]] = {"c": "correlation", "p": "primary"}


def partition_key(workspace: str, owner: Identifier) -> str:
    """The partition key of all rows under an identifier: `<workspace>#p=<primary key>` or `<workspace>#c=<correlation id>`."""
    return f"{workspace}#{_LETTER_OF_KIND[owner.kind]}{key_part(owner.value)}"


def key_of(key: RowKey) -> Item:
    """The key of a row as DynamoDB takes it."""
    sort_key = key_part(key.correlation.value) if key.correlation else FIRST_ROW
    return {"primaryKey": partition_key(key.workspace, key.owner), "correlationId": sort_key}


def to_item(row: Row) -> Item:
    """A row as it is written, one revision higher."""
    key = key_of(row.key)
    # The index by id shows one row for each id: the head or the own row of a customer for the customer's id, and a pair for the id that
    # was merged with its correlation id. A pointer is not in the index.
    holds_customer = row.linked_to is None and (row.key.correlation is None or row.key.owner == row.key.correlation)
    indexed_id = row.customer if holds_customer else row.merged_id
    count, size = size_of(row.facts)
    return {
        **row.facts,
        **key,
        "rev": row.revision + 1,
        "customer": row.customer,
        "id": indexed_id and f"{row.key.workspace}#{indexed_id}",
        "newest": row.newest_stamp,
        "attributeCount": count,
        "attributeBytes": size,
        "linked": row.linked_to and row.linked_to.value,
        "ids": row.id_count or None,
        "absorbed": row.merged_id,
        "moving": row.merge_pending or None,
        "since": iso(row.erased_at) if row.erased_at else None,
        "erasing": row.erasing or None,
        "owner": _unless_in_key(_owner_part(key)[1:], row.key.owner),
        "correlation": row.key.correlation and _unless_in_key(key["correlationId"], row.key.correlation),
    }


def from_item(workspace: str, item: Item) -> Row:
    """The row in an item of this workspace."""
    part, sort_key = _owner_part(item), item["correlationId"]
    owner = Identifier(_KIND_OF_LETTER[part[0]], item.get("owner") or part[2:])
    correlation = None if sort_key == FIRST_ROW else Identifier("correlation", item.get("correlation") or sort_key[1:])
    return Row(
        key=RowKey(workspace, owner, correlation),
        customer=item["customer"],
        revision=item["rev"],
        facts={name: str(value) for name, value in item.items() if name == PRIMARY_KEY or name.startswith(_FACT_PREFIXES)},
        linked_to=Identifier("primary", item["linked"]) if "linked" in item else None,
        id_count=item.get("ids", 0),
        merged_id=item.get("absorbed"),
        merge_pending=item.get("moving", False),
        erased_at=instant(item["since"]) if "since" in item else None,
        erasing=item.get("erasing", False),
    )


def holds_primary(key: Item) -> bool:
    """Whether the key of a row belongs to a primary key value."""
    return _owner_part(key).startswith(_LETTER_OF_KIND["primary"])


def value_in_key(key: Item) -> str | None:
    """The value of the identifier to which the key of a row belongs; None if the key has only its hash."""
    part = _owner_part(key)[1:]
    return None if part.startswith(_HASHED) else part[1:]


def _owner_part(key: Item) -> str:
    """The kind of the owner, as a letter, and its value, out of a partition key."""
    return str(key["primaryKey"]).split("#", 1)[1]


def _unless_in_key(part: str, identifier: Identifier) -> str | None:
    """The value of an identifier if its part of the key holds only its hash; else None, since the key itself holds the value."""
    return identifier.value if part.startswith(_HASHED) else None
