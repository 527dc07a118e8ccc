"""Grouping the events of a batch by customer, before it is known which customers they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from waypost.domain.customers.identifiers import Identifier
from waypost.domain.intake.events import Event, identifiers_of


class BatchEvent(NamedTuple):
    """An event and its index in the batch."""

    batch_index: int
    event: Event


def by_shared_identifiers(events: Sequence[BatchEvent]) -> list[list[BatchEvent]]:
    """Groups of events that a chain of shared identifiers connects, each in the order of the batch (a union-find).

    Events of different groups name different identifiers, so they can be applied at the same time; those of one group may concern one
    customer, and their order decides which of two conflicting ones is rejected.
    """
    parents: dict[Identifier, Identifier] = {}

    def root(identifier: Identifier) -> Identifier:
        while parents.setdefault(identifier, identifier) != identifier:
            identifier = parents[identifier]
        return identifier

    for batch_event in events:
        for identifier in identifiers_of(batch_event.event):
            parents[root(identifier)] = root(batch_event.event.identifier)
    groups: dict[Identifier, list[BatchEvent]] = {}
    for batch_event in events:
        groups.setdefault(root(batch_event.event.identifier), []).append(batch_event)
    return list(groups.values())
