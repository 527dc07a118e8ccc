"""The history of consents in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from waypost.domain.customers.consents import ConsentChange, RecordedConsent
from waypost.domain.values.wire_time import iso


@dataclass
class FakeConsentHistory:
    """Changes by workspace, customer and position."""

    stored: dict[tuple[str, str, str], RecordedConsent] = field(default_factory=dict)

    def add(self, workspace: str, customer: str, changes: Sequence[ConsentChange], received_at: datetime) -> None:
        for change in changes:
            position = f"{iso(change.at)}#{change.uuid}"
            self.stored[workspace, customer, position] = RecordedConsent(change, received_at, position)

    def page(self, workspace: str, customer: str, *, limit: int, before: str | None = None) -> tuple[list[RecordedConsent], str | None]:
        theirs = [recorded for key, recorded in self.stored.items() if key[:2] == (workspace, customer)]
        found = sorted((each for each in theirs if before is None or each.position < before), key=lambda each: each.position, reverse=True)
        return found[:limit], found[limit - 1].position if len(found) > limit else None


@dataclass
class FakeOptOuts:
    """Opt-outs by workspace, channel and address, or the hash of one."""

    stored: dict[tuple[str, str, str], dict[str, datetime]] = field(default_factory=dict)

    def add(self, workspace: str, channel: str, address: str, topics: Mapping[str, datetime]) -> None:
        theirs = self.stored.setdefault((workspace, channel, address), {})
        for topic, at in topics.items():
            theirs[topic] = max(at, theirs.get(topic, at))

    def add_by_hash(self, workspace: str, channel: str, hashed: str, topics: Mapping[str, datetime]) -> None:
        self.add(workspace, channel, hashed, topics)
