"""The customer of a signal's events: the rows that the events name, and the attributes that they set."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from waypost import identify
from waypost.domain.customers.consents import ConsentChange, change_in
from waypost.domain.customers.facts import merge
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.customers.rows import Row, RowKey, Tombstones, owner_key
from waypost.domain.intake.events import Event, identifiers_of
from waypost.domain.reasons import Reason
from waypost.domain.signals import EventsArrived
from waypost.ports import Customers

_CONSENT_NOT_WRITTEN: Final = frozenset({Reason.ERASED, Reason.CONSENTS_FULL})


@dataclass(slots=True)
class AppliedEvents:
    """The results of the attributes and identifications of events.

    `refused` has the reasons of events that were refused, by uuid. `customers` has the id of the customer to whom an identifier leads,
    for each identifier that was written.
    """

    refused: dict[str, Reason] = field(default_factory=dict)
    customers: dict[Identifier, str] = field(default_factory=dict)


def rows_of(customers: Customers, signal: EventsArrived, event: Event) -> list[Row]:
    """The rows of the customer to whom the identifier of an event leads, empty if there is no such customer."""
    # The primary key that the intake knew saves the read of the pointer. It is only trusted if the identifier of the event is among the
    # rows that it leads to: after an erasure the identifier may have become another customer's, who would get this customer's messages.
    rows = customers.by_primary_key(signal.workspace, signal.primary) if signal.primary else []
    if any(event.identifier == (row.key.correlation or row.key.owner) for row in rows):
        return rows
    return identify.find_rows(customers, signal.workspace, event.identifier)


def apply_attributes(customers: Customers, signal: EventsArrived, events: Sequence[Event], tombstones: Tombstones) -> AppliedEvents:
    """Carries out every `$identify`, then writes the attributes and tokens that the intake has not written.

    Repeating it changes nothing: of two facts the newer one stays. UnavailableError if a customer is being
    erased, or was erased after `tombstones` were read.
    """
    applied = AppliedEvents()
    for event in events:
        if event.identification is not None:
            outcome = identify.identify_customer(customers, signal.workspace, event)
            if isinstance(outcome, Reason):
                applied.refused[event.uuid] = outcome
            else:
                applied.customers |= dict.fromkeys(identifiers_of(event), outcome)
    by_identifier: dict[Identifier, list[Event]] = defaultdict(list)
    for event in events:
        # An unknown customer gets its first row here, even from an event without attributes.
        if event.identification is None and (event.facts or not signal.known):
            by_identifier[event.identifier].append(event)
    for identifier, same_identifier in by_identifier.items():
        _write_facts(customers, owner_key(signal.workspace, identifier), same_identifier, signal.primary, tombstones, applied)
    _find_customers_of_refused(customers, signal, events, applied)
    return applied


def consents_by_customer(events: Sequence[Event], applied: AppliedEvents) -> dict[str, list[ConsentChange]]:
    """The changes of consent that `apply_attributes` has written for these events, by the id of the customer."""
    changes: dict[str, list[ConsentChange]] = defaultdict(list)
    for event in events:
        change = change_in(event.facts, event.uuid)
        if change is not None and applied.refused.get(event.uuid) not in _CONSENT_NOT_WRITTEN and event.identifier in applied.customers:
            changes[applied.customers[event.identifier]].append(change)
    return changes


def _write_facts(
    customers: Customers,
    key: RowKey,
    events: Sequence[Event],
    primary: Identifier | None,
    tombstones: Tombstones,
    applied: AppliedEvents,
) -> None:
    """Writes the facts of all events of one identifier in one write, or one event at a time if that write is refused.

    Together they may exceed a limit that most of them respect: each event is refused for its own facts only.
    """
    outcome = identify.write_facts(customers, key, merge(*(event.facts for event in events)), primary, tombstones)
    if not isinstance(outcome, Reason):
        applied.customers[key.owner] = outcome
        return
    for event in events:
        outcome = identify.write_facts(customers, key, event.facts, primary, tombstones)
        if isinstance(outcome, Reason):
            applied.refused[event.uuid] = outcome
        else:
            applied.customers[key.owner] = outcome


def _find_customers_of_refused(customers: Customers, signal: EventsArrived, events: Sequence[Event], applied: AppliedEvents) -> None:
    """Finds the customers of refused events where nothing was written for their identifiers and the intake knew no customer."""
    # A refused event changes nothing, so it must not create the customer of its own identifier either. Each reason is about one of its
    # identifiers that has a customer: the event is in the timeline of the first of them.
    for event in events:
        unknown = not signal.known and event.identifier not in applied.customers
        if unknown and applied.refused.get(event.uuid, Reason.ERASED) is not Reason.ERASED:
            rows = (row for each in identifiers_of(event) for row in identify.find_rows(customers, signal.workspace, each))
            applied.customers[event.identifier] = next((row.customer for row in rows), "")
