"""What goes together: events that name one person, events in one message, messages in one call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from waypost.domain.customers.identifiers import Identifier
from waypost.domain.intake.events import Event, named_by

T = TypeVar("T")
Placed = tuple[int, Event]
"""An event and its place in the batch."""


def by_person(namings: Sequence[Placed]) -> list[list[Placed]]:
    """Namings in request order, apart where no chain of shared identifiers connects them (a union-find)."""
    parents: dict[Identifier, Identifier] = {}

    def root(identifier: Identifier) -> Identifier:
        while parents.setdefault(identifier, identifier) != identifier:
            identifier = parents[identifier]
        return identifier

    for _, event in namings:
        for other in named_by(event):
            parents[root(other)] = root(event.identifier)
    groups: dict[Identifier, list[Placed]] = {}
    for index, event in namings:
        groups.setdefault(root(event.identifier), []).append((index, event))
    return list(groups.values())


def bundles(items: Iterable[T], weigh: Callable[[T], int], most: int, heaviest: int) -> Iterator[list[T]]:
    """Cuts a row of items into bundles of at most `most` that weigh at most `heaviest` together, or hold just one."""
    bundle: list[T] = []
    load = 0
    for item in items:
        weight = weigh(item)
        if bundle and (len(bundle) == most or load + weight > heaviest):
            yield bundle
            bundle, load = [], 0
        bundle.append(item)
        load += weight
    if bundle:
        yield bundle
