"""The erasure of a customer everywhere. Tombstones then keep late events from restoring it (docs/architecture.md#erasure)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Final

from waypost.domain.customers.customer import Customer, assemble
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.customers.rows import Row, correlation_key, owner_key
from waypost.domain.runs.transition import timer_of
from waypost.manage import customers
from waypost.manage.api import ApiRequest
from waypost.manage.requests import NoQuery
from waypost.manage.responses.customers import INCOMPLETE_STATUS, ErasureResponse
from waypost.ports import ArmedTimers, CustomerData, ManagedCustomers, RunHistory
from waypost.web.http import Response

MAX_SECONDS: Final = 20.0
"""How long one request erases before the caller has to send it again: the gateway's timeout is 29 seconds."""


@dataclass(slots=True)
class Erased:
    """What was removed so far, counted by kind. `complete` once nothing is left."""

    id: str
    complete: bool = False
    removed: dict[str, int] = field(default_factory=dict)

    def add(self, kind: str, number: int) -> None:
        """Counts removed things. A kind of which nothing was removed does not appear."""
        if number:
            self.removed[kind] = self.removed.get(kind, 0) + number


@dataclass(frozen=True, slots=True)
class Erasure:
    """The erasure of one customer. `elapsed` returns the seconds since this request began.

    The customer's rows are removed last. A request that ran out of time therefore still finds the customer when it is sent again, and
    continues.
    """

    customers: ManagedCustomers
    customer_data: CustomerData
    runs: RunHistory
    schedules: ArmedTimers
    customer: Customer
    now: datetime
    elapsed: Callable[[], float]

    def carry_out(self) -> Erased:
        """Erases the customer together with every id that is linked to it in the meantime."""
        erased = Erased(self.customer.id)
        remaining: Customer | None = self.customer
        while remaining is not None and self._has_time():
            remaining = replace(self, customer=remaining)._erase_known_ids(erased)  # noqa: SLF001 - the same class
        return erased

    def _erase_known_ids(self, erased: Erased) -> Customer | None:
        """Removes everything under the ids that the customer had when it was read. Returns the customer again if it has new ones.

        The order prevents a race with writers. Tombstones make the matcher drop every event that is not newer than the erasure, and
        blocked runs make every late conditional write fail; from then on nothing new appears, and what is there can be removed. An event
        that was between its check and its write at that moment may still have linked another id. The rows are kept in that case, and the
        next round erases the new id too.
        """
        workspace, ids, identifiers = self.customer.workspace, (self.customer.id, *self.customer.merged_ids), self._identifiers()
        self.customers.add_tombstones(workspace, identifiers, self.now)
        for each in ids:
            self.customer_data.block_writes(workspace, each, self.now)
        erased.add("timers", self._disarm_timers(ids))
        for kind, remove in self._removals(ids, identifiers):
            while self._has_time() and (number := remove()):
                erased.add(kind, number)
        linked = self._with_new_ids()
        if linked is None and self._has_time():
            self._remove_rows(erased)
        return linked

    def _removals(self, ids: Sequence[str], identifiers: Sequence[Identifier]) -> Iterator[tuple[str, Callable[[], int]]]:
        """One removal for each kind and id. Messages are removed after dead letters, which are recognized by the customer's messages."""
        data, workspace = self.customer_data, self.customer.workspace
        texts = {each.value for each in identifiers} | {each.value.lower() for each in identifiers}
        yield "deadLetters", partial(data.remove_parked, workspace, ids, texts)
        for each in ids:
            yield "runs", partial(data.remove_runs, workspace, each)
        for each in ids:
            yield "messages", partial(data.remove_messages, workspace, each)
        for each in ids:
            yield "events", partial(data.remove_events, workspace, each)
        yield "rejectedEvents", partial(data.remove_rejected, workspace, texts, self.now)

    def _with_new_ids(self) -> Customer | None:
        """The customer as it is now, if it has an id that it did not have when the erasure began."""
        current = assemble(self._rows(), None)
        known = set(self.customer.correlation_ids)
        if current is None or (current.primary == self.customer.primary and set(current.correlation_ids) <= known):
            return None
        return current

    def _rows(self) -> list[Row]:
        """The rows under the primary key, without those of a new customer that has started under the same key since the erasure."""
        primary = self.customer.primary or self._new_primary()
        rows = self.customers.by_primary_key(self.customer.workspace, primary) if primary else []
        return [row for row in rows if row.customer == self.customer.id]

    def _new_primary(self) -> Identifier | None:
        """The primary key that an anonymous customer was given after its erasure was requested."""
        own = self.customers.get([owner_key(self.customer.workspace, self.customer.lookup_id)])
        return own[0].linked_to if own else None

    def _disarm_timers(self, ids: Sequence[str]) -> int:
        """Deletes the timers of all active runs that wait for a time. Returns their number."""
        runs = [run for each in ids for run in self.runs.history(self.customer.workspace, each).runs]
        timers = [timer for run in runs if run.active and (timer := timer_of(run, self.customer)) is not None]
        for timer in timers:
            self.schedules.disarm(timer.name)
        return len(timers)

    def _identifiers(self) -> list[Identifier]:
        ids = [Identifier("correlation", each) for each in self.customer.correlation_ids]
        return ids if self.customer.primary is None else [self.customer.primary, *ids]

    def _remove_rows(self, erased: Erased) -> None:
        """Removes all rows under the primary key and the rows that own the correlation ids, until a read finds none.

        An id that is linked between the read and the removal gets its tombstone here. The row of a correlation id that belongs to
        another customer by now, because a merge was faster, is kept.
        """
        workspace, known = self.customer.workspace, {each for each in self._identifiers() if each.kind == "correlation"}
        own_keys = [correlation_key(workspace, each) for each in known]
        keys = set(own_keys) - {row.key for row in self.customers.get(own_keys) if row.customer != self.customer.id}
        rows = self._rows()
        while rows or keys:
            late = {row.key.correlation for row in rows if row.key.correlation is not None} - known
            if late:
                self.customers.add_tombstones(workspace, sorted(late), self.now)
            self.customers.remove(sorted({row.key for row in rows} | keys | {correlation_key(workspace, each) for each in late}, key=str))
            keys, rows = set(), self._rows()
        erased.add("correlationIds", len(self.customer.correlation_ids))
        erased.add("attributes", len(self.customer.attributes))
        erased.complete = True

    def _has_time(self) -> bool:
        return self.elapsed() < MAX_SECONDS


def erase_customer(request: ApiRequest[NoQuery, None]) -> ErasureResponse | Response:
    """`DELETE /api/customers/{id}`: 200 once the customer is erased, 202 if the caller has to send the request again."""
    ports, started = request.dependencies, request.dependencies.monotonic()
    stores = (ports.customers, ports.customer_data, ports.runs, ports.schedules)
    erasure = Erasure(*stores, customers.requested(request), request.now, lambda: ports.monotonic() - started)
    erased = erasure.carry_out()
    body = ErasureResponse.model_validate(erased, from_attributes=True)
    return body if erased.complete else Response(INCOMPLETE_STATUS, body)
