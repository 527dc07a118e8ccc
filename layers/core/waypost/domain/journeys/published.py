"""What a workspace has in force: its schema and the journeys that events can concern."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from waypost.domain.customers.schema import Schema
from waypost.domain.journeys.journey import Journey
from waypost.domain.journeys.trigger_index import Index


class ActiveVersion(NamedTuple):
    """A version of a journey that takes entries, or would if the journey were not paused.

    `listens` are the names of the events that runs of any of its versions wait for or exit on.
    """

    journey: str
    version: int
    status: Literal["published", "paused"]
    event_names: tuple[str, ...] = ()


class ActiveJourneys(NamedTuple):
    """Which versions are in force, in the order of publishing; `rev` grows with every change of that."""

    revision: int
    active: tuple[ActiveVersion, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One state of a workspace: everything that an event is matched against.

    `journeys` are those in force, paused ones among them, `heard` the events that their runs may listen for.
    """

    revision: int
    schema: Schema
    index: Index
    paused: frozenset[str]
    journeys: frozenset[str] = frozenset()
    listened_events: frozenset[str] = frozenset()


def snapshot(pointer: ActiveJourneys, schema: Schema, versions: Mapping[tuple[str, int], Journey]) -> Snapshot:
    """The snapshot that a pointer, the schema and the versions pointed to make."""
    index = Index((versions[each.journey, each.version], each.version) for each in pointer.active)
    return Snapshot(
        revision=pointer.revision,
        schema=schema,
        index=index,
        paused=frozenset(each.journey for each in pointer.active if each.status == "paused"),
        journeys=frozenset(each.journey for each in pointer.active),
        listened_events=frozenset(name for each in pointer.active for name in each.event_names),
    )
