"""Which customer each linked identifier leads to, as a warm intake function remembers it."""

from __future__ import annotations

from dataclasses import dataclass, field

from waypost.domain.customers.identifiers import Identifier


@dataclass(frozen=True, slots=True)
class ResolvedCustomer:
    """Whose an identifier is: the customer's id, its primary key if it is linked, and whether anything is stored of it."""

    customer: str
    primary: Identifier | None
    stored: bool


@dataclass(slots=True)
class LinkedIdCache:
    """Linked identifiers in memory, the oldest forgotten first. Anonymous ones are not kept: they may be linked at any time."""

    max_entries: int = 20_000
    known: dict[tuple[str, Identifier], ResolvedCustomer] = field(default_factory=dict)

    def get(self, workspace: str, identifier: Identifier) -> ResolvedCustomer | None:
        """Whose this identifier is, if it is linked and in memory."""
        return self.known.get((workspace, identifier))

    def put(self, workspace: str, identifier: Identifier, known: ResolvedCustomer) -> None:
        """Remembers a linked identifier."""
        if len(self.known) >= self.max_entries:
            self.known.pop(next(iter(self.known)), None)
        self.known[workspace, identifier] = known
