"""Saves changes of one customer's runs: saved together with their effects, which are executed afterwards and then cleared.

SQS, the scheduler and DynamoDB share no transaction. If a run were saved first and its message queued second, a crash between the two
would lose the message; the other way round it would send the message of a run that does not exist. So the transaction that saves a run
also stores its effects in the version row of the customer, as pending. The next worker that reads the customer executes what is pending.
An effect may therefore be executed twice, which is the same as once: a message is claimed before it is sent, and a timer is named by its
visit.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, assert_never

from waypost import ports
from waypost.domain.errors import UnavailableError
from waypost.domain.intake.receipts import Receipt
from waypost.domain.messages.message import Message
from waypost.domain.runs.changes import Commit, CommitResult
from waypost.domain.runs.effects import ArmTimer, DisarmTimer, SendMessage
from waypost.domain.runs.run import CustomerRuns, Run, VersionRow
from waypost.domain.runs.transition import Transition
from waypost.domain.values.chunks import chunked
from waypost.match.dependencies import MatchDependencies
from waypost.match.journey_counting import CountBuffer

MAX_RUNS_AND_MESSAGES: Final = 40
"""Runs and messages in a transaction: DynamoDB takes 100 actions, but 40 events of 64 KiB stay below its 4 MB."""

RUNS_PER_TRANSACTION: Final = MAX_RUNS_AND_MESSAGES // 4

MAX_REPLACED: Final = 25
"""Ended runs in a transaction: each takes two of the actions that runs and messages leave."""

MAX_PENDING_EFFECTS: Final = 100
"""Pending effects in a version row, which is one item of at most 400 KB. Before there are more, they are executed."""


@dataclass(slots=True)
class RunUnitOfWork:
    """The runs of one customer as this worker knows them. A save updates them, so that the next event needs no second read."""

    runs: ports.Runs
    send_queue: ports.SendQueue
    timers: ports.Timers
    now: datetime
    workspace: str
    customer: str
    customer_runs: CustomerRuns
    counted: CountBuffer

    def save(self, transitions: Sequence[Transition], receipts: Sequence[Receipt]) -> bool:
        """Saves transitions with the receipts of the events that caused them. False if another worker changed the runs first.

        What fits into one transaction is saved whole or not at all. More is saved in several transactions: messages first, without the
        effects that send them, then runs with their effects, then the receipts.
        """
        unsaved = [each for each in transitions if not each.already_saved]
        ended = self._ended({(each.run.journey, each.run.key) for each in transitions})
        messages = [message for each in unsaved for message in each.messages]
        if len(messages) + 3 * len(unsaved) <= MAX_RUNS_AND_MESSAGES:
            return self._commit(unsaved, messages, receipts, ended)
        # The order makes a crash between two transactions harmless. A receipt that came first would make the redelivery skip the event and
        # lose the other runs. An effect that came before its message would find nothing to send. Without a receipt the event is matched
        # again: ids are made from the event, so a message is written over by itself, and a run that is there is recognised
        # (`Transition.already_saved`) and not saved again. Nor are its messages, which may be sent by then.
        return (
            all(self._commit([], chunk, []) for chunk in chunked(messages, MAX_RUNS_AND_MESSAGES))
            and all(self._commit(chunk, [], []) for chunk in chunked(unsaved, RUNS_PER_TRANSACTION))
            and self._commit([], [], receipts, ended)
        )

    def execute_effects(self) -> None:
        """Executes the pending effects of the customer and clears them. Executing an effect again after a crash changes nothing."""
        version_row = self.customer_runs.version_row
        if not version_row.pending_effects:
            return
        messages = [effect.message for effect in version_row.pending_effects if isinstance(effect, SendMessage)]
        if messages:
            self.send_queue.put(self.workspace, [(message, timedelta(0)) for message in messages])
        for effect in version_row.pending_effects:
            match effect:
                case SendMessage():
                    pass  # together, above: a call takes ten messages
                case ArmTimer():
                    self.timers.arm(effect.timer, self.now)
                case DisarmTimer():
                    self.timers.disarm(effect.timer)
                case _:
                    assert_never(effect)
        # Conditional on the version: another worker that saved meanwhile has added effects that may not be executed yet. Then all of them
        # stay, and those of this worker are executed a second time.
        self.runs.clear(self.workspace, self.customer, version_row.version)
        self.customer_runs = replace(self.customer_runs, version_row=replace(version_row, pending_effects=()))

    def _commit(
        self, transitions: Sequence[Transition], messages: Sequence[Message], receipts: Sequence[Receipt], ended: Sequence[Run] = ()
    ) -> bool:
        """One transaction, conditional on the version row as it was read. False if the version has changed or an event has a receipt."""
        if len(self.customer_runs.version_row.pending_effects) >= MAX_PENDING_EFFECTS:
            self.execute_effects()
        runs = tuple(each.run for each in transitions)
        replaced = self._replaced(runs)
        as_read = self.customer_runs.version_row
        # The effects that are pending already stay in the row: the transaction replaces it, and without them they would be lost.
        pending_effects = (*as_read.pending_effects, *(effect for each in transitions for effect in each.effects))
        ended = tuple(ended[: MAX_REPLACED - len(replaced)])
        commit = Commit(self.workspace, self.customer, as_read, pending_effects, runs, replaced, tuple(messages), tuple(receipts), ended)
        if self.runs.commit(commit) is not CommitResult.DONE:
            return False
        # Here and not when all is saved: if a later transaction fails, the next attempt finds these runs as they are now.
        self.counted.add_transitions(self.workspace, transitions)
        changed = {run.id for run in (*replaced, *ended, *runs)}
        unchanged = tuple(run for run in self.customer_runs.runs if run.id not in changed)
        self.customer_runs = CustomerRuns(VersionRow(as_read.version + 1, pending_effects), unchanged + runs)
        return True

    def _replaced(self, runs: Sequence[Run]) -> tuple[Run, ...]:
        """The ended runs that move to the history when these runs are saved, at most 25: the rest moves with a later save.

        Of each journey and key only the latest run has to be read with the customer, for the re-entry rules.
        """
        changed = {run.id for run in runs}
        earlier = [old for run in runs for old in self.customer_runs.in_journey(run.journey, run.key)]
        # By id: two runs of one journey and key may be saved together, and DynamoDB refuses a transaction that names an item twice.
        ended = {old.id: old for old in earlier if not old.active and old.id not in changed}
        return tuple(ended.values())[:MAX_REPLACED]

    def _ended(self, changing: Collection[tuple[str, str]]) -> list[Run]:
        """The runs of journeys with re-entry keys that had ended before this change, without those of the keys that are `changing`.

        A journey with order ids as keys gets a run for each order. If all of them stayed, each event of a customer with 100,000 orders
        would read tens of megabytes. Only an entry with the same key has to know of them.
        """
        # Not in the change that ends them: an event with many effects is saved in several transactions, and after a crash in between it has
        # to find the runs that it has started already, although they may have ended at once.
        runs = self.customer_runs.runs
        return [run for run in runs if run.key and not run.active and (run.journey, run.key) not in changing]


def require_not_erased(version_row: VersionRow) -> None:
    """UnavailableError if the customer of this version row was erased: nothing may be saved for it.

    A later delivery of the signal decides again. It finds the tombstones, and drops what happened before the erasure. What happened later
    belongs to a new customer, as soon as the rows of the erased one are gone.
    """
    if version_row.erased:
        raise UnavailableError("this customer is being erased")


def unit_of_work_for(dependencies: MatchDependencies, workspace: str, customer: str, now: datetime) -> RunUnitOfWork:
    """The unit of work of a customer, or of the customer into which that one was merged."""
    # A signal keeps the customer id, and the message group, that it was sent with. If that customer was merged meanwhile, its runs are
    # with the other one, and a change that was saved under the old id would never be read again.
    customer_runs = dependencies.runs.get(workspace, customer)
    if customer_runs.version_row.merged_into is not None:
        return unit_of_work_for(dependencies, workspace, customer_runs.version_row.merged_into, now)
    return RunUnitOfWork(
        dependencies.runs, dependencies.send_queue, dependencies.timers, now, workspace, customer, customer_runs, dependencies.counted
    )
