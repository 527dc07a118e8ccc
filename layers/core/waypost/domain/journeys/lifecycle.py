"""The lifecycle of a journey: drafts, the published version, pause, resume and stop (docs/journeys.md#lifecycle)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

from waypost.domain.journeys.published import ActiveJourneys, ActiveVersion

JourneyStatus = Literal["draft", "published", "paused", "stopped"]

LifecycleAction = Literal["pause", "resume", "stop"]

MOST_PUBLISHED: Final = 1_000
MOST_LISTENED: Final = 200_000
"""Bytes of the names of all events that the runs of a workspace wait for. All names are in one row, which the match function reads
every few seconds, and a row of DynamoDB has at most 400 KB."""


class VersionTimes(NamedTuple):
    """When a version was saved and when it was published; None if it was not, or if an older release has written it."""

    saved_at: datetime | None = None
    published_at: datetime | None = None


# action: the statuses from which it is allowed, and the status after it
ACTIONS: Final[Mapping[LifecycleAction, tuple[frozenset[JourneyStatus], JourneyStatus]]] = {
    "pause": (frozenset({"published"}), "paused"),
    "resume": (frozenset({"paused"}), "published"),
    "stop": (frozenset({"published", "paused"}), "stopped"),
}


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """The state of one journey, apart from its definitions.

    `version` is the newest draft, `published_version` the version that customers enter (None before the first publish);
    versions count from 1. From `entries_from` on events enter the published
    version. `revision` counts the writes of this row (0 before the first): a write is conditional on it.
    """

    id: str
    name: str
    created_at: datetime
    updated_at: datetime
    version: int = 0
    published_version: int | None = None
    status: JourneyStatus = "draft"
    revision: int = 0
    entries_from: datetime | None = None

    def saved(self, name: str, now: datetime) -> Lifecycle:
        """With one more draft. The published version stays in force."""
        return replace(self, name=name, version=self.version + 1, updated_at=now)

    def publishing(self, now: datetime, delay: timedelta = timedelta(0)) -> Lifecycle:
        """With the newest draft as the published version, which customers enter after a delay. A paused journey stays paused.

        The same object if the draft is published already.
        """
        if self.published_version == self.version:
            return self
        status: JourneyStatus = "paused" if self.status == "paused" else "published"
        return replace(self, published_version=self.version, status=status, updated_at=now, entries_from=now + delay)

    def moved(self, action: LifecycleAction, now: datetime) -> Lifecycle | None:
        """Paused, resumed or stopped; None where the current status does not allow the action.

        The same object if the action was carried out already, so that a client that lost the response can repeat it.
        """
        before, after = ACTIONS[action]
        if self.status == after:
            return self
        return replace(self, status=after, updated_at=now) if self.status in before else None

    @property
    def written(self) -> Lifecycle:
        """The same after the write that stores it."""
        return replace(self, revision=self.revision + 1)

    @property
    def draft(self) -> bool:
        """Whether its newest version is a draft, which customers enter only after another publication."""
        return self.status != "stopped" and self.version != self.published_version

    @property
    def is_new(self) -> bool:
        """Whether this is its first draft."""
        return self.version == 1


# A warm matcher uses a snapshot for some seconds. If another matcher let a customer enter a version that the first does not know yet, the
# first would receive the event that the run waits for, find that nobody waits for it, and write a receipt that makes it a duplicate for
# ever: the run would never get it. So a version is entered only once every matcher knows it.
def entry_delay(snapshot_seconds: int) -> timedelta:
    """How long after a publication customers enter the new version, if matchers use snapshots that are younger than this.

    The second more is for the write of the publication itself, and for clocks that differ.
    """
    return timedelta(seconds=snapshot_seconds + 1) if snapshot_seconds else timedelta(0)


def pointed(
    pointer: ActiveJourneys, journey: str, version: int, event_names: Iterable[str], now: datetime, entries_from: datetime | None
) -> ActiveJourneys:
    """The active versions with this version in force: in the place of the journey's earlier version, or at the end.

    `event_names` are the events that runs of this version wait for or exit on. Until `entries_from` customers enter the version that they
    enter `now`, if any.
    """
    earlier = next((each for each in pointer.active if each.journey == journey), None)
    # Runs keep the version that they entered, so the events of earlier versions stay. Without them the match function would
    # not load the customer for such an event, and a run of an earlier version would miss it.
    all_names = tuple(sorted({*event_names, *(earlier.event_names if earlier else ())}))
    previous = earlier.version_at(now) if earlier else None
    active = ActiveVersion(journey, version, earlier.status if earlier else "published", all_names, entries_from, previous)
    versions = tuple(active if each is earlier else each.without_expired_predecessor(now) for each in pointer.active)
    return ActiveJourneys(pointer.revision, versions if earlier else (*versions, active))


def after_action(pointer: ActiveJourneys, journey: str, status: JourneyStatus) -> ActiveJourneys:
    """The active versions once a journey is paused, published or stopped; a stopped journey is no longer among them."""
    if status in ("published", "paused"):
        changed = tuple(each._replace(status=status) if each.journey == journey else each for each in pointer.active)
        return ActiveJourneys(pointer.revision, changed)
    return ActiveJourneys(pointer.revision, tuple(each for each in pointer.active if each.journey != journey))
