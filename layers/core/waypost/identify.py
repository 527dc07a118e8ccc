"""Facts applied to customers: the one function for it, used by the intake and by the matcher alike."""

from __future__ import annotations

from typing import Final

from waypost.domain.customers import Claims, Row, RowKey, claim_key, head_key, link, own_key, pair_key
from waypost.domain.errors import UnavailableError
from waypost.domain.events import Event
from waypost.domain.facts import Facts
from waypost.domain.identifiers import customer_id
from waypost.domain.identity import Identifier
from waypost.domain.reasons import Reason
from waypost.ports import Customers

ATTEMPTS: Final = 12


def apply_naming(customers: Customers, workspace: str, event: Event) -> str | Reason:
    """Carries out an `$identify`: the id of the customer that it names, or why it names none. Repeating it changes nothing."""
    naming = event.naming
    if naming is None:
        raise ValueError(f"{event.name} names nobody")
    if event.identifier.kind == "primary":
        done = record(customers, head_key(workspace, naming.primary), event.facts)
    else:
        done = _join(customers, workspace, naming.primary, event.identifier, event.facts)
    if naming.anonymous_id is None or naming.anonymous_id == event.identifier or isinstance(done, Reason):
        return done
    return _join(customers, workspace, naming.primary, naming.anonymous_id, {})


def _join(customers: Customers, workspace: str, primary: Identifier, correlation: Identifier, facts: Facts) -> str | Reason:
    """Links a correlation id to a primary key. One write for a pair that exists and is older, else a transaction."""
    keys = pair_key(workspace, primary, correlation), head_key(workspace, primary), own_key(workspace, correlation)
    touched = customers.touch(keys[0], facts)
    if isinstance(touched, Row):
        return touched.customer
    found: dict[RowKey, Row | None] = {keys[0]: touched.row}
    for _ in range(ATTEMPTS):
        claims = Claims(pair=found.get(keys[0]), head=found.get(keys[1]), pointer=found.get(keys[2]))
        plan = link(workspace, primary, correlation, facts, claims)
        if isinstance(plan, Reason):
            return plan
        stale = customers.save(plan.rows) if plan.rows else None
        if stale is None:
            return plan.customer
        found |= stale
    raise UnavailableError("a customer's rows changed too often")


def record(customers: Customers, key: RowKey, facts: Facts) -> str | Reason:
    """Writes facts into a row, which is made where there is none; a pointer is followed. Answers the customer's id."""
    touched = customers.touch(key, facts)
    if isinstance(touched, Row):
        return touched.customer
    row = touched.row
    for _ in range(ATTEMPTS):
        if row is not None and row.linked is not None and key.correlation is not None:
            return record(customers, pair_key(key.workspace, row.linked, key.correlation), facts)
        current = row or Row(key, customer_id(key.workspace, key.owner.kind, key.owner.value))
        changed = current.with_facts(facts)
        if changed.is_full:
            return Reason.ATTRIBUTES_FULL
        if row is not None and changed is row:
            return row.customer
        stale = customers.save((changed,))
        if stale is None:
            return changed.customer
        row = stale[key]
    raise UnavailableError("a customer's row changed too often")


def find(customers: Customers, workspace: str, identifier: Identifier) -> list[Row]:
    """The rows of the customer that an identifier names; none where it names nobody."""
    if identifier.kind == "correlation":
        own = customers.get([claim_key(workspace, identifier)])
        if not own or own[0].linked is None:
            return own
        identifier = own[0].linked
    return customers.named(workspace, identifier)
