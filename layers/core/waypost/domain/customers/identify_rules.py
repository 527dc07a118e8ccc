"""The rules of `$identify` (`docs/customers.md#identify`): which rows have to change so that identifiers belong to one customer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, NamedTuple

from waypost.domain.customers.consents import consents_in, merged_consents, without_consents
from waypost.domain.customers.facts import Facts, merge
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.customers.rows import Row, RowKey, Tombstones, correlation_key, facts_after, head_key, new_row, pair_key
from waypost.domain.reasons import Reason

CORRELATION_IDS: Final = 100
"""The most correlation ids of one customer (`docs/customers.md#limits`)."""


class IdentifyRequest(NamedTuple):
    """What an `$identify` requests: these correlation ids belong to the customer with this primary key value."""

    workspace: str
    primary: Identifier
    correlations: tuple[Identifier, ...]


@dataclass(frozen=True, slots=True)
class IdentifyPlan:
    """What an `$identify` changes: the id of the customer, and the rows to save in one transaction (none: everything is stored)."""

    customer: str
    rows: tuple[Row, ...]


def plan_identify(
    request: IdentifyRequest, facts: Facts, stored: Mapping[RowKey, Row | None], at: datetime, tombstones: Tombstones
) -> IdentifyPlan | Reason:
    """The plan for an `$identify` that happened at `at`, or the reason why it changes nothing.

    `stored` holds the rows that were read (None, or absent: not stored). `tombstones` are needed only for rows that are not stored. All
    ids are linked or none: otherwise an `$identify` with one conflicting id would be rejected although it had linked the other one.
    """
    changed: dict[RowKey, Row] = {}
    customer = ""
    for correlation in request.correlations:
        # The facts go into one pair only; the customer is the merge of its rows, so any one will do. The plan for the second id must see
        # what the plan for the first one changes: both count themselves in the same head.
        new_facts = facts if correlation == request.correlations[0] else {}
        plan = _plan_correlation_id(request, correlation, new_facts, {**stored, **changed}, at, tombstones)
        if isinstance(plan, Reason):
            return plan
        customer = plan.customer
        changed |= {row.key: row for row in plan.rows}
    return IdentifyPlan(customer, tuple(changed.values()))


def _plan_correlation_id(
    request: IdentifyRequest,
    correlation: Identifier,
    facts: Facts,
    stored: Mapping[RowKey, Row | None],
    at: datetime,
    tombstones: Tombstones,
) -> IdentifyPlan | Reason:
    """The plan for one correlation id: one line of the table in `docs/customers.md#identify`."""
    stored_pair = stored.get(pair_key(request.workspace, request.primary, correlation))
    if stored_pair is not None:
        return _plan_linked_id(stored_pair, facts, at)
    pointer_key, primary_key = correlation_key(request.workspace, correlation), head_key(request.workspace, request.primary)
    own_row = stored.get(pointer_key) or new_row(pointer_key, tombstones)
    if own_row.linked_to is not None and own_row.linked_to != request.primary:
        return Reason.CORRELATION_CONFLICT
    # An unknown primary key value becomes the name of the anonymous customer, who keeps its id: its runs, its timers and the message
    # group of its events are all found by that id.
    head = stored.get(primary_key) or replace(new_row(primary_key, tombstones), customer=own_row.customer)
    # The pair inherits the later of the two erasures. Without it, a repeated event from before the erasure would bring the erased
    # attributes back through the new pair.
    erased_at = max((row.erased_at for row in (own_row, head) if row.erased_at is not None), default=None)
    if erased_at is not None and at <= erased_at:
        return Reason.ERASED
    if head.id_count >= CORRELATION_IDS:
        return Reason.TOO_MANY_IDS
    pair = Row(
        pair_key(request.workspace, request.primary, correlation),
        head.customer,
        facts=merge(without_consents(own_row.facts), facts_after(facts, erased_at)),
        erased_at=erased_at,
    )
    return _plan_new_link(own_row, _with_consents_of(own_row, head, at), pair)


def _is_merge(own_row: Row, head: Row) -> bool:
    """Whether the anonymous customer of the row is another customer than that of the head."""
    return bool(own_row.revision) and own_row.customer != head.customer


def _with_consents_of(own_row: Row, head: Row, at: datetime) -> Row:
    """The head with the consents of the anonymous customer."""
    # Attributes stay in the pair, but consents are always in the main row, so that the sender finds all of them in one row.
    consents = merged_consents(own_row.facts, head.facts, at) if _is_merge(own_row, head) else consents_in(own_row.facts)
    return replace(head, facts=merge(head.facts, consents)) if consents else head


def _plan_linked_id(pair: Row, facts: Facts, at: datetime) -> IdentifyPlan | Reason:
    """The plan for an id that is linked already: only the facts may be new."""
    if pair.erased_at is not None and at <= pair.erased_at:
        return Reason.ERASED
    updated = pair.with_facts(facts)
    return IdentifyPlan(pair.customer, () if updated is pair else (updated,))


def _plan_new_link(own_row: Row, head: Row, pair: Row) -> IdentifyPlan:
    """The three rows of a new link: the correlation id's own row becomes a pointer, the head counts one id more, the pair is new.

    All three are conditional on their revisions. Two `$identify` events that link one id to two primary key values, or one primary key
    value to two anonymous customers, at the same time both write one of these rows: the later transaction fails and is planned again.
    """
    # An anonymous customer that is stored under another customer id may have runs and pending effects, which this transaction cannot
    # move: there may be too many. The pair therefore records that the merge is pending, and the matcher moves the runs whenever it loads
    # a customer with a pending merge. A crash between the two halves of the merge delays the second one and cannot lose it.
    merged_id = own_row.customer if _is_merge(own_row, head) else None
    pointer = replace(own_row, customer=head.customer, linked_to=head.key.owner, facts={})
    return IdentifyPlan(
        head.customer,
        (
            pointer,
            replace(head, id_count=head.id_count + 1),
            replace(pair, merged_id=merged_id, merge_pending=merged_id is not None),
        ),
    )
