"""The journeys table in memory, as the management API uses it: drafts, versions, and the pointer to the active versions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from waypost.domain.errors import StaleError
from waypost.domain.journeys.lifecycle import Lifecycle
from waypost.domain.journeys.published import ActiveJourneys


@dataclass
class FakeDefinitions:
    """Journeys and definitions in dictionaries. `before_save` runs before each write, as another writer would."""

    lifecycles: dict[tuple[str, str], Lifecycle] = field(default_factory=dict)
    definitions: dict[tuple[str, str, int], Any] = field(default_factory=dict)
    pointers: dict[str, ActiveJourneys] = field(default_factory=dict)
    before_save: Callable[[], None] = lambda: None

    def pointer(self, workspace: str) -> ActiveJourneys:
        return self.pointers.get(workspace, ActiveJourneys(0, ()))

    def definition(self, workspace: str, journey: str, version: int) -> Any:
        return self.definitions[workspace, journey, version]

    def lifecycle(self, workspace: str, journey: str) -> Lifecycle | None:
        return self.lifecycles.get((workspace, journey))

    def all(self, workspace: str) -> list[Lifecycle]:
        return [each for (owner, _), each in self.lifecycles.items() if owner == workspace]

    def save_draft(self, workspace: str, saved: Lifecycle, definition: Any) -> None:
        self.before_save()
        self._put(workspace, saved)
        self.definitions[workspace, saved.id, saved.version] = definition

    def delete_draft(self, workspace: str, draft: Lifecycle) -> None:
        self.before_save()
        if self.lifecycles[workspace, draft.id].revision != draft.revision:
            raise StaleError("the journey has changed")
        del self.lifecycles[workspace, draft.id]
        self.definitions = {key: value for key, value in self.definitions.items() if key[:2] != (workspace, draft.id)}

    def publish(self, workspace: str, published: Lifecycle, pointer: ActiveJourneys) -> None:
        self.before_save()
        if self.pointer(workspace).revision != pointer.revision:
            raise StaleError("the pointer has changed")
        self._put(workspace, published)
        self.pointers[workspace] = pointer._replace(revision=pointer.revision + 1)

    def _put(self, workspace: str, journey: Lifecycle) -> None:
        current = self.lifecycle(workspace, journey.id)
        if (current.revision if current else 0) != journey.revision:
            raise StaleError("the journey has changed")
        self.lifecycles[workspace, journey.id] = replace(journey, revision=journey.revision + 1)
