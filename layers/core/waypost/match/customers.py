"""The customer of a signal's events: the rows that the events name, and the attributes that they set."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from waypost import identify
from waypost.domain.customers.facts import merge
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.customers.rows import Row, RowKey, owner_key
from waypost.domain.intake.events import Event
from waypost.domain.reasons import Reason
from waypost.domain.signals import EventsArrived
from waypost.ports import Customers


def rows_of(customers: Customers, signal: EventsArrived, event: Event) -> list[Row]:
    """The rows of the customer of an event: by the primary key that the intake knew, else by the identifier of the event."""
    rows = customers.by_primary_key(signal.workspace, signal.primary) if signal.primary else []
    return rows or identify.find_rows(customers, signal.workspace, event.identifier)


def resolve_again(customers: Customers, signal: EventsArrived, events: Sequence[Event]) -> EventsArrived:
    """The signal with the customer to whom its remaining events belong now that a customer of one of their identifiers was erased."""
    # The intake may have looked the customer up before the erasure. Under that id the events would write runs and log pages of the erased
    # customer. What happened after the erasure belongs to a new customer with an id of its own.
    if not events:
        return signal
    signal = replace(signal, primary=None, known=False)
    customer = identify.write_facts(customers, owner_key(signal.workspace, events[0].identifier), {})
    return signal if isinstance(customer, Reason) else replace(signal, customer=customer)


def apply_attributes(customers: Customers, signal: EventsArrived, events: Sequence[Event]) -> dict[str, Reason]:
    """Carries out every `$identify`, then writes the attributes and tokens that the intake has not written.

    Returns why events were refused, by their uuid. Repeating it changes nothing: of two facts the newer one stays.
    """
    refused = {}
    for event in events:
        if event.identification is not None:
            outcome = identify.identify_customer(customers, signal.workspace, event)
            if isinstance(outcome, Reason):
                refused[event.uuid] = outcome
    by_identifier: dict[Identifier, list[Event]] = defaultdict(list)
    for event in events:
        # An unknown customer gets its first row here, even from an event without attributes.
        if event.identification is None and (event.facts or not signal.known):
            by_identifier[event.identifier].append(event)
    for identifier, same_identifier in by_identifier.items():
        refused |= _write_facts(customers, owner_key(signal.workspace, identifier), same_identifier, signal.primary)
    return refused


def _write_facts(customers: Customers, key: RowKey, events: Sequence[Event], primary: Identifier | None) -> dict[str, Reason]:
    """Writes the facts of all events of one identifier in one write, or one event at a time if that write is refused.

    Together they may exceed a limit that most of them respect: each event is refused for its own facts only.
    """
    outcome = identify.write_facts(customers, key, merge(*(event.facts for event in events)), primary)
    if not isinstance(outcome, Reason):
        return {}
    outcomes = {event.uuid: identify.write_facts(customers, key, event.facts, primary) for event in events}
    return {uuid: each for uuid, each in outcomes.items() if isinstance(each, Reason)}
