"""Erasing a customer: everything goes, and a keyed hash of its names keeps late events from bringing it back (contract 2)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Protocol

from waypost.domain.customers.customer import Customer, assemble
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.customers.rows import Row, RowKey, correlation_key, owner_key
from waypost.domain.runs.transition import timer_of
from waypost.manage.customers import RunHistory
from waypost.ports import Customers

SECONDS: Final = 20.0
"""How long one request erases before it asks to be sent again: the gateway gives up at 29."""


class TombstoneStore(Customers, Protocol):
    """Customers' rows, and where they are buried."""

    def add_tombstones(self, workspace: str, identifiers: Sequence[Identifier], at: datetime) -> None:
        """Puts tombstones for names of a customer; they stay for ever."""

    def remove(self, keys: Sequence[RowKey]) -> None:
        """Removes rows."""


class CustomerDataStore(Protocol):
    """What a customer leaves behind beside its rows; each method removes some of one kind and answers how many."""

    def block_writes(self, workspace: str, customer: str, at: datetime) -> None:
        """Closes the gate for good: whoever is about to save a change of it is too late."""

    def remove_runs(self, workspace: str, customer: str) -> int:
        """Removes runs."""

    def remove_messages(self, workspace: str, customer: str) -> int:
        """Removes messages with what was rendered for them."""

    def remove_events(self, workspace: str, customer: str) -> int:
        """Removes pages of the log with their receipts."""

    def remove_rejected(self, workspace: str, identifiers: Collection[str], now: datetime) -> int:
        """Removes refused events that name the customer."""

    def remove_parked(self, workspace: str, customers: Collection[str], identifiers: Collection[str]) -> int:
        """Removes parked signals and messages."""


class ScheduleStore(Protocol):
    """Timers that are armed."""

    def disarm(self, name: str) -> None:
        """Takes a timer back, if that is possible."""


@dataclass(slots=True)
class Erased:
    """What was removed so far; `complete` once nothing is left."""

    id: str
    complete: bool = False
    removed: dict[str, int] = field(default_factory=dict)

    def add(self, kind: str, number: int) -> None:
        """Counts things that were removed, if there were any."""
        if number:
            self.removed[kind] = self.removed.get(kind, 0) + number


@dataclass(frozen=True, slots=True)
class Erasure:
    """One customer's erasure; `elapsed` counts the seconds of this request.

    The rows go last, so that a request that ran out of time can be sent again and goes on.
    """

    customers: TombstoneStore
    customer_data: CustomerDataStore
    runs: RunHistory
    schedules: ScheduleStore
    customer: Customer
    now: datetime
    elapsed: Callable[[], float]

    def carry_out(self) -> Erased:
        """Erases the customer with every id that joins it meanwhile."""
        erased = Erased(self.customer.id)
        left: Customer | None = self.customer
        while left is not None and self.elapsed() < SECONDS:
            left = replace(self, customer=left).one_round(erased)
        return erased

    def one_round(self, erased: Erased) -> Customer | None:
        """Tombstones and gates first: from then on nothing new comes to be. Then everything, the rows at the end.

        The customer as it is if an id joined it before its tombstone was there: then its rows are kept for another round.
        """
        ids = (self.customer.id, *self.customer.merged_ids)
        names = self._names()
        self.customers.add_tombstones(self.customer.workspace, names, self.now)
        for each in ids:
            self.customer_data.block_writes(self.customer.workspace, each, self.now)
        erased.add("timers", self._disarm(ids))
        texts = {name.value for name in names} | {name.value.lower() for name in names}
        work: list[tuple[str, Callable[[], int]]] = [
            ("deadLetters", lambda: self.customer_data.remove_parked(self.customer.workspace, ids, texts)),
            *(("runs", lambda each=each: self.customer_data.remove_runs(self.customer.workspace, each)) for each in ids),
            *(("messages", lambda each=each: self.customer_data.remove_messages(self.customer.workspace, each)) for each in ids),
            *(("events", lambda each=each: self.customer_data.remove_events(self.customer.workspace, each)) for each in ids),
            ("rejectedEvents", lambda: self.customer_data.remove_rejected(self.customer.workspace, texts, self.now)),
        ]
        for kind, remove in work:
            while self.elapsed() < SECONDS and (number := remove()):
                erased.add(kind, number)
        grown = self._newly_linked()
        if grown is None and self.elapsed() < SECONDS:
            self._remove_rows(erased)
        return grown

    def _newly_linked(self) -> Customer | None:
        now = assemble(self._rows(), None)
        if now is None or (now.primary == self.customer.primary and set(now.correlation_ids) <= set(self.customer.correlation_ids)):
            return None
        return now

    def _rows(self) -> list[Row]:
        """The rows under the primary key, without those of a customer who has started anew under it."""
        primary = self.customer.primary or self._named_meanwhile()
        rows = self.customers.by_primary_key(self.customer.workspace, primary) if primary else []
        return [row for row in rows if row.customer == self.customer.id]

    def _named_meanwhile(self) -> Identifier | None:
        """The primary key that an anonymous customer has got since its erasure was asked for."""
        own = self.customers.get([owner_key(self.customer.workspace, self.customer.lookup_id)])
        return own[0].linked_to if own else None

    def _disarm(self, ids: Sequence[str]) -> int:
        """Takes back the timers of all runs that stand somewhere until a certain time."""
        runs = [run for each in ids for run in self.runs.history(self.customer.workspace, each).runs]
        timers = [timer for run in runs if run.active and (timer := timer_of(run, self.customer)) is not None]
        for timer in timers:
            self.schedules.disarm(timer.name)
        return len(timers)

    def _names(self) -> list[Identifier]:
        ids = [Identifier("correlation", each) for each in self.customer.correlation_ids]
        return ids if self.customer.primary is None else [self.customer.primary, *ids]

    def _remove_rows(self, erased: Erased) -> None:
        """All rows under the primary key, and the claims on correlation ids; again, until none has come between reading and removing."""
        workspace, names = self.customer.workspace, {name for name in self._names() if name.kind == "correlation"}
        claims = [correlation_key(workspace, name) for name in names]
        keys = set(claims) - {row.key for row in self.customers.get(claims) if row.customer != self.customer.id}
        rows = self._rows()
        while rows or keys:
            late = {row.key.correlation for row in rows if row.key.correlation is not None} - names
            if late:
                self.customers.add_tombstones(workspace, sorted(late), self.now)
            self.customers.remove(sorted({row.key for row in rows} | keys | {correlation_key(workspace, name) for name in late}, key=str))
            keys, rows = set(), self._rows()
        erased.add("correlationIds", len(self.customer.correlation_ids))
        erased.add("attributes", len(self.customer.attributes))
        erased.complete = True
