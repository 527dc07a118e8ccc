"""One change of a customer's runs, with all that has to be saved together with it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from waypost.domain.intake.receipts import Receipt
from waypost.domain.messages.message import Message
from waypost.domain.runs.effects import Effect
from waypost.domain.runs.run import Run, VersionRow


@dataclass(frozen=True, slots=True)
class Commit:
    """One change of a customer's runs with all that belongs to it: saved whole or not at all.

    `gate` is the gate as read, `owed` all effects that are owed from then on; `replaced` are ended runs that make room.
    """

    workspace: str
    customer: str
    version_row: VersionRow
    pending_effects: tuple[Effect, ...]
    runs: tuple[Run, ...] = ()
    replaced: tuple[Run, ...] = ()
    messages: tuple[Message, ...] = ()
    receipts: tuple[Receipt, ...] = ()


class Committed(Enum):
    """What became of a commit: done; stale, because the gate has moved on; or known, because an event has a receipt already."""

    DONE = "done"
    STALE = "stale"
    KNOWN = "known"


@dataclass(frozen=True, slots=True)
class RunsMerge:
    """A part of an absorb: the absorbed customer's gate is closed, what it owes and some of its runs come along.

    Both gates are as read. `kept` go on as runs of the absorbing customer, `past` are kept as its earlier ones.
    """

    workspace: str
    into: str
    into_version_row: VersionRow
    absorbed: str
    absorbed_version_row: VersionRow
    kept: tuple[Run, ...]
    past: tuple[Run, ...]
