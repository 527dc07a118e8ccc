"""The customer, the rows that it is merged from, and the table of `$identify` (contract 2).

A customer is the merge of the rows under its primary key: the head (the claim on the primary key), and one pair for each
correlation id. A correlation id's own row is the anonymous customer until it is linked; from then on it only points.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, NamedTuple

from waypost.domain.customers import facts as known_facts
from waypost.domain.customers.facts import Facts, merge, stamp_of, weight
from waypost.domain.customers.identifiers import Identifier, shown
from waypost.domain.customers.schema import PrimaryKey
from waypost.domain.reasons import Reason
from waypost.domain.values.generated_ids import customer_id
from waypost.domain.values.wire_time import iso

CORRELATION_IDS: Final = 100
ATTRIBUTES: Final = 500
ATTRIBUTE_BYTES: Final = 128 * 1024
SMALL_ROW_ATTRIBUTES: Final = 100
SMALL_ROW_BYTES: Final = 24 * 1024
"""What a row may hold that is written without a look at the customer's other rows."""


class RowKey(NamedTuple):
    """The key of a customer's row: whose row it is, and which correlation id it is about (None: the head)."""

    workspace: str
    owner: Identifier
    correlation: Identifier | None


def head_key(workspace: str, primary: Identifier) -> RowKey:
    """The claim on a primary key value."""
    return RowKey(workspace, primary, None)


def pair_key(workspace: str, primary: Identifier, correlation: Identifier) -> RowKey:
    """What a customer set under one of its correlation ids."""
    return RowKey(workspace, primary, correlation)


def correlation_key(workspace: str, correlation: Identifier) -> RowKey:
    """The claim on a correlation id: an anonymous customer, or a pointer to the named one."""
    return RowKey(workspace, correlation, correlation)


class LinkRequest(NamedTuple):
    """What an `$identify` says is one customer: a primary key value and its correlation ids, in a workspace."""

    workspace: str
    primary: Identifier
    correlations: tuple[Identifier, ...]


def owner_key(workspace: str, identifier: Identifier) -> RowKey:
    """The row that says whose an identifier is."""
    return head_key(workspace, identifier) if identifier.kind == "primary" else correlation_key(workspace, identifier)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the customers table.

    `rev` counts its writes (0: not written yet); `linked` makes it a pointer; `ids` counts the correlation ids of a head. A pair
    remembers the anonymous customer that was `absorbed` with its correlation id, and whether its runs are still `moving`. Facts up to
    `since`, when an earlier customer of this name was erased, are not taken.
    """

    key: RowKey
    customer: str
    revision: int = 0
    facts: Facts = field(default_factory=dict)
    linked: Identifier | None = None
    ids: int = 0
    absorbed: str | None = None
    merge_pending: bool = False
    erased_at: datetime | None = None

    def with_facts(self, facts: Facts) -> Row:
        """The row with these facts merged in; the row itself where they say nothing new."""
        merged = merge(self.facts, facts_after(facts, self.erased_at))
        return self if merged == self.facts else replace(self, facts=merged)

    @property
    def newest(self) -> str:
        """The greatest stamp of its facts, or of what it does not take."""
        return max((stamp_of(text) for text in self.facts.values()), default=known_facts.floor(self.erased_at) if self.erased_at else "")

    @property
    def is_small(self) -> bool:
        """Whether it may be written without a look at the customer's other rows."""
        count, size = weight(self.facts)
        return count <= SMALL_ROW_ATTRIBUTES and size <= SMALL_ROW_BYTES


def exceeds_limits(rows: Iterable[Row]) -> bool:
    """Whether a customer of these rows would hold more attributes than one may."""
    count, size = weight(merge(*(row.facts for row in rows)))
    return count > ATTRIBUTES or size > ATTRIBUTE_BYTES


def facts_after(facts: Facts, erased_at: datetime | None) -> Facts:
    """The facts that happened after an erasure."""
    return facts if erased_at is None else {name: text for name, text in facts.items() if known_facts.happened_after(text, erased_at)}


@dataclass(frozen=True, slots=True)
class NotUpdated:
    """A touch that did not happen, with the row as it is (None: there is none)."""

    row: Row | None


@dataclass(frozen=True, slots=True)
class Link:
    """What an `$identify` comes to: the customer, and the rows to save together (none: all is known already)."""

    customer: str
    rows: tuple[Row, ...]


Tombstones = Mapping[Identifier, datetime]
"""When customers of these names were erased, for those that were."""


def new_row(key: RowKey, tombstones: Tombstones) -> Row:
    """The first row of a customer that nothing is known of yet. Its id differs from that of a customer who was erased."""
    erased_at = tombstones.get(key.owner)
    first_id = key.owner.value if erased_at is None else f"{key.owner.value} {iso(erased_at)}"
    return Row(key, customer_id(key.workspace, key.owner.kind, first_id), erased_at=erased_at)


def link(names: LinkRequest, facts: Facts, known: Mapping[RowKey, Row | None], at: datetime, tombstones: Tombstones) -> Link | Reason:
    """What an `$identify` that happened at this time comes to, by the rows that are known: all its ids become the customer's, or none."""
    changed: dict[RowKey, Row] = {}
    customer = ""
    for correlation in names.correlations:
        said = facts if correlation == names.correlations[0] else {}
        done = _link(names, correlation, said, {**known, **changed}, at, tombstones)
        if isinstance(done, Reason):
            return done
        customer = done.customer
        changed |= {row.key: row for row in done.rows}
    return Link(customer, tuple(changed.values()))


def _link(
    names: LinkRequest, correlation: Identifier, facts: Facts, known: Mapping[RowKey, Row | None], at: datetime, tombstones: Tombstones
) -> Link | Reason:
    """The cell of the `$identify` table that the rows of one correlation id are in."""
    keys = pair_key(names.workspace, names.primary, correlation), head_key(names.workspace, names.primary)
    there = known.get(keys[0])
    if there is not None:
        return _repeated(there, facts, at)
    own = correlation_key(names.workspace, correlation)
    pointer = known.get(own) or new_row(own, tombstones)
    if pointer.linked is not None and pointer.linked != names.primary:
        return Reason.CORRELATION_CONFLICT
    head = known.get(keys[1]) or replace(new_row(keys[1], tombstones), customer=pointer.customer)
    erased_at = max((each.erased_at for each in (pointer, head) if each.erased_at is not None), default=None)
    if erased_at is not None and at <= erased_at:
        return Reason.ERASED
    if head.ids >= CORRELATION_IDS:
        return Reason.TOO_MANY_IDS
    return _linked(
        pointer, head, Row(keys[0], head.customer, facts=merge(pointer.facts, facts_after(facts, erased_at)), erased_at=erased_at)
    )


def _repeated(pair: Row, facts: Facts, at: datetime) -> Link | Reason:
    if pair.erased_at is not None and at <= pair.erased_at:
        return Reason.ERASED
    changed = pair.with_facts(facts)
    return Link(pair.customer, () if changed is pair else (changed,))


def _linked(pointer: Row, head: Row, pair: Row) -> Link:
    absorbed = pointer.customer if pointer.revision and pointer.customer != head.customer else None
    points = replace(pointer, customer=head.customer, linked=head.key.owner, facts={})
    return Link(
        head.customer, (points, replace(head, ids=head.ids + 1), replace(pair, absorbed=absorbed, merge_pending=absorbed is not None))
    )


@dataclass(frozen=True, slots=True)
class Customer:
    """The person that events are about, as conditions, templates and the API see it; `absorbed` are ids that it had besides its own."""

    workspace: str
    id: str
    primary: Identifier | None
    primary_key: Any
    correlation_ids: tuple[str, ...]
    attributes: Mapping[str, Any]
    tokens: Mapping[str, str]
    absorbed: tuple[str, ...] = ()

    @property
    def anonymous(self) -> bool:
        """Whether no primary key names it yet."""
        return self.primary is None

    @property
    def lookup_id(self) -> Identifier:
        """An identifier by which it can be read strongly."""
        return self.primary or Identifier("correlation", self.correlation_ids[0])


def assemble(rows: Iterable[Row], key: PrimaryKey | None) -> Customer | None:
    """The customer that these rows make: a head and its pairs, or the own row of an anonymous one."""
    found = list(rows)
    first = next((row for row in found if row.key.correlation is None or row.key.owner == row.key.correlation), None)
    if first is None or first.linked is not None:
        return None
    facts = merge(*(row.facts for row in found))
    primary = first.key.owner if first.key.correlation is None else None
    given = facts.get(known_facts.PRIMARY)
    named = known_facts.value_of(given) if given else primary and shown(primary, primary.value, key)
    attributes = known_facts.attributes(facts)
    if primary is not None and key is not None:
        attributes = {key.name: named, **attributes}
    ids = tuple(row.key.correlation.value for row in found if row.key.correlation is not None)
    absorbed = tuple(row.absorbed for row in found if row.absorbed is not None)
    return Customer(first.key.workspace, first.customer, primary, named, ids, attributes, known_facts.tokens(facts), absorbed)
