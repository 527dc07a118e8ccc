"""Where a journey stands between its drafts and the version that runs (contract 3.2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

from waypost.domain.journeys.published import ActiveJourneys, ActiveVersion

JourneyStatus = Literal["draft", "published", "paused", "stopped"]

LifecycleAction = Literal["pause", "resume", "stop"]

MOST_PUBLISHED: Final = 1_000
MOST_LISTENED: Final = 200_000
"""Bytes of the names of all events that a workspace's runs listen for: they are in one row, which every warm matcher reads."""

ACTIONS: Final[Mapping[LifecycleAction, tuple[frozenset[JourneyStatus], JourneyStatus]]] = {
    "pause": (frozenset({"published"}), "paused"),
    "resume": (frozenset({"paused"}), "published"),
    "stop": (frozenset({"published", "paused"}), "stopped"),
}


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """One journey beside its definitions.

    `version` is the newest draft, `published_version` the one that customers enter (None: none yet); versions count
    from 1. `rev` counts the writes of this (0: not written yet).
    """

    id: str
    name: str
    created_at: datetime
    updated_at: datetime
    version: int = 0
    published_version: int | None = None
    status: JourneyStatus = "draft"
    revision: int = 0

    def saved(self, name: str, now: datetime) -> Lifecycle:
        """With one more draft; what is published goes on."""
        return replace(self, name=name, version=self.version + 1, updated_at=now)

    def publishing(self, now: datetime) -> Lifecycle:
        """With its newest draft as the version that customers enter; itself where that is so already. A paused journey stays paused."""
        if self.published_version == self.version:
            return self
        status: JourneyStatus = "paused" if self.status == "paused" else "published"
        return replace(self, published_version=self.version, status=status, updated_at=now)

    def moved(self, move: LifecycleAction, now: datetime) -> Lifecycle | None:
        """Paused, resumed or stopped; None where that is no move from here."""
        before, after = ACTIONS[move]
        return replace(self, status=after, updated_at=now) if self.status in before else None

    @property
    def is_new(self) -> bool:
        """Whether this is its first draft."""
        return self.version == 1


def pointed(pointer: ActiveJourneys, journey: str, version: int, event_names: Iterable[str] = ()) -> ActiveJourneys:
    """The pointer with this version in force, in the place of the journey's earlier one or at the end.

    `listens` are the events that its runs listen for; what runs of earlier versions listen for stays.
    """
    was = next((each for each in pointer.active if each.journey == journey), None)
    heard = tuple(sorted({*event_names, *(was.event_names if was else ())}))
    fresh = ActiveVersion(journey, version, was.status if was else "published", heard)
    kept = tuple(fresh if each is was else each for each in pointer.active)
    return ActiveJourneys(pointer.revision, kept if was else (*kept, fresh))


def after_action(pointer: ActiveJourneys, journey: str, status: JourneyStatus) -> ActiveJourneys:
    """The pointer once a journey has become paused, published or stopped."""
    if status in ("published", "paused"):
        moved = tuple(each._replace(status=status) if each.journey == journey else each for each in pointer.active)
        return ActiveJourneys(pointer.revision, moved)
    return ActiveJourneys(pointer.revision, tuple(each for each in pointer.active if each.journey != journey))
