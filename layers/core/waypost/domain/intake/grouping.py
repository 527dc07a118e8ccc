"""What goes together: events that name one person, events in one message, messages in one call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from waypost.domain.customers.identifiers import Identifier
from waypost.domain.intake.events import Event, identifiers_of

T = TypeVar("T")
IndexedEvent = tuple[int, Event]
"""An event and its place in the batch."""


def by_customer(identifications: Sequence[IndexedEvent]) -> list[list[IndexedEvent]]:
    """Namings in request order, apart where no chain of shared identifiers connects them (a union-find)."""
    parents: dict[Identifier, Identifier] = {}

    def root(identifier: Identifier) -> Identifier:
        while parents.setdefault(identifier, identifier) != identifier:
            identifier = parents[identifier]
        return identifier

    for _, event in identifications:
        for other in identifiers_of(event):
            parents[root(other)] = root(event.identifier)
    groups: dict[Identifier, list[IndexedEvent]] = {}
    for index, event in identifications:
        groups.setdefault(root(event.identifier), []).append((index, event))
    return list(groups.values())


def chunked(items: Iterable[T], weigh: Callable[[T], int], most: int, max_bytes: int) -> Iterator[list[T]]:
    """Cuts a row of items into bundles of at most `most` that weigh at most `heaviest` together, or hold just one."""
    bundle: list[T] = []
    load = 0
    for item in items:
        weight = weigh(item)
        if bundle and (len(bundle) == most or load + weight > max_bytes):
            yield bundle
            bundle, load = [], 0
        bundle.append(item)
        load += weight
    if bundle:
        yield bundle
