"""Runs of customers in memory, each customer's with a version row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from tests.fakes.messages import FakeMessages
from tests.fakes.receipts import FakeReceipts
from waypost.domain.runs.changes import Commit, CommitResult, RunsMerge
from waypost.domain.runs.effects import Effect
from waypost.domain.runs.run import ActiveRunEntry, CustomerRuns, HeldRun, Run, VersionRow
from waypost.domain.values.wire_time import iso

MAX_ACTIONS = 100
"""The actions that one transaction of DynamoDB takes."""


@dataclass
class FakeRuns:
    """Version rows and runs by workspace and customer. `before_commit` runs between the read of a worker and its write."""

    receipts: FakeReceipts = field(default_factory=FakeReceipts)
    messages: FakeMessages = field(default_factory=FakeMessages)
    stored_runs: dict[tuple[str, str], CustomerRuns] = field(default_factory=dict)
    past: list[Run] = field(default_factory=list)
    ended: dict[tuple[str, str], list[Run]] = field(default_factory=dict)
    commits: int = 0
    before_commit: Callable[[Commit], None] = lambda _: None

    def get(self, workspace: str, customer: str) -> CustomerRuns:
        return self.stored_runs.get((workspace, customer), CustomerRuns(VersionRow(), ()))

    def in_journey(self, workspace: str, customer: str, journey: str) -> list[Run]:
        return [run for run in self.get(workspace, customer).runs if run.journey == journey]

    def last_ended(self, workspace: str, customer: str, journey: str, key: str) -> Run | None:
        found = [run for run in self.ended.get((workspace, customer), []) if (run.journey, run.key) == (journey, key)]
        return max(found, key=lambda run: run.entered_at, default=None)

    def commit(self, commit: Commit) -> CommitResult:
        self.before_commit(commit)
        stored = self.get(commit.workspace, commit.customer).version_row
        if stored.erased or stored.version != commit.version_row.version:
            return CommitResult.STALE
        if any(self.receipts.knows(commit.workspace, receipt) for receipt in commit.receipts):
            return CommitResult.DUPLICATE
        assert _actions(commit) <= MAX_ACTIONS
        assert _each_once(commit)
        self._write(commit)
        return CommitResult.DONE

    def _write(self, commit: Commit) -> None:
        self.commits += 1
        key = commit.workspace, commit.customer
        gone = {run.id for run in (*commit.replaced, *commit.ended, *commit.runs)}
        kept = tuple(run for run in self.get(*key).runs if run.id not in gone)
        self.stored_runs[key] = CustomerRuns(VersionRow(commit.version_row.version + 1, commit.pending_effects), kept + commit.runs)
        self.past += commit.replaced
        self.ended.setdefault(key, []).extend(commit.ended)
        self.receipts.put(commit.workspace, commit.receipts)
        self.messages.stored |= {(message.workspace, message.id): message for message in commit.messages}

    def merge(self, runs_merge: RunsMerge) -> bool:
        target, source = (runs_merge.workspace, runs_merge.target), (runs_merge.workspace, runs_merge.source)
        if (self.get(*target).version_row, self.get(*source).version_row) != (runs_merge.target_version_row, runs_merge.source_version_row):
            return False
        if runs_merge.source_version_row.erased or runs_merge.target_version_row.erased:
            return False
        moved = {run.id for run in (*runs_merge.current_runs, *runs_merge.past_runs)}
        assert 2 + 2 * len(moved) <= MAX_ACTIONS
        pending_effects = (*runs_merge.target_version_row.pending_effects, *runs_merge.source_version_row.pending_effects)
        target_runs = tuple(run for run in self.get(*target).runs if run.id not in moved)
        source_runs = tuple(run for run in self.get(*source).runs if run.id not in moved)
        version = runs_merge.target_version_row.version + 1
        self.stored_runs[target] = CustomerRuns(VersionRow(version, pending_effects), target_runs + runs_merge.current_runs)
        self.stored_runs[source] = CustomerRuns(VersionRow(runs_merge.source_version_row.version + 1, (), runs_merge.target), source_runs)
        self.past += runs_merge.past_runs
        return True

    def held(self, workspace: str, journey: str, after: str | None) -> tuple[list[HeldRun], str | None]:
        """Pages of two."""
        found = sorted(
            (f"{iso(run.pending_transition.at)}#{run.id}", HeldRun(customer, run.pending_transition.lookup_id))
            for (owner, customer), customer_runs in self.stored_runs.items()
            for run in customer_runs.runs
            if owner == workspace and run.journey == journey and run.active and run.pending_transition
        )
        rest = [each for each in found if after is None or each[0] > after]
        return [run for _, run in rest[:2]], rest[1][0] if len(rest) > 2 else None

    def active(
        self, workspace: str, journey: str, step: str | None, *, limit: int, after: str | None
    ) -> tuple[list[ActiveRunEntry], str | None]:
        """Positions sort like the list: the part of it, then customer and run."""
        if after is not None and after[:1] not in ("1", "2"):
            raise ValueError(after)
        entries = [
            ActiveRunEntry(customer, f"{1 if (run.pending_transition is None) is (step is not None) else 2}\n{customer}\n{run.id}")
            for (owner, customer), customer_runs in self.stored_runs.items()
            for run in customer_runs.runs
            if owner == workspace and run.journey == journey and run.active and step in (None, run.step)
        ]
        rest = sorted((each for each in entries if after is None or each.position > after), key=lambda each: each.position)
        return rest[:limit], rest[limit - 1].position if len(rest) > limit else None

    def load(self, workspace: str, entries: Sequence[ActiveRunEntry]) -> list[tuple[str, Run]]:
        found = [(each.customer, self.get(workspace, each.customer).find(each.position.split("\n")[2])) for each in entries]
        return [(customer, run) for customer, run in found if run is not None and run.active]

    def clear(self, workspace: str, customer: str, version: int) -> None:
        customer_runs = self.get(workspace, customer)
        if customer_runs.version_row.version == version:
            self.stored_runs[workspace, customer] = replace(
                customer_runs, version_row=replace(customer_runs.version_row, pending_effects=())
            )

    @property
    def all(self) -> list[Run]:
        """Every run that exists or existed."""
        return [
            *self.past,
            *(run for runs in self.ended.values() for run in runs),
            *(run for customer_runs in self.stored_runs.values() for run in customer_runs.runs),
        ]

    @property
    def pending_effects(self) -> list[Effect]:
        """All effects that are saved and not executed."""
        return [effect for customer_runs in self.stored_runs.values() for effect in customer_runs.version_row.pending_effects]


def _actions(commit: Commit) -> int:
    return 1 + len(commit.runs) + 2 * len(commit.replaced + commit.ended) + len(commit.messages) + len(commit.receipts)


def _each_once(commit: Commit) -> bool:
    """Whether no item is written twice: DynamoDB refuses such a transaction."""
    updated = [run.id for run in (*commit.runs, *commit.replaced, *commit.ended)]
    return len(updated) == len(set(updated))
