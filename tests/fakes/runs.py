"""Customers' runs in memory, each customer's behind a gate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from tests.fakes.messages import FakeMessages
from tests.fakes.receipts import FakeReceipts
from waypost.domain.runs.changes import Absorption, Commit, Committed
from waypost.domain.runs.effects import Effect
from waypost.domain.runs.run import Gate, HeldRun, Run, Standing
from waypost.domain.values.wire_time import iso

MOST_ACTIONS = 100
"""What one transaction of DynamoDB takes."""


@dataclass
class FakeRuns:
    """Gates and runs by workspace and customer; `before_commit` runs between a worker's read and its write."""

    receipts: FakeReceipts = field(default_factory=FakeReceipts)
    messages: FakeMessages = field(default_factory=FakeMessages)
    standings: dict[tuple[str, str], Standing] = field(default_factory=dict)
    past: list[Run] = field(default_factory=list)
    commits: int = 0
    before_commit: Callable[[Commit], None] = lambda _: None

    def standing(self, workspace: str, customer: str) -> Standing:
        return self.standings.get((workspace, customer), Standing(Gate(), ()))

    def commit(self, commit: Commit) -> Committed:
        self.before_commit(commit)
        if self.standing(commit.workspace, commit.customer).gate.version != commit.gate.version:
            return Committed.STALE
        if any(self.receipts.knows(commit.workspace, receipt) for receipt in commit.receipts):
            return Committed.KNOWN
        assert _actions(commit) <= MOST_ACTIONS
        assert _each_once(commit)
        self._write(commit)
        return Committed.DONE

    def _write(self, commit: Commit) -> None:
        self.commits += 1
        place = commit.workspace, commit.customer
        gone = {run.id for run in (*commit.replaced, *commit.runs)}
        kept = tuple(run for run in self.standing(*place).runs if run.id not in gone)
        self.standings[place] = Standing(Gate(commit.gate.version + 1, commit.owed), kept + commit.runs)
        self.past += commit.replaced
        self.receipts.put(commit.workspace, commit.receipts)
        self.messages.stored |= {(message.workspace, message.id): message for message in commit.messages}

    def absorb(self, absorption: Absorption) -> bool:
        into, absorbed = (absorption.workspace, absorption.into), (absorption.workspace, absorption.absorbed)
        if (self.standing(*into).gate, self.standing(*absorbed).gate) != (absorption.into_gate, absorption.absorbed_gate):
            return False
        moved = {run.id for run in (*absorption.kept, *absorption.past)}
        assert 2 + 2 * len(moved) <= MOST_ACTIONS
        owed = (*absorption.into_gate.owed, *absorption.absorbed_gate.owed)
        here = tuple(run for run in self.standing(*into).runs if run.id not in moved)
        there = tuple(run for run in self.standing(*absorbed).runs if run.id not in moved)
        self.standings[into] = Standing(Gate(absorption.into_gate.version + 1, owed), here + absorption.kept)
        self.standings[absorbed] = Standing(Gate(absorption.absorbed_gate.version + 1, (), absorption.into), there)
        self.past += absorption.past
        return True

    def held(self, workspace: str, journey: str, after: str | None) -> tuple[list[HeldRun], str | None]:
        """Two at a time."""
        found = sorted(
            (f"{iso(run.held.at)}#{run.id}", HeldRun(customer, run.held.known_as))
            for (owner, customer), standing in self.standings.items()
            for run in standing.runs
            if owner == workspace and run.journey == journey and run.active and run.held
        )
        rest = [each for each in found if after is None or each[0] > after]
        return [run for _, run in rest[:2]], rest[1][0] if len(rest) > 2 else None

    def clear(self, workspace: str, customer: str, version: int) -> None:
        standing = self.standing(workspace, customer)
        if standing.gate.version == version:
            self.standings[workspace, customer] = replace(standing, gate=replace(standing.gate, owed=()))

    @property
    def all(self) -> list[Run]:
        """Every run that is or was."""
        return [*self.past, *(run for standing in self.standings.values() for run in standing.runs)]

    @property
    def owed(self) -> list[Effect]:
        """All that is saved and not paid."""
        return [effect for standing in self.standings.values() for effect in standing.gate.owed]


def _actions(commit: Commit) -> int:
    return 1 + len(commit.runs) + 2 * len(commit.replaced) + len(commit.messages) + len(commit.receipts)


def _each_once(commit: Commit) -> bool:
    """DynamoDB refuses a transaction that touches an item twice."""
    touched = [run.id for run in (*commit.runs, *commit.replaced)]
    return len(touched) == len(set(touched))
