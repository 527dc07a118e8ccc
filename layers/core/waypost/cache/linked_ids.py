"""The cache of the intake: which customer each linked identifier belongs to."""

from __future__ import annotations

from dataclasses import dataclass, field

from waypost.domain.customers.identifiers import Identifier


@dataclass(frozen=True, slots=True)
class ResolvedCustomer:
    """The customer that an identifier belongs to: its id, its primary key value if the identifier is linked, and whether it is stored."""

    customer: str
    primary: Identifier | None
    stored: bool


@dataclass(slots=True)
class LinkedIdCache:
    """Linked identifiers; the oldest entry is removed first.

    A link never changes, except by an erasure, which the matcher checks, so entries need no maximum age. Anonymous customers must not
    be put here: another instance may link them at any time, and their events would go on to the message group of the old id.
    """

    max_entries: int = 20_000
    entries: dict[tuple[str, Identifier], ResolvedCustomer] = field(default_factory=dict)

    def get(self, workspace: str, identifier: Identifier) -> ResolvedCustomer | None:
        """The customer of an identifier, or None if it is not cached."""
        return self.entries.get((workspace, identifier))

    def put(self, workspace: str, identifier: Identifier, customer: ResolvedCustomer) -> None:
        """Adds a linked identifier."""
        if len(self.entries) >= self.max_entries:
            self.entries.pop(next(iter(self.entries)), None)
        self.entries[workspace, identifier] = customer
