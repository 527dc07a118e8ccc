"""What an erasure stores while it goes on: what it covers, and how far it is (docs/architecture.md#erasure)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from waypost.domain.customers.identifiers import Identifier


class ErasedMessage(NamedTuple):
    """A stored message of a customer. A sender may be working on an unsettled one, and store its rendered content."""

    id: str
    settled: bool


@dataclass(frozen=True, slots=True)
class ErasureScope:
    """What an erasure covers. By it the erasure finds the data of the customer when the customer's rows are gone.

    `ids` are the customer's id and those of the customers merged into it. `messages` are the messages that a sender may be sending, and
    `timers` the names of the timers that a matcher may be arming.
    """

    ids: frozenset[str] = frozenset()
    identifiers: frozenset[Identifier] = frozenset()
    messages: frozenset[str] = frozenset()
    timers: frozenset[str] = frozenset()

    @property
    def texts(self) -> frozenset[str]:
        """The identifiers as clients may have written them: as they are stored, and in lower case."""
        return frozenset(text for each in self.identifiers for text in (each.value, each.value.lower()))


@dataclass(frozen=True, slots=True)
class ErasureStatus:
    """How far the erasure of a customer is. `erased_at` is its time. `second_pass_at` is None until the first pass is done."""

    customer: str
    erased_at: datetime
    second_pass_at: datetime | None = None
    complete: bool = False
