"""The published journeys of a workspace, as one immutable snapshot that events are matched against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from waypost.domain.customers.schema import Schema
from waypost.domain.journeys.journey import Journey
from waypost.domain.journeys.trigger_index import TriggerIndex


class ActiveVersion(NamedTuple):
    """The version of a journey that customers enter, or would enter if the journey were not paused.

    `event_names` are the events that runs of any version of the journey wait for or exit on.
    """

    journey: str
    version: int
    status: Literal["published", "paused"]
    event_names: tuple[str, ...] = ()


class ActiveJourneys(NamedTuple):
    """The active versions of a workspace, in the order in which journeys were first published. `revision` grows with every change."""

    revision: int
    active: tuple[ActiveVersion, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One state of a workspace: everything that an event is matched against.

    `paused` and `journeys` are ids of journeys; `journeys` holds the paused ones too. `unreadable` has the active versions, as id and
    number, that are missing or do not parse: nobody enters them. An event that is neither in the
    index nor in `listened_events` cannot concern any run, so that its customer need not be loaded.
    """

    revision: int
    schema: Schema
    index: TriggerIndex
    paused: frozenset[str]
    journeys: frozenset[str] = frozenset()
    listened_events: frozenset[str] = frozenset()
    unreadable: frozenset[tuple[str, int]] = frozenset()

    def names(self, event: str) -> bool:
        """Whether a published or paused journey names an event, as its entry, in a wait, or as an exit."""
        return event in self.index or event in self.listened_events


def snapshot(pointer: ActiveJourneys, schema: Schema, versions: Mapping[tuple[str, int], Journey]) -> Snapshot:
    """The snapshot of the active versions. `versions` holds the definitions of those that can be read, by journey id and version."""
    # One version that cannot be read must not keep the events of the whole workspace from being matched.
    readable = [each for each in pointer.active if (each.journey, each.version) in versions]
    index = TriggerIndex((versions[each.journey, each.version], each.version) for each in readable)
    return Snapshot(
        revision=pointer.revision,
        schema=schema,
        index=index,
        paused=frozenset(each.journey for each in pointer.active if each.status == "paused"),
        journeys=frozenset(each.journey for each in pointer.active),
        listened_events=frozenset(name for each in pointer.active for name in each.event_names),
        unreadable=frozenset((each.journey, each.version) for each in pointer.active if each not in readable),
    )
