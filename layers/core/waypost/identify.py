"""Facts applied to customers: the one function for it, used by the intake and by the matcher alike."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from waypost.domain.customers.customer import (
    LinkRequest,
    Row,
    RowKey,
    correlation_key,
    exceeds_limits,
    facts_after,
    head_key,
    link,
    new_row,
    owner_key,
    pair_key,
)
from waypost.domain.customers.facts import Facts
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.errors import UnavailableError
from waypost.domain.intake.events import Event
from waypost.domain.reasons import Reason
from waypost.ports import Customers

ATTEMPTS: Final = 12


def identify_customer(customers: Customers, workspace: str, event: Event) -> str | Reason:
    """Carries out an `$identify`: the id of the customer that it names, or why it names none. Repeating it changes nothing."""
    identification = event.identification
    if identification is None:
        raise ValueError(f"{event.name} names nobody")
    given = (event.identifier, identification.anonymous_id)
    correlations = tuple(dict.fromkeys(each for each in given if each is not None and each.kind == "correlation"))
    if not correlations:
        return record(customers, head_key(workspace, identification.primary), event.facts)
    return _join(customers, LinkRequest(workspace, identification.primary, correlations), event.facts, event.at)


def _join(customers: Customers, names: LinkRequest, facts: Facts, at: datetime) -> str | Reason:
    """Links correlation ids to a primary key. One write for a pair that exists and is older, else one transaction for all of them."""
    pairs = [pair_key(names.workspace, names.primary, each) for each in names.correlations]
    found = _read(customers, names) if pairs[1:] else {}
    if all(found.get(pair) for pair in pairs[1:]):
        updated = customers.update_if_newer(pairs[0], facts)
        if isinstance(updated, Row):
            return updated.customer
        found[pairs[0]] = updated.row
    tombstones = (
        {} if all(found.get(pair) for pair in pairs) else customers.tombstones(names.workspace, [names.primary, *names.correlations])
    )
    for _ in range(ATTEMPTS):
        plan = link(names, facts, found, at, tombstones)
        if isinstance(plan, Reason):
            return plan
        if not _fits(customers, plan.rows):
            return Reason.ATTRIBUTES_FULL
        stale = customers.save(plan.rows) if plan.rows else None
        if stale is None:
            return plan.customer
        found |= stale
        if None in stale.values():  # only an erasure takes a row away, and then there is a tombstone by now
            tombstones = customers.tombstones(names.workspace, [names.primary, *names.correlations])
    raise UnavailableError("a customer's rows changed too often")


def _read(customers: Customers, names: LinkRequest) -> dict[RowKey, Row | None]:
    """All rows that names are about, read together: where one id may be refused, nothing of the others may be written first."""
    keys = [head_key(names.workspace, names.primary)]
    for each in names.correlations:
        keys += pair_key(names.workspace, names.primary, each), correlation_key(names.workspace, each)
    return {row.key: row for row in customers.get(keys)}


def record(customers: Customers, key: RowKey, facts: Facts, linked: Identifier | None = None) -> str | Reason:
    """Writes facts into a row, which is made where there is none; a pointer is followed. Answers the customer's id.

    `linked` is the primary key that the row pointed to when somebody looked: that saves the way over the pointer.
    """
    if linked is not None and key.correlation is not None:
        pair = pair_key(key.workspace, linked, key.correlation)
        updated = customers.update_if_newer(pair, facts)
        if isinstance(updated, Row):
            return updated.customer
        if updated.row is not None:
            return _write(customers, pair, updated.row, facts)
    updated = customers.update_if_newer(key, facts)
    return updated.customer if isinstance(updated, Row) else _write(customers, key, updated.row, facts)


def _write(customers: Customers, key: RowKey, row: Row | None, facts: Facts) -> str | Reason:
    """Merges facts into a row as it was read, or into a first one, and saves it unless that says nothing new."""
    tombstones = {} if row else customers.tombstones(key.workspace, [key.owner])
    for _ in range(ATTEMPTS):
        if row is None and key.correlation not in (None, key.owner):
            raise UnavailableError("a pointer without its pair: the customer is just being erased")
        if row is not None and row.linked is not None and key.correlation is not None:
            return record(customers, pair_key(key.workspace, row.linked, key.correlation), facts)
        changed = (row or new_row(key, tombstones)).with_facts(facts)
        if facts and not facts_after(facts, changed.erased_at):
            return Reason.ERASED
        if row is not None and changed is row:
            return row.customer
        if not _fits(customers, [changed]):
            return Reason.ATTRIBUTES_FULL
        stale = customers.save((changed,))
        if stale is None:
            return changed.customer
        row = stale[key]
        tombstones = {} if row else customers.tombstones(key.workspace, [key.owner])
    raise UnavailableError("a customer's row changed too often")


def _fits(customers: Customers, rows: Sequence[Row]) -> bool:
    """Whether a customer has room for these of its rows; what lies in its other rows is asked only where one of these is heavy."""
    heavy = next((row for row in rows if not row.is_small), None)
    if heavy is None:
        return True
    written = {row.key for row in rows}
    there = customers.named(heavy.key.workspace, heavy.key.owner) if heavy.key.owner.kind == "primary" else []
    return not exceeds_limits([*rows, *(row for row in there if row.key not in written)])


def find(customers: Customers, workspace: str, identifier: Identifier) -> list[Row]:
    """The rows of the customer that an identifier names; none where it names nobody."""
    if identifier.kind == "correlation":
        own = customers.get([owner_key(workspace, identifier)])
        if not own or own[0].linked is None:
            return own
        identifier = own[0].linked
    return customers.named(workspace, identifier)
