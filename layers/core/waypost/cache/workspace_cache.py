"""Caches of what belongs to a workspace: its schema, and its published journeys."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Literal

from waypost import ports
from waypost.cache.ttl_cache import TtlCache, call_directly
from waypost.domain.customers.schema import Schema
from waypost.domain.journeys.published import ActiveJourneys, Snapshot, snapshot, versions_of

SNAPSHOT_SECONDS: Final = 5
"""The maximum age of a snapshot in the cloud. Entries begin a second later than that after a publication (`lifecycle.entry_delay`)."""
SCHEMA_SECONDS: Final = 30


@dataclass(slots=True)
class Schemas:
    """Schemas of workspaces, at most 30 seconds old. While the table is unavailable, the last one is used at any age."""

    workspaces: ports.Workspaces
    cache: TtlCache[Schema] = field(default_factory=TtlCache)

    def of(self, workspace: str, now: datetime, caller: ports.Caller = call_directly) -> Schema:
        """The schema of a workspace, read by `caller`. UnavailableError if the table is unavailable and no schema was ever read."""
        return self.cache.read(
            workspace,
            now,
            lambda _: SCHEMA_SECONDS,
            lambda _, has_fallback: caller(lambda: self.workspaces.schema(workspace), has_fallback=has_fallback),
            outage_age=lambda _: math.inf,
        )


@dataclass(slots=True)
class Snapshots:
    """Snapshots of the published journeys and the schema of workspaces, younger than `max_age` seconds.

    Versions of journeys never change. Every 5 seconds only the small row is read that lists the active versions, and the versions
    themselves only when its revision has changed.
    """

    journeys: ports.Journeys
    workspaces: ports.Workspaces
    cache: TtlCache[Snapshot] = field(default_factory=lambda: TtlCache(max_entries=200))
    max_age: int = SNAPSHOT_SECONDS

    def get(self, workspace: str, now: datetime, revision: int = 0) -> Snapshot:
        """The snapshot of a workspace, of at least this revision: a signal may come from a change that is newer than the cache."""
        cached = self._read(workspace, now, self.max_age)
        return cached if cached.revision >= revision else self.fresh(workspace, now)

    def fresh(self, workspace: str, now: datetime) -> Snapshot:
        """The snapshot of a workspace as it is now, past the cache."""
        return self._read(workspace, now, 0)

    def unreadable(self, workspace: str) -> frozenset[tuple[str, int]]:
        """The active versions that cannot be read, by the latest snapshot of a workspace."""
        entry = self.cache.entries.get(workspace)
        return entry.value.unreadable if entry else frozenset()

    def _read(self, workspace: str, now: datetime, max_age: int) -> Snapshot:
        return self.cache.read(workspace, now, lambda _: max_age, lambda old, _: self._load(workspace, old, now), lambda _: 0)

    def _load(self, workspace: str, old: Snapshot | None, now: datetime) -> Snapshot:
        active = self.journeys.pointer(workspace)
        schema = self.workspaces.schema(workspace)
        if old is not None and old.revision == active.revision and not old.unreadable:
            return replace(old, schema=schema)
        active = active._replace(active=tuple(each.without_expired_predecessor(now) for each in active.active))
        versions = self.journeys.versions(workspace, versions_of(active))
        return snapshot(active, schema, versions)


@dataclass(slots=True)
class Statuses:
    """The status of journeys that were published at some time, younger than `max_age` seconds."""

    journeys: ports.Journeys
    cache: TtlCache[ActiveJourneys] = field(default_factory=lambda: TtlCache(max_entries=200))
    max_age: int = SNAPSHOT_SECONDS

    def of(self, workspace: str, journey: str, now: datetime) -> Literal["published", "paused", "stopped"]:
        """The status of a journey. One that is not listed is stopped, or was published after the list was cached: it is read again."""
        status = self._in(self._read(workspace, now, self.max_age), journey)
        return status or self._in(self._read(workspace, now, 0), journey) or "stopped"

    def _read(self, workspace: str, now: datetime, max_age: int) -> ActiveJourneys:
        return self.cache.read(workspace, now, lambda _: max_age, lambda *_: self.journeys.pointer(workspace), lambda _: 0)

    @staticmethod
    def _in(active: ActiveJourneys, journey: str) -> Literal["published", "paused"] | None:
        return next((each.status for each in active.active if each.journey == journey), None)
