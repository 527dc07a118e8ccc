"""What warm functions remember of each workspace."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Literal

from waypost import ports
from waypost.cache.ttl_cache import TtlCache
from waypost.domain.customers.schema import Schema
from waypost.domain.journeys.published import ActiveJourneys, Snapshot, snapshot

SNAPSHOT_SECONDS: Final = 5
SCHEMA_SECONDS: Final = 30


@dataclass(slots=True)
class Schemas:
    """Workspaces' schemas, at most 30 seconds old; while their table is down, the last ones count."""

    workspaces: ports.Workspaces
    memory: TtlCache[Schema] = field(default_factory=TtlCache)

    def of(self, workspace: str, now: datetime) -> Schema:
        """The workspace's schema."""
        return self.memory.read(workspace, now, lambda _: SCHEMA_SECONDS, lambda _: self.workspaces.schema(workspace), lambda _: True)


@dataclass(slots=True)
class Snapshots:
    """What each workspace has in force, at most five seconds old."""

    journeys: ports.Journeys
    workspaces: ports.Workspaces
    memory: TtlCache[Snapshot] = field(default_factory=lambda: TtlCache(max_entries=200))

    def get(self, workspace: str, now: datetime, revision: int = 0) -> Snapshot:
        """The workspace's snapshot, at least this revision of it. Versions never change, so only those that are new are read."""
        known = self._read(workspace, now)
        return known if known.revision >= revision else self.fresh(workspace, now)

    def fresh(self, workspace: str, now: datetime) -> Snapshot:
        """The workspace's snapshot as it is now."""
        return self._read(workspace, now, seconds=0)

    def _read(self, workspace: str, now: datetime, seconds: int = SNAPSHOT_SECONDS) -> Snapshot:
        return self.memory.read(workspace, now, lambda _: seconds, lambda old: self._next(workspace, old), lambda _: False)

    def _next(self, workspace: str, old: Snapshot | None) -> Snapshot:
        pointer = self.journeys.pointer(workspace)
        schema = self.workspaces.schema(workspace)
        if old is not None and old.revision == pointer.revision:
            return replace(old, schema=schema)
        versions = self.journeys.versions(workspace, [(each.journey, each.version) for each in pointer.active])
        return snapshot(pointer, schema, versions)


@dataclass(slots=True)
class Statuses:
    """Whether a journey that has ever been published runs, as it was at most five seconds ago."""

    journeys: ports.Journeys
    memory: TtlCache[ActiveJourneys] = field(default_factory=lambda: TtlCache(max_entries=200))

    def of(self, workspace: str, journey: str, now: datetime) -> Literal["published", "paused", "stopped"]:
        """Where the journey stands. One that the pointer does not name may be newer than what is remembered of it."""
        known = self._in(self._read(workspace, now, SNAPSHOT_SECONDS), journey)
        return known or self._in(self._read(workspace, now, 0), journey) or "stopped"

    def _read(self, workspace: str, now: datetime, seconds: int) -> ActiveJourneys:
        return self.memory.read(workspace, now, lambda _: seconds, lambda _: self.journeys.pointer(workspace), lambda _: False)

    @staticmethod
    def _in(pointer: ActiveJourneys, journey: str) -> Literal["published", "paused"] | None:
        return next((each.status for each in pointer.active if each.journey == journey), None)
