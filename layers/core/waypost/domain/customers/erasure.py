"""What an erasure has to know while it goes on: whom it erases, and how far it is (docs/architecture.md#erasure)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from waypost.domain.customers.identifiers import Identifier


class ErasedMessage(NamedTuple):
    """A stored message of a customer. An unsettled one may be in the hands of a sender, which stores its rendered content."""

    id: str
    settled: bool


@dataclass(frozen=True, slots=True)
class ErasureSubjects:
    """Everything by which an erasure finds what belongs to the customer, when the rows that say so are gone.

    `ids` are the customer's id and those of the customers merged into it. `messages` are the messages that a sender may be sending, and
    `timers` the names of the timers that a matcher may be arming.
    """

    ids: frozenset[str] = frozenset()
    identifiers: frozenset[Identifier] = frozenset()
    messages: frozenset[str] = frozenset()
    timers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ErasureStatus:
    """How far an erasure is. `erased_at` is its time. `second_pass_at` is None until the first pass is done."""

    erased_at: datetime
    second_pass_at: datetime | None = None
    complete: bool = False
