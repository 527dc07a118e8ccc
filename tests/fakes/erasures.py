"""The data of customers outside the customers table, and erasures, in memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from tests.fakes.consents import FakeConsentHistory
from tests.fakes.log import FakeLog
from tests.fakes.messages import FakeCapCounts, FakeDeadLetters, FakeMessages
from tests.fakes.runs import FakeRuns
from waypost.domain.customers.erasure import ErasedMessage, ErasureScope, ErasureStatus
from waypost.domain.dead_letters import Parked

PAGE = 100


@dataclass
class FakeCustomerData:
    """Removes from the other fakes. `before_call` runs before each call; while `lagging`, no message is found by its customer.

    It has no rejected events, of which only the table knows the identifiers.
    """

    runs: FakeRuns = field(default_factory=FakeRuns)
    messages_table: FakeMessages = field(default_factory=FakeMessages)
    events: FakeLog = field(default_factory=FakeLog)
    dead: FakeDeadLetters = field(default_factory=FakeDeadLetters)
    consents: FakeConsentHistory = field(default_factory=FakeConsentHistory)
    cap_counts: FakeCapCounts = field(default_factory=FakeCapCounts)
    before_call: Callable[[], object] = lambda: None
    lagging: bool = False

    def remove_runs(self, workspace: str, customer: str) -> int:
        self.before_call()
        stored = self.runs.get(workspace, customer)
        removed = stored.runs[:PAGE]
        if removed:
            self.runs.stored_runs[workspace, customer] = replace(stored, runs=stored.runs[PAGE:])
        return len(removed)

    def messages(self, workspace: str, customer: str) -> list[ErasedMessage]:
        self.before_call()
        found = [each for each in self.messages_table.stored.values() if (each.workspace, each.customer) == (workspace, customer)]
        return [] if self.lagging else [ErasedMessage(each.id, each.is_settled) for each in found[:PAGE]]

    def remove_messages(self, workspace: str, messages: Sequence[str]) -> None:
        for each in messages:
            self.messages_table.stored.pop((workspace, each), None)
            self.messages_table.bodies.pop((workspace, each), None)

    def remove_cap_counts(self, workspace: str, customers: Sequence[str]) -> None:
        for each in customers:
            self.cap_counts.stored.pop((workspace, each), None)

    def remove_events(self, workspace: str, customer: str) -> int:
        self.before_call()
        keys = [key for key in self.events.pages if key[:2] == (workspace, customer)][:10]
        uuids = {event.uuid for key in keys for event in self.events.pages.pop(key).events}
        for each in uuids:
            self.events.receipts.stored.pop((workspace, each), None)
        return len(uuids)

    def remove_consents(self, workspace: str, customer: str) -> int:
        self.before_call()
        keys = [key for key in self.consents.stored if key[:2] == (workspace, customer)][:PAGE]
        for key in keys:
            del self.consents.stored[key]
        return len(keys)

    def remove_rejected(self, workspace: str, identifiers: Collection[str]) -> int:
        self.before_call()
        return 0

    def remove_parked(self, workspace: str, scope: ErasureScope, after: str | None) -> tuple[int, str | None]:
        self.before_call()
        later = sorted(at for at, each in self.dead.parked.items() if each.workspace == workspace and (after is None or at > after))
        page = later[:PAGE]
        found = [at for at in page if _customer_of(self.dead.parked[at]) in scope.ids or self.dead.parked[at].subject in scope.messages]
        for each in found:
            del self.dead.parked[each]
        return len(found), page[-1] if page else None


@dataclass
class FakeErasures:
    """Erasures by workspace and customer. Their marks are on the version rows of `runs`. `before_block` runs before each mark."""

    runs: FakeRuns = field(default_factory=FakeRuns)
    states: dict[tuple[str, str], ErasureStatus] = field(default_factory=dict)
    merged: dict[tuple[str, str], str] = field(default_factory=dict)
    scopes: dict[tuple[str, str], ErasureScope] = field(default_factory=dict)
    positions: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    before_block: Callable[[], object] = lambda: None

    def block(self, workspace: str, customer: str, erased: str, at: datetime) -> None:
        self.before_block()
        if customer != erased:
            self.merged[workspace, customer] = erased
        stored = self.runs.get(workspace, customer)
        version_row = replace(stored.version_row, version=stored.version_row.version + 1, pending_effects=(), merged_into=None, erased=True)
        self.runs.stored_runs[workspace, customer] = replace(stored, version_row=version_row)

    def begin(self, workspace: str, customer: str, at: datetime) -> datetime:
        self.block(workspace, customer, customer, at)
        return self.states.setdefault((workspace, customer), ErasureStatus(customer, at)).erased_at

    def status(self, workspace: str, customer: str) -> ErasureStatus | None:
        return self.states.get((workspace, customer)) or self.states.get((workspace, self.merged.get((workspace, customer), "")))

    def schedule_second_pass(self, workspace: str, customer: str, at: datetime) -> None:
        state = self.states[workspace, customer]
        if state.second_pass_at is None and not state.complete:
            self.states[workspace, customer] = replace(state, second_pass_at=at)

    def complete(self, workspace: str, customer: str) -> None:
        key = workspace, customer
        self.scopes.pop(key, None)
        self.positions.pop(key, None)
        self.states[key] = replace(self.states[key], second_pass_at=None, complete=True)

    def add(self, workspace: str, customer: str, scope: ErasureScope, at: datetime) -> None:
        old = self.scope(workspace, customer)
        self.scopes[workspace, customer] = ErasureScope(
            old.ids | scope.ids, old.identifiers | scope.identifiers, old.messages | scope.messages, old.timers | scope.timers
        )

    def scope(self, workspace: str, customer: str) -> ErasureScope:
        return self.scopes.get((workspace, customer), ErasureScope())

    def save_position(self, workspace: str, customer: str, scan: str, position: str, at: datetime) -> None:
        self.positions.setdefault((workspace, customer), {})[scan] = position

    def position(self, workspace: str, customer: str, scan: str) -> str | None:
        return self.positions.get((workspace, customer), {}).get(scan)


def _customer_of(parked: Parked) -> str | None:
    """The customer that a dead letter names."""
    customer: str | None = json.loads(parked.body).get("customer")
    return customer
