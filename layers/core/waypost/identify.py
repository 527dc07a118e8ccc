"""Facts applied to customers: the one function for it, used by the intake and by the matcher alike."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from waypost.domain.customers import Claims, Names, Row, RowKey, claim_key, head_key, link, living, newborn, own_key, pair_key
from waypost.domain.errors import UnavailableError
from waypost.domain.events import Event
from waypost.domain.facts import Facts
from waypost.domain.identity import Identifier
from waypost.domain.reasons import Reason
from waypost.ports import Customers

ATTEMPTS: Final = 12


def apply_naming(customers: Customers, workspace: str, event: Event) -> str | Reason:
    """Carries out an `$identify`: the id of the customer that it names, or why it names none. Repeating it changes nothing."""
    naming = event.naming
    if naming is None:
        raise ValueError(f"{event.name} names nobody")
    further = naming.anonymous_id if naming.anonymous_id != event.identifier else None
    if further is not None and _is_of_another(customers, workspace, further, naming.primary):
        return Reason.CORRELATION_CONFLICT
    done = _name(customers, workspace, event, naming.primary)
    if further is None or isinstance(done, Reason):
        return done
    return _join(customers, Names(workspace, naming.primary, further), {}, event.at)


def _is_of_another(customers: Customers, workspace: str, correlation: Identifier, primary: Identifier) -> bool:
    """Whether a further id is somebody else's: asked before anything is written, for a conflict changes nothing."""
    return any(row.linked not in (None, primary) for row in customers.get([own_key(workspace, correlation)]))


def _name(customers: Customers, workspace: str, event: Event, primary: Identifier) -> str | Reason:
    if event.identifier.kind == "primary":
        return record(customers, head_key(workspace, primary), event.facts)
    return _join(customers, Names(workspace, primary, event.identifier), event.facts, event.at)


def _join(customers: Customers, names: Names, facts: Facts, at: datetime) -> str | Reason:
    """Links a correlation id to a primary key. One write for a pair that exists and is older, else a transaction."""
    keys = pair_key(*names), head_key(names.workspace, names.primary), own_key(names.workspace, names.correlation)
    touched = customers.touch(keys[0], facts)
    if isinstance(touched, Row):
        return touched.customer
    found: dict[RowKey, Row | None] = {keys[0]: touched.row}
    graves = {} if touched.row else customers.graves(names.workspace, [names.primary, names.correlation])
    for _ in range(ATTEMPTS):
        claims = Claims(pair=found.get(keys[0]), head=found.get(keys[1]), pointer=found.get(keys[2]))
        plan = link(names, facts, claims, at, graves)
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
    graves = {} if row else customers.graves(key.workspace, [key.owner])
    for _ in range(ATTEMPTS):
        if row is not None and row.linked is not None and key.correlation is not None:
            return record(customers, pair_key(key.workspace, row.linked, key.correlation), facts)
        changed = (row or newborn(key, graves)).with_facts(facts)
        if facts and not living(facts, changed.since):
            return Reason.ERASED
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
