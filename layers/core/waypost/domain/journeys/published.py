"""The published journeys of a workspace, as one immutable snapshot that events are matched against."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

from waypost.domain.customers.schema import Schema
from waypost.domain.journeys.journey import Journey
from waypost.domain.journeys.trigger_index import EntryVersion, TriggerIndex

PREVIOUS_KEPT: Final = timedelta(minutes=1)
"""How long a previous version stays listed after entries of the new one have begun: longer than clocks differ."""


class ActiveVersion(NamedTuple):
    """The version of a journey that customers enter, or would enter if the journey were not paused.

    `event_names` are the events that runs of any version of the journey wait for or exit on. Before `entries_from`
    events enter `previous_version`, or nothing if that is None.
    """

    journey: str
    version: int
    status: Literal["published", "paused"]
    event_names: tuple[str, ...] = ()
    entries_from: datetime | None = None
    previous_version: int | None = None

    def version_at(self, time: datetime) -> int | None:
        """The version that an event enters at this time."""
        return self.version if self.entries_from is None or time >= self.entries_from else self.previous_version

    def without_expired_predecessor(self, now: datetime) -> ActiveVersion:
        """The same without its previous version, once no event can still enter the previous one."""
        is_over = self.entries_from is not None and now - self.entries_from > PREVIOUS_KEPT
        return self._replace(entries_from=None, previous_version=None) if is_over else self


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
    `active` has the active versions by their journeys.
    """

    revision: int
    schema: Schema
    index: TriggerIndex
    paused: frozenset[str]
    journeys: frozenset[str] = frozenset()
    listened_events: frozenset[str] = frozenset()
    unreadable: frozenset[tuple[str, int]] = frozenset()
    active: Mapping[str, ActiveVersion] = field(default_factory=dict)

    def version_at(self, journey: str, time: datetime) -> int | None:
        """The version of a journey that an event enters at this time, None where there is none."""
        return self.active[journey].version_at(time) if journey in self.active else None

    def names(self, event: str) -> bool:
        """Whether a published or paused journey names an event, as its entry, in a wait, or as an exit."""
        return event in self.index or event in self.listened_events


def versions_of(pointer: ActiveJourneys) -> list[tuple[str, int]]:
    """The journey ids and versions that events may enter: the active ones, and previous ones that still accept entries."""
    previous = [(each.journey, each.previous_version) for each in pointer.active if each.previous_version is not None]
    return [*((each.journey, each.version) for each in pointer.active), *previous]


def snapshot(pointer: ActiveJourneys, schema: Schema, versions: Mapping[tuple[str, int], Journey]) -> Snapshot:
    """The snapshot of the active versions. `versions` holds those of `versions_of(pointer)` that can be read, by journey id and version."""
    # One version that cannot be read must not keep the events of the whole workspace from being matched.
    index = TriggerIndex(_entry_versions(pointer, versions))
    return Snapshot(
        revision=pointer.revision,
        schema=schema,
        index=index,
        paused=frozenset(each.journey for each in pointer.active if each.status == "paused"),
        journeys=frozenset(each.journey for each in pointer.active),
        listened_events=frozenset(name for each in pointer.active for name in each.event_names),
        unreadable=frozenset(each for each in versions_of(pointer) if each not in versions),
        active={each.journey: each for each in pointer.active},
    )


def _entry_versions(pointer: ActiveJourneys, versions: Mapping[tuple[str, int], Journey]) -> Iterator[EntryVersion]:
    for each in pointer.active:
        previous = [] if each.previous_version is None else [(each.previous_version, None, each.entries_from)]
        for version, since, until in [*previous, (each.version, each.entries_from, None)]:
            if (each.journey, version) in versions:
                yield EntryVersion(versions[each.journey, version], version, since, until)
