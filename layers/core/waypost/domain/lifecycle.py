"""Where a journey stands between its drafts and the version that runs (contract 3.2)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

from waypost.domain.snapshots import InForce, Pointer

Status = Literal["draft", "published", "paused", "stopped"]

MOST_PUBLISHED: Final = 1_000


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
    status: Status = "draft"
    rev: int = 0

    def saved(self, name: str, now: datetime) -> Lifecycle:
        """With one more draft; what is published goes on."""
        return replace(self, name=name, version=self.version + 1, updated_at=now)

    def publishing(self, now: datetime) -> Lifecycle:
        """With its newest draft as the version that customers enter; itself where that is so already."""
        if self.published_version == self.version:
            return self
        return replace(self, published_version=self.version, status="published", updated_at=now)

    @property
    def is_new(self) -> bool:
        """Whether this is its first draft."""
        return self.version == 1


def pointed(pointer: Pointer, journey: str, version: int) -> Pointer:
    """The pointer with this version in force, in the place of the journey's earlier one or at the end."""
    fresh = InForce(journey, version, "published")
    known = any(each.journey == journey for each in pointer.in_force)
    kept = tuple(fresh if each.journey == journey else each for each in pointer.in_force)
    return Pointer(pointer.rev, kept if known else (*kept, fresh))
