"""Writes facts and identifications to the rows of customers. The intake and the matcher both use these functions.

One implementation for both matters: an event whose facts the intake could not write in time is written by the matcher, and must have
the same effect there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from waypost.domain.customers.consents import consents_in, has_too_many, without_consents
from waypost.domain.customers.facts import Facts
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.customers.identify_rules import IdentifyRequest, plan_identify
from waypost.domain.customers.rows import (
    Row,
    RowKey,
    Tombstones,
    correlation_key,
    exceeds_limits,
    facts_after,
    head_key,
    new_row,
    owner_key,
    pair_key,
)
from waypost.domain.errors import UnavailableError
from waypost.domain.intake.events import Event
from waypost.domain.reasons import Reason
from waypost.ports import Customers

WRITE_ATTEMPTS: Final = 12
"""How often a conditional write is planned again after another writer was faster. More means that something is wrong; SQS retries."""


def identify_customer(customers: Customers, workspace: str, event: Event) -> str | Reason:
    """Carries out an `$identify`. Returns the id of the customer, or the reason why nothing was changed. It is idempotent.

    UnavailableError if the customers table is unavailable, if other writers change the same rows all the time, or while a customer of the
    event's identifiers is being erased.
    """
    identification = event.identification
    if identification is None:
        raise ValueError(f"{event.name} is no identification")
    named = (event.identifier, identification.anonymous_id)
    correlations = tuple(dict.fromkeys(each for each in named if each is not None and each.kind == "correlation"))
    if not correlations:
        return write_facts(customers, head_key(workspace, identification.primary), event.facts)
    return _link_ids(customers, IdentifyRequest(workspace, identification.primary, correlations), event.facts, event.at)


def _link_ids(customers: Customers, request: IdentifyRequest, facts: Facts, at: datetime) -> str | Reason:
    """Links correlation ids to a primary key value and writes facts.

    An `$identify` that repeats a known link, by far the most frequent one, takes one conditional update. Only if its condition is false
    are the rows planned and saved in a transaction.
    """
    pairs = [pair_key(request.workspace, request.primary, each) for each in request.correlations]
    stored = _read_rows(customers, request) if pairs[1:] else {}
    if all(stored.get(pair) for pair in pairs[1:]):
        updated = customers.update_if_newer(pairs[0], facts)
        if isinstance(updated, Row):
            return updated.customer
        stored[pairs[0]] = updated.row
    identifiers = [request.primary, *request.correlations]
    tombstones = {} if all(stored.get(pair) for pair in pairs) else customers.tombstones(request.workspace, identifiers)
    for _ in range(WRITE_ATTEMPTS):
        _require_not_erasing(stored.values())
        plan = plan_identify(request, facts, stored, at, tombstones)
        if isinstance(plan, Reason):
            return plan
        if full := _limit_reached(customers, plan.rows):
            return full
        # The first plan may rest on rows that were never read: it treats them as not stored. The transaction checks that, and returns
        # the rows that differ as they are now, so the next plan is made from the rows of the faster writer without a read.
        stale = customers.save(plan.rows) if plan.rows else None
        if stale is None:
            return plan.customer
        stored |= stale
        if None in stale.values():
            # A row that was there is gone, or a new one has another tombstone. Only an erasure removes rows, and it writes its tombstones
            # first: they must be read again, or the erased customer would be created again from an event of the time before.
            tombstones = customers.tombstones(request.workspace, identifiers)
    raise UnavailableError("other writers changed a customer's rows too often")


def _read_rows(customers: Customers, request: IdentifyRequest) -> dict[RowKey, Row | None]:
    """All rows that an `$identify` of two ids concerns.

    They are read before anything is written: if the second id is in conflict, the facts must not have been written to the first.
    """
    keys = [head_key(request.workspace, request.primary)]
    for each in request.correlations:
        keys += pair_key(request.workspace, request.primary, each), correlation_key(request.workspace, each)
    return {row.key: row for row in customers.get(keys)}


def write_facts(
    customers: Customers, key: RowKey, facts: Facts, linked_to: Identifier | None = None, tombstones: Tombstones | None = None
) -> str | Reason:
    """Merges facts into a row, which is created if it is not stored; a pointer is followed to its pair.

    Returns the id of the customer, or the reason why nothing was changed. `linked_to` is the primary key value that the row pointed to
    when it was last read, if that is known: the pair is then written directly, which saves the failed write to the pointer. It may be
    wrong or outdated. `tombstones`, if they are given, are those by which the caller has decided that its events happened after every
    erasure; UnavailableError if the row is gone because of a later one. UnavailableError also as for `identify_customer`.

    Consents are written to the main row of the customer, which is the head if the row is a pointer.
    """
    if consents := consents_in(facts):
        outcome = _write_consents(customers, key, consents, tombstones)
        others = without_consents(facts)
        return write_facts(customers, key, others, linked_to, tombstones) if others and not isinstance(outcome, Reason) else outcome
    if linked_to is not None and key.correlation is not None:
        pair = pair_key(key.workspace, linked_to, key.correlation)
        updated = customers.update_if_newer(pair, facts)
        if isinstance(updated, Row):
            return updated.customer
        if updated.row is not None:
            return _merge_and_save(customers, pair, updated.row, facts, tombstones)
    updated = customers.update_if_newer(key, facts)
    return updated.customer if isinstance(updated, Row) else _merge_and_save(customers, key, updated.row, facts, tombstones)


def _write_consents(customers: Customers, key: RowKey, consents: Facts, tombstones: Tombstones | None) -> str | Reason:
    """Merges consents into the main row of the customer of an owner's row."""
    # Read first, although most updates could do without: the number of consents in a row has a limit that only a reader can check. Consents
    # are rare. They stay out of the pairs, so that the sender finds the consents of a customer in one row.
    row = next(iter(customers.get([key])), None)
    if row is not None and row.linked_to is not None:
        key = head_key(key.workspace, row.linked_to)
        row = next(iter(customers.get([key])), None)
        if row is None:
            raise UnavailableError("a pointer without its head: the customer is being erased")
    return _merge_and_save(customers, key, row, consents, tombstones)


def _merge_and_save(customers: Customers, key: RowKey, row: Row | None, facts: Facts, decided_by: Tombstones | None) -> str | Reason:
    """Merges facts into a row as it was read (None: it is not stored), and saves it if that changes anything."""
    tombstones = {} if row else customers.tombstones(key.workspace, [key.owner])
    for _ in range(WRITE_ATTEMPTS):
        if row is None and key.correlation not in (None, key.owner):
            # An erasure has removed the pair and not yet the pointer. A pair that is created now would survive the erasure without a head.
            raise UnavailableError("a pointer without its pair: the customer is being erased")
        if row is not None and row.linked_to is not None and key.correlation is not None:
            if consents_in(facts):
                return _write_consents(customers, key, facts, decided_by)
            return write_facts(customers, pair_key(key.workspace, row.linked_to, key.correlation), facts, tombstones=decided_by)
        _require_not_erasing([row])
        if row is None and decided_by is not None and tombstones.get(key.owner) != decided_by.get(key.owner):
            # The erasure came between the caller's decision and this write. An event without facts does not show that it is older, and
            # would create an empty new customer here.
            raise UnavailableError("the customer was erased meanwhile")
        updated = (row or new_row(key, tombstones)).with_facts(facts)
        if facts and not facts_after(facts, updated.erased_at):
            return Reason.ERASED
        if row is not None and updated is row:
            return row.customer
        if full := _limit_reached(customers, [updated], adds_attributes=not consents_in(facts)):
            return full
        stale = customers.save((updated,))
        if stale is None:
            return updated.customer
        row = stale[key]
        tombstones = {} if row else customers.tombstones(key.workspace, [key.owner])
    raise UnavailableError("other writers changed a customer's row too often")


def _require_not_erasing(rows: Iterable[Row | None]) -> None:
    """UnavailableError if one of these rows belongs to a customer who is being erased."""
    # What is written to such a row is removed with it, although it happened after the erasure, and an id that joins the customer is erased
    # as well. The event has to wait until the rows are gone: on the queue, with everything that it sets.
    if any(row is not None and row.erasing for row in rows):
        raise UnavailableError("this customer is being erased")


def _limit_reached(customers: Customers, rows: Sequence[Row], *, adds_attributes: bool = True) -> Reason | None:
    """Which limit a customer would exceed with what these new versions of its rows hold together with its other rows; or None.

    Without `adds_attributes`, the limits of attributes are not checked: they must not keep a customer from unsubscribing.
    The other rows are read only if one of these is large: reading them for every write would double its price. The limits are
    therefore exact for large rows only; a customer with many devices, each with a small row, can exceed them.
    """
    if any(has_too_many(row.facts) for row in rows):
        return Reason.CONSENTS_FULL
    large_row = next((row for row in rows if not row.is_small), None)
    if large_row is None or not adds_attributes:
        return None
    written = {row.key for row in rows}
    owner = large_row.key.owner
    stored = customers.by_primary_key(large_row.key.workspace, owner) if owner.kind == "primary" else []
    return Reason.ATTRIBUTES_FULL if exceeds_limits([*rows, *(row for row in stored if row.key not in written)]) else None


def find_rows(customers: Customers, workspace: str, identifier: Identifier) -> list[Row]:
    """The rows of the customer that an identifier belongs to, read strongly consistently; no rows if it belongs to none."""
    if identifier.kind == "correlation":
        own_row = customers.get([owner_key(workspace, identifier)])
        if not own_row or own_row[0].linked_to is None:
            return own_row
        identifier = own_row[0].linked_to
    return customers.by_primary_key(workspace, identifier)
