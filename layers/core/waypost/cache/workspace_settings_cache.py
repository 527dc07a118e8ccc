"""The settings of workspaces, kept in memory."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime

from waypost import ports
from waypost.cache.ttl_cache import TtlCache
from waypost.cache.workspace_cache import SNAPSHOT_SECONDS
from waypost.domain.customers.topics import Topic, find_topic, removed_topic
from waypost.domain.messages.workspace_settings import WorkspaceSettings


@dataclass(slots=True)
class CachedSettings:
    """Settings of workspaces, at most `max_age` seconds old. While the table is unavailable, the last ones are used at any age."""

    settings: ports.SenderSettings
    max_age: int = SNAPSHOT_SECONDS
    cache: TtlCache[WorkspaceSettings] = field(default_factory=TtlCache)

    def of(self, workspace: str, now: datetime) -> WorkspaceSettings:
        """The settings of a workspace. UnavailableError if they cannot be read and were never read."""
        return self._read(workspace, now, self.max_age)

    def fresh(self, workspace: str, now: datetime) -> WorkspaceSettings:
        """The settings of a workspace as they are now, past the cache."""
        return self._read(workspace, now, 0)

    def is_sending(self, workspace: str, now: datetime) -> bool:
        """Whether the workspace sends messages. UnavailableError if that cannot be known."""
        # A workspace that is switched off is read again, and not from memory during an outage: what is held by mistake after the workspace
        # has been switched on again would be released by nothing.
        return self.of(workspace, now).sending or self.settings.read(workspace).settings.sending

    def topic(self, workspace: str, topic_id: str | None, now: datetime) -> Topic:
        """The topic with this id, None for `general`. One that is not in the settings is read again, and then counts as removed."""
        # A journey may be published seconds after its topic was added to the settings.
        found = find_topic(self.of(workspace, now).topics, topic_id)
        if found is None and topic_id is not None:
            found = find_topic(self.fresh(workspace, now).topics, topic_id) or removed_topic(topic_id)
        return found or removed_topic(topic_id or "")

    def _read(self, workspace: str, now: datetime, max_age: int) -> WorkspaceSettings:
        return self.cache.read(
            workspace, now, lambda _: max_age, lambda *_: self.settings.read(workspace).settings, outage_age=lambda _: math.inf
        )
