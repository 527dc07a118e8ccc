"""Saving changes of one customer's runs: save with what is owed, then act, then clear."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, TypeVar

from waypost import ports
from waypost.domain.intake.receipts import Receipt
from waypost.domain.messages.message import Message
from waypost.domain.runs.changes import Commit, CommitResult
from waypost.domain.runs.effects import ArmTimer, DisarmTimer, SendMessage
from waypost.domain.runs.run import CustomerRuns, Run, VersionRow
from waypost.domain.runs.transition import Transition

ACTIONS: Final = 40
"""Runs and messages to a transaction: 100 would fit by number, but 40 events of 64 KiB stay below its 4 MB."""

REPLACED: Final = 25
"""Ended runs to a transaction: each takes two of the actions that the others leave."""

MAX_PENDING_EFFECTS: Final = 100
"""How much may be owed before it is paid in between: the gate is one row of at most 400 KB."""

T = TypeVar("T")


@dataclass(slots=True)
class RunUnitOfWork:
    """One customer's standing as this worker knows it; every save moves it on."""

    runs: ports.Runs
    send_queue: ports.SendQueue
    timers: ports.Timers
    now: datetime
    workspace: str
    customer: str
    customer_runs: CustomerRuns

    def save(self, transitions: Sequence[Transition], receipts: Sequence[Receipt]) -> bool:
        """Saves transitions with the receipts of what caused them, in one transaction or in several where they do not fit into one.

        In several, messages come first and are not owed yet; runs follow with what they owe, the receipts last. A crash in between
        leaves no receipt: what is missing is decided again, and runs that are there are known by their ids. False: someone was quicker.
        """
        fresh = [each for each in transitions if not each.already_saved]
        messages = [message for each in fresh for message in each.messages]
        if len(messages) + 3 * len(fresh) <= ACTIONS:
            return self._commit(fresh, messages, receipts)
        return (
            all(self._commit([], part, []) for part in _cut(messages, ACTIONS))
            and all(self._commit(part, [], []) for part in _cut(fresh, ACTIONS // 4))
            and self._commit([], [], receipts)
        )

    def _commit(self, transitions: Sequence[Transition], messages: Sequence[Message], receipts: Sequence[Receipt]) -> bool:
        if len(self.customer_runs.version_row.pending_effects) >= MAX_PENDING_EFFECTS:
            self.execute_effects()
        runs = tuple(each.run for each in transitions)
        replaced = self._replaced(runs)
        pending_effects = (*self.customer_runs.version_row.pending_effects, *(effect for each in transitions for effect in each.effects))
        commit = Commit(
            self.workspace, self.customer, self.customer_runs.version_row, pending_effects, runs, replaced, tuple(messages), tuple(receipts)
        )
        if self.runs.commit(commit) is not CommitResult.DONE:
            return False
        gone = {old.id for old in replaced} | {run.id for run in runs}
        kept = tuple(run for run in self.customer_runs.runs if run.id not in gone)
        self.customer_runs = CustomerRuns(VersionRow(self.customer_runs.version_row.version + 1, pending_effects), kept + runs)
        return True

    def _replaced(self, runs: Sequence[Run]) -> tuple[Run, ...]:
        """Ended runs that make room for these, each once though several have its journey and key; more go with the next save."""
        changed = {run.id for run in runs}
        earlier = [old for run in runs for old in self.customer_runs.in_journey(run.journey, run.key)]
        ended = {old.id: old for old in earlier if not old.active and old.id not in changed}
        return tuple(ended.values())[:REPLACED]

    def execute_effects(self) -> None:
        """Does what is owed. Twice is harmless: a message is claimed before it is sent, a timer that no run waits for does nothing."""
        version_row = self.customer_runs.version_row
        if version_row.pending_effects:
            self._send([effect.message for effect in version_row.pending_effects if isinstance(effect, SendMessage)])
            for effect in version_row.pending_effects:
                if isinstance(effect, ArmTimer):
                    self.timers.arm(effect.timer, self.now)
                elif isinstance(effect, DisarmTimer):
                    self.timers.disarm(effect.timer)
            self.runs.clear(self.workspace, self.customer, version_row.version)
            self.customer_runs = replace(self.customer_runs, version_row=replace(version_row, pending_effects=()))

    def _send(self, messages: Sequence[str]) -> None:
        if messages:
            self.send_queue.put(self.workspace, [(message, timedelta(0)) for message in messages])


def _cut(whole: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (whole[start : start + size] for start in range(0, len(whole), size))
