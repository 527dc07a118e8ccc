"""Journeys in memory as they are managed: drafts, versions, and the pointer to what runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from waypost.domain.errors import StaleError
from waypost.domain.journeys.lifecycle import Lifecycle
from waypost.domain.journeys.published import ActiveJourneys


@dataclass
class FakeDefinitions:
    """Journeys and definitions in dictionaries; `before_save` is what another writer does first."""

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

    def publish(self, workspace: str, published: Lifecycle, pointer: ActiveJourneys) -> None:
        self.before_save()
        if self.pointer(workspace).revision != pointer.revision:
            raise StaleError("the pointer has moved on")
        self._put(workspace, published)
        self.pointers[workspace] = pointer._replace(revision=pointer.revision + 1)

    def _put(self, workspace: str, journey: Lifecycle) -> None:
        there = self.lifecycle(workspace, journey.id)
        if (there.revision if there else 0) != journey.revision:
            raise StaleError("the journey has moved on")
        self.lifecycles[workspace, journey.id] = replace(journey, revision=journey.revision + 1)
