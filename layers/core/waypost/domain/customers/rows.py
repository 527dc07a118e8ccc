"""The rows of the customers table, from which a customer is assembled.

A customer with a primary key has a head, the row that claims the primary key value, and a pair for each of its correlation ids. A
correlation id also has a row of its own: the anonymous customer, until an `$identify` links the id to a primary key value. From then
on this row is a pointer, which names the primary key value and holds no facts.

Facts stay in the row under whose identifiers they were set, and are merged when the customer is read. Two devices of one customer
therefore write different rows and do not conflict, and a merge of two customers moves one row: it never has to read, change and
write a customer's attributes as a whole, which would lose what another writer sets in between.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, NamedTuple

from waypost.domain.customers.facts import Facts, happened_after, highest_stamp_until, merge, size_of, stamp_of
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.values.generated_ids import customer_id
from waypost.domain.values.wire_time import iso

ATTRIBUTES: Final = 500
ATTRIBUTE_BYTES: Final = 128 * 1024
"""What all rows of a customer may hold together (`docs/customers.md#limits`)."""

SMALL_ROW_ATTRIBUTES: Final = 100
SMALL_ROW_BYTES: Final = 24 * 1024
"""What a row may hold that is written without reading the customer's other rows. A larger one is written only after their sum is known."""

Tombstones = Mapping[Identifier, datetime]
"""The time of erasure for each of some identifiers whose customer was erased."""


class RowKey(NamedTuple):
    """The key of a row: the identifier that owns it, and the correlation id that it is about (None: it is a head)."""

    workspace: str
    owner: Identifier
    correlation: Identifier | None

    @property
    def is_main(self) -> bool:
        """Whether a row of this key makes a customer: a head, or a correlation id's own row."""
        return self.correlation is None or self.correlation == self.owner


def head_key(workspace: str, primary: Identifier) -> RowKey:
    """The key of the head, which claims a primary key value."""
    return RowKey(workspace, primary, None)


def pair_key(workspace: str, primary: Identifier, correlation: Identifier) -> RowKey:
    """The key of the pair that holds what was set under a linked correlation id."""
    return RowKey(workspace, primary, correlation)


def correlation_key(workspace: str, correlation: Identifier) -> RowKey:
    """The key of a correlation id's own row: an anonymous customer, or a pointer to a primary key value."""
    return RowKey(workspace, correlation, correlation)


def owner_key(workspace: str, identifier: Identifier) -> RowKey:
    """The key of the row that determines the customer of an identifier: a head, or a correlation id's own row."""
    return head_key(workspace, identifier) if identifier.kind == "primary" else correlation_key(workspace, identifier)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the customers table.

    `customer` is a customer id. `revision` counts the row's writes (0: it is not stored yet); a write is conditional on it. `linked_to`
    makes the row a pointer. `id_count` is the number of correlation ids, in a head. `merged_id` is the id of the anonymous customer that
    was merged into this one together with the pair's correlation id; `merge_pending` is True until its runs have been moved.
    `erased_at` is the time at which an earlier customer of this identifier was erased: facts from before it are not merged into the row.
    `erasing` says that the customer of this row is being erased: nothing is written to the row any more.
    """

    key: RowKey
    customer: str
    revision: int = 0
    facts: Facts = field(default_factory=dict)
    linked_to: Identifier | None = None
    id_count: int = 0
    merged_id: str | None = None
    merge_pending: bool = False
    erased_at: datetime | None = None
    erasing: bool = False

    def with_facts(self, facts: Facts) -> Row:
        """The row with these facts merged in; the row itself, the same object, if they change nothing."""
        merged = merge(self.facts, facts_after(facts, self.erased_at))
        return self if merged == self.facts else replace(self, facts=merged)

    @property
    def newest_stamp(self) -> str:
        """The greatest stamp of the row's facts. Facts that are all newer can be written over the row without reading it first.

        A row without facts that follows an erasure has the greatest stamp of that time, so that older facts do not pass as newer.
        """
        return max((stamp_of(text) for text in self.facts.values()), default=highest_stamp_until(self.erased_at) if self.erased_at else "")

    @property
    def is_small(self) -> bool:
        """Whether the row may be written without reading the customer's other rows."""
        count, size = size_of(self.facts)
        return count <= SMALL_ROW_ATTRIBUTES and size <= SMALL_ROW_BYTES


@dataclass(frozen=True, slots=True)
class NotUpdated:
    """The result of an update whose condition was false: the row as it is stored (None: there is none)."""

    row: Row | None


def new_row(key: RowKey, tombstones: Tombstones) -> Row:
    """The row of a customer of whom nothing is stored, with a customer id made from its identifier.

    After an erasure the id also contains the time of the erasure. With its old id the customer would continue the erased one: the
    runs table refuses every write for that id, so the new customer could never enter a journey.
    """
    erased_at = tombstones.get(key.owner)
    first_id = key.owner.value if erased_at is None else f"{key.owner.value} {iso(erased_at)}"
    return Row(key, customer_id(key.workspace, key.owner.kind, first_id), erased_at=erased_at)


def facts_after(facts: Facts, erased_at: datetime | None) -> Facts:
    """The facts of events that happened after an erasure; all of them if there was none."""
    return facts if erased_at is None else {name: text for name, text in facts.items() if happened_after(text, erased_at)}


def exceeds_limits(rows: Iterable[Row]) -> bool:
    """Whether a customer of these rows has more attributes, or more bytes of them, than a customer may have."""
    count, size = size_of(merge(*(row.facts for row in rows)))
    return count > ATTRIBUTES or size > ATTRIBUTE_BYTES
