"""The journeys table in memory, as the management API uses it: drafts, versions, and the pointer to the active versions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from waypost.domain.errors import StaleError
from waypost.domain.journeys.lifecycle import Lifecycle, VersionTimes
from waypost.domain.journeys.published import ActiveJourneys


@dataclass
class FakeDefinitions:
    """Journeys and definitions in dictionaries. `before_save` runs before each write, as another writer would."""

    lifecycles: dict[tuple[str, str], Lifecycle] = field(default_factory=dict)
    definitions: dict[tuple[str, str, int], Any] = field(default_factory=dict)
    times: dict[tuple[str, str, int], VersionTimes] = field(default_factory=dict)
    pointers: dict[str, ActiveJourneys] = field(default_factory=dict)
    before_save: Callable[[], None] = lambda: None

    def pointer(self, workspace: str) -> ActiveJourneys:
        return self.pointers.get(workspace, ActiveJourneys(0, ()))

    def definition(self, workspace: str, journey: str, version: int) -> Any:
        return self.definitions[workspace, journey, version]

    def version_times(self, workspace: str, journey: str, oldest: int, newest: int) -> dict[int, VersionTimes]:
        numbers = range(oldest, newest + 1)
        return {number: self.times[workspace, journey, number] for number in numbers if (workspace, journey, number) in self.times}

    def lifecycle(self, workspace: str, journey: str) -> Lifecycle | None:
        return self.lifecycles.get((workspace, journey))

    def all(self, workspace: str) -> list[Lifecycle]:
        return [each for (owner, _), each in self.lifecycles.items() if owner == workspace]

    def save_draft(self, workspace: str, saved: Lifecycle, definition: Any) -> None:
        self.before_save()
        self._put(workspace, saved)
        self.definitions[workspace, saved.id, saved.version] = definition
        self.times[workspace, saved.id, saved.version] = VersionTimes(saved.updated_at)

    def delete_draft(self, workspace: str, draft: Lifecycle) -> None:
        self.before_save()
        self._check_unchanged(workspace, draft)
        del self.lifecycles[workspace, draft.id]
        self.definitions = {key: value for key, value in self.definitions.items() if key[:2] != (workspace, draft.id)}
        self.times = {key: value for key, value in self.times.items() if key[:2] != (workspace, draft.id)}

    def publish(self, workspace: str, published: Lifecycle, pointer: ActiveJourneys, published_at: datetime | None = None) -> None:
        self.before_save()
        if self.pointer(workspace).revision != pointer.revision:
            raise StaleError("the pointer has changed")
        self._put(workspace, published)
        self.pointers[workspace] = pointer._replace(revision=pointer.revision + 1)
        if published_at is not None and published.published_version is not None:
            key = (workspace, published.id, published.published_version)
            self.times[key] = self.times.get(key, VersionTimes())._replace(published_at=published_at)

    def _put(self, workspace: str, journey: Lifecycle) -> None:
        self._check_unchanged(workspace, journey)
        self.lifecycles[workspace, journey.id] = replace(journey, revision=journey.revision + 1)

    def _check_unchanged(self, workspace: str, journey: Lifecycle) -> None:
        current = self.lifecycle(workspace, journey.id)
        if (current.revision if current else 0) != journey.revision or (current and current.created_at != journey.created_at):
            raise StaleError("the journey has changed")
