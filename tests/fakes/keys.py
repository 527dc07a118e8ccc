"""The keys table in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from waypost.domain.api_keys import Key, key_hash
from waypost.domain.errors import StaleError, UnavailableError

TEXT = "M4jxXt6diYz1Dds1YmhHe93KGPAUi24PlXgaiRXi"


def stored(text: str = TEXT, **changes: Any) -> Key:
    """A key of the workspace w1 with the scope `events`, as it is stored."""
    key = Key("k_1", "w1", key_hash(text), text[:6], "app", frozenset({"events"}), datetime(2026, 1, 1, tzinfo=UTC))
    return replace(key, **changes)


@dataclass
class FakeKeys:
    """Keys by hash. `lookups` are the hashes that were read, `uses` the recorded days of use.

    `down` is an outage of reads and writes, `read_only` one of writes.
    """

    keys: dict[str, Key] = field(default_factory=dict)
    lookups: list[str] = field(default_factory=list)
    uses: list[str] = field(default_factory=list)
    down: bool = False
    read_only: bool = False

    def find(self, key_hash: str) -> Key | None:
        self.lookups.append(key_hash)
        if self.down:
            raise UnavailableError("the keys table is down")
        return self.keys.get(key_hash)

    def used(self, key_hash: str, day: str) -> None:
        if self.down or self.read_only:
            raise UnavailableError("the keys table takes no writes")
        if key_hash not in self.keys:
            raise StaleError("this key is gone")
        self.uses.append(day)
        self.keys[key_hash] = replace(self.keys[key_hash], last_used_on=day)

    def add(self, key: Key) -> None:
        if key.hash in self.keys:
            raise StaleError("this key exists")
        self.keys[key.hash] = key

    def remove(self, key_hash: str) -> None:
        self.keys.pop(key_hash, None)

    def all(self, workspace: str) -> Iterator[Key]:
        return iter(sorted((key for key in self.keys.values() if key.workspace == workspace), key=lambda key: key.created_at, reverse=True))
