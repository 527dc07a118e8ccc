"""Ports of the journeys table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from waypost.domain.journeys.journey import Journey
from waypost.domain.journeys.lifecycle import Lifecycle, VersionTimes
from waypost.domain.journeys.published import ActiveJourneys


class JourneyPointer(Protocol):
    """The one row of a workspace that lists its published and paused journeys."""

    def pointer(self, workspace: str) -> ActiveJourneys:
        """The active version of each journey, with a revision that grows with every change."""


class Journeys(JourneyPointer, Protocol):
    """The active journeys with their definitions, for the matcher."""

    def versions(self, workspace: str, wanted: Sequence[tuple[str, int]]) -> Mapping[tuple[str, int], Journey]:
        """Those of the given versions that exist and parse. A version never changes."""


class JourneyVersions(Protocol):
    """Single versions of journeys, published at some time."""

    def version(self, workspace: str, journey: str, version: int) -> Journey:
        """One version of a journey, which never changes. LookupError if it does not exist or does not parse."""


class ManagedJourneys(JourneyPointer, Protocol):
    """Journeys with their drafts, for the management API."""

    def definition(self, workspace: str, journey: str, version: int) -> Any:
        """The definition of one version as it was saved, which may be an incomplete draft. LookupError if there is no such version."""

    def version_times(self, workspace: str, journey: str, oldest: int, newest: int) -> Mapping[int, VersionTimes]:
        """When the versions from `oldest` to `newest` were saved and published, by their numbers, as far as that is known."""

    def lifecycle(self, workspace: str, journey: str) -> Lifecycle | None:
        """The status and version numbers of a journey, or None."""

    def all(self, workspace: str) -> list[Lifecycle]:
        """The status and version numbers of every journey of the workspace, in no particular order."""

    def save_draft(self, workspace: str, saved: Lifecycle, definition: Any) -> None:
        """Writes a journey and its new definition in one transaction. StaleError if the journey has changed since it was read.

        The journey's `updated_at` is recorded as the time at which the version was saved.
        """

    def delete_draft(self, workspace: str, draft: Lifecycle) -> None:
        """Deletes a journey that was never published, with its versions. StaleError if it has changed since it was read."""

    def publish(self, workspace: str, published: Lifecycle, pointer: ActiveJourneys, published_at: datetime | None = None) -> None:
        """Writes a journey and the pointer in one transaction. StaleError if either has changed since it was read.

        `published_at` is when its published version was published, and None if the version was published before.
        """
