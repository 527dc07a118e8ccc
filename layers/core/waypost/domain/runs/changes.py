"""The units in which changes of runs are saved: one transaction each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from waypost.domain.intake.receipts import Receipt
from waypost.domain.messages.message import Message
from waypost.domain.runs.effects import Effect
from waypost.domain.runs.run import Run, VersionRow


@dataclass(frozen=True, slots=True)
class Commit:
    """One change of a customer's runs with all that belongs to it: saved as a whole or not at all.

    `version_row` is as read; `pending_effects` are all effects that are pending after the change. `runs` are the new states; `replaced`
    are ended runs that a newer run of the same journey and key moves to the past runs. `receipts` are those of the events that caused it.
    `ended` are runs of journeys with re-entry keys that an earlier change has ended: they leave the runs that are read with the customer.
    """

    workspace: str
    customer: str
    version_row: VersionRow
    pending_effects: tuple[Effect, ...]
    runs: tuple[Run, ...] = ()
    replaced: tuple[Run, ...] = ()
    messages: tuple[Message, ...] = ()
    receipts: tuple[Receipt, ...] = ()
    ended: tuple[Run, ...] = ()


class CommitResult(Enum):
    """Saved; stale, because the version row has changed or the customer was erased; or duplicate, because an event has a receipt."""

    DONE = "done"
    STALE = "stale"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True)
class RunsMerge:
    """One part of merging the runs of the customer `source` into those of the customer `target`; a large merge takes several.

    Both version rows are as read. The source's row is marked as merged and its pending effects go to the target's. `current_runs` become
    the target's runs, with their active ones; `past_runs` become past runs of the target.
    """

    workspace: str
    target: str
    target_version_row: VersionRow
    source: str
    source_version_row: VersionRow
    current_runs: tuple[Run, ...]
    past_runs: tuple[Run, ...]
