"""The erasure of a customer everywhere, in two passes. Tombstones then keep late events from restoring it (docs/architecture.md#erasure).

The management API begins it. Signals in a message group of their own continue it until it is complete, without further requests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Literal

from waypost import ports
from waypost.domain.customers.consents import opt_outs_of
from waypost.domain.customers.customer import Customer, assemble
from waypost.domain.customers.erasure import ErasureScope
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.customers.rows import Row, correlation_key
from waypost.domain.errors import UnavailableError
from waypost.domain.journeys.message_steps import CHANNELS
from waypost.domain.messages.receivers import for_channel
from waypost.domain.runs.transition import timer_of
from waypost.domain.signal_codec import to_queue_message
from waypost.domain.signals import ErasureContinued
from waypost.domain.values.generated_ids import customer_id, digest
from waypost.identify import WRITE_ATTEMPTS

REQUEST_SECONDS: Final = 20.0
"""How long a request of the API erases before it leaves the rest to signals: the gateway's timeout is 29 seconds."""

SIGNAL_SECONDS: Final = 5.0
"""How long a signal erases before the next one goes on: the matcher takes ten signals in 60 seconds."""

FIRST_SIGNAL_AFTER: Final = timedelta(seconds=30)
"""When the first signal comes: after the request has ended, so that the two do not work at the same time."""

NEXT_SIGNAL_AFTER: Final = timedelta(seconds=1)

PassName = Literal["first", "second"]

ERASURE_SECOND_PASS_AFTER: Final = timedelta(minutes=2)
"""Longer than any function runs: a function that looked before the first pass has written what it writes."""


@dataclass(frozen=True, slots=True)
class ErasureDependencies:
    """The stores of an erasure. `monotonic` returns seconds on a clock that never goes back."""

    customers: ports.ManagedCustomers
    customer_data: ports.CustomerData
    erasures: ports.Erasures
    runs: ports.Runs
    opt_outs: ports.OptOuts
    settings: ports.SenderSettings
    schedules: ports.ArmedTimers
    delays: ports.Delays
    monotonic: Callable[[], float]


@dataclass(slots=True)
class Removed:
    """How much was removed, by kind. A kind of which nothing was removed does not appear."""

    by_kind: dict[str, int] = field(default_factory=dict)

    def add(self, kind: str, number: int) -> None:
        """Counts removed things."""
        if number:
            self.by_kind[kind] = self.by_kind.get(kind, 0) + number


def begin_erasure(customer: Customer, now: datetime, dependencies: ErasureDependencies) -> Removed:
    """Begins the erasure of a customer, and removes what a request has the time for. A repeat goes on with it."""
    # The signal comes before the mark: whatever happens to this request, an erasure that was begun has a signal that finishes it. A signal
    # of an erasure that never began does nothing. The scope comes before both, or a signal could find nothing to erase.
    workspace, erasures = customer.workspace, dependencies.erasures
    end = dependencies.monotonic() + REQUEST_SECONDS
    erasures.add(workspace, customer.id, scope_of(customer), now)
    dependencies.delays.put(to_queue_message(ErasureContinued(workspace, customer.id)), FIRST_SIGNAL_AFTER)
    # A repeat keeps the time of the first request. With its own time it would drop events that happened in between, and wait since then.
    erased_at = erasures.begin(workspace, customer.id, now)
    erasure_pass = ErasurePass(workspace, customer.id, erased_at, "first", dependencies, end)
    if erasure_pass.carry_out():
        erasures.schedule_second_pass(workspace, customer.id, now + ERASURE_SECOND_PASS_AFTER)
    return erasure_pass.removed


def continue_erasure(signal: ErasureContinued, now: datetime, dependencies: ErasureDependencies) -> None:
    """Goes on with an erasure for some seconds, and sends the next signal unless it is complete. Repeating it changes nothing."""
    workspace, customer, erasures = signal.workspace, signal.erased, dependencies.erasures
    status = erasures.status(workspace, customer)
    if status is None or status.complete:
        return
    next_after, end = NEXT_SIGNAL_AFTER, dependencies.monotonic() + SIGNAL_SECONDS
    name: PassName = "first" if status.second_pass_at is None else "second"
    if status.second_pass_at is not None and now < status.second_pass_at:
        next_after = status.second_pass_at - now
    elif ErasurePass(workspace, customer, status.erased_at, name, dependencies, end).carry_out():
        if status.second_pass_at is not None:
            erasures.complete(workspace, customer)
            return
        erasures.schedule_second_pass(workspace, customer, now + ERASURE_SECOND_PASS_AFTER)
        next_after = ERASURE_SECOND_PASS_AFTER
    dependencies.delays.put(to_queue_message(replace(signal, part=signal.part + 1)), next_after)


def scope_of(customer: Customer) -> ErasureScope:
    """Ids and identifiers of a customer."""
    correlations = {Identifier("correlation", each) for each in customer.correlation_ids}
    return ErasureScope(
        ids=frozenset({customer.id, *customer.merged_ids}),
        identifiers=frozenset(correlations if customer.primary is None else {customer.primary, *correlations}),
    )


@dataclass(slots=True)
class ErasurePass:
    """One part of a pass of the erasure of one customer, until the time `end` of the monotonic clock. `at` is the time of the erasure."""

    workspace: str
    customer: str
    at: datetime
    name: PassName
    dependencies: ErasureDependencies
    end: float
    removed: Removed = field(default_factory=Removed)
    progressed: bool = False

    def carry_out(self) -> bool:
        """Removes everything of the customer, with every id that was linked to it meanwhile. False if the time was too short.

        The rows of the customer are removed last: they say what belongs to it. An event may link another id before the rows are blocked;
        the next round erases that too.
        """
        while True:
            customer = self._stored_customer()
            if customer is not None:
                self._block_writers(customer)
            if not self._remove_data():
                return False
            if customer is None:
                return True
            current = self._stored_customer()
            if current is not None and scope_of(current) == scope_of(customer):
                self._keep_opt_outs(current)
                self._remove_rows(customer)
                self.progressed = True

    def _keep_opt_outs(self, customer: Customer) -> None:
        """Stores with each address of the customer, by its hash, from which topics it has unsubscribed."""
        # Without this, an erasure would undo the unsubscription: the address may come back with the next import. The rows are blocked, so
        # no consent is added after this, and they are still there, so a crash here only repeats it.
        for channel, step in CHANNELS.items():
            opt_outs = opt_outs_of(customer.consents, channel)
            if not opt_outs:
                continue
            named = self.dependencies.settings.read(self.workspace).settings.address_attributes
            for address in step.addresses_of(for_channel(customer, channel, named)):
                self.dependencies.opt_outs.add(self.workspace, channel, address, opt_outs)

    def _block_writers(self, customer: Customer) -> None:
        """Makes writers fail under every id of the customer."""
        # The order prevents a race with writers. Blocked runs make every later change of a run fail. Then tombstones make the matcher drop
        # every event that is not newer than the erasure. A matcher that finds a tombstone therefore also finds that runs and rows are
        # blocked, and lets a newer event wait until the rows are gone: it must not be written to rows that are about to be removed.
        dependencies, scope = self.dependencies, scope_of(customer)
        dependencies.erasures.add(self.workspace, self.customer, scope, self.at)
        for each in sorted(scope.ids):
            dependencies.erasures.block(self.workspace, each, self.customer, self.at)
        for row in self._rows():
            _block_row(row, self.customer, dependencies.customers)
        dependencies.customers.add_tombstones(self.workspace, sorted(scope.identifiers), self.at)
        # Each pass deletes the timers of runs that wait for a time: a matcher may arm one again.
        timers = _timers_of(customer, dependencies.runs)
        dependencies.erasures.add(self.workspace, self.customer, ErasureScope(timers=timers), self.at)
        self.removed.add("timers", len(timers))

    def _remove_data(self) -> bool:
        """Removes what is stored outside the customers table. False if there may be more.

        However short the time is, each part removes something, or reads some of the dead letters.
        """
        scope = self.dependencies.erasures.scope(self.workspace, self.customer)
        if not self._remove_dead_letters(scope):
            return False
        for kind, remove in self._removals(scope):
            number = 1
            while number:
                if self._must_stop():
                    return False
                number = remove()
                self.removed.add(kind, number)
                self.progressed |= number > 0
        if self._must_stop():
            return False
        for name in sorted(scope.timers):
            self.dependencies.schedules.disarm(name)
        self.dependencies.customer_data.remove_messages(self.workspace, sorted(scope.messages))
        self.dependencies.customer_data.remove_cap_counts(self.workspace, sorted(scope.ids))
        return True

    def _remove_dead_letters(self, scope: ErasureScope) -> bool:
        """Removes the dead letters of the customer. False if there may be more. It goes on where the part before it stopped."""
        # A workspace may have more dead letters than a part can read. The name of the scan contains the ids, so that after another id has
        # joined the customer, the dead letters are read from the first one again.
        erasures, workspace = self.dependencies.erasures, self.workspace
        ids, texts = (",".join(sorted(each)) for each in (scope.ids, scope.texts))
        scan = digest("deadLetters", self.name, ids, texts)
        position = start = erasures.position(workspace, self.customer, scan)
        following: str | None = ""
        while following is not None:
            number, following = self.dependencies.customer_data.remove_parked(workspace, scope, position)
            self.removed.add("deadLetters", number)
            position = following or position
            self.progressed |= following is not None
            if self._must_stop():
                break
        if position is not None and position != start:
            erasures.save_position(workspace, self.customer, scan, position, self.at)
        return following is None

    def _removals(self, scope: ErasureScope) -> Iterator[tuple[str, Callable[[], int]]]:
        """One removal for each kind and id. Dead letters are removed before, because they are recognized by the customer's messages."""
        data, workspace, ids = self.dependencies.customer_data, self.workspace, sorted(scope.ids)
        for each in ids:
            yield "runs", partial(data.remove_runs, workspace, each)
        for each in ids:
            yield "messages", partial(self._remove_messages, each)
        # An earlier release filed events of a new id under the customer id that it would have made, also where it joined this customer.
        filed = {customer_id(workspace, each.kind, each.value) for each in scope.identifiers}
        for each in sorted(scope.ids | filed):
            yield "events", partial(data.remove_events, workspace, each)
        for each in ids:
            yield "consents", partial(data.remove_consents, workspace, each)
        yield "rejectedEvents", partial(data.remove_rejected, workspace, scope.texts)

    def _remove_messages(self, customer: str) -> int:
        """Removes some messages, and adds those to the scope whose content a sender may be storing at this moment."""
        data, found = self.dependencies.customer_data, self.dependencies.customer_data.messages(self.workspace, customer)
        unsettled = frozenset(each.id for each in found if not each.settled)
        self.dependencies.erasures.add(self.workspace, self.customer, ErasureScope(messages=unsettled), self.at)
        data.remove_messages(self.workspace, [each.id for each in found])
        return len(found)

    def _stored_customer(self) -> Customer | None:
        """The customer as it is stored now; None if its rows are gone."""
        return assemble(self._rows(), None)

    def _rows(self) -> list[Row]:
        """The rows of the customer, without those of a new customer that has started under one of its identifiers since the erasure."""
        customers = self.dependencies.customers
        identifiers = self.dependencies.erasures.scope(self.workspace, self.customer).identifiers
        own_keys = [correlation_key(self.workspace, each) for each in sorted(identifiers) if each.kind == "correlation"]
        own_rows = [row for row in (customers.get(own_keys) if own_keys else []) if row.customer == self.customer]
        # An anonymous customer may have been given a primary key after its erasure was requested.
        primaries = {each for each in identifiers if each.kind == "primary"} | {row.linked_to for row in own_rows if row.linked_to}
        found = [row for row in own_rows if row.linked_to is None]
        for primary in sorted(primaries):
            found += [row for row in customers.by_primary_key(self.workspace, primary) if row.customer == self.customer]
        return found

    def _remove_rows(self, customer: Customer) -> None:
        """Removes the rows of the customer and those that own its correlation ids, the row that makes the customer last.

        While that row is there, a part that comes later finds the customer and its other rows. The row of a correlation id that belongs to
        another customer by now, because a merge was faster, is kept.
        """
        customers, rows = self.dependencies.customers, self._rows()
        own_keys = [correlation_key(self.workspace, Identifier("correlation", each)) for each in customer.correlation_ids]
        own_rows = customers.get(own_keys) if own_keys else []
        main_keys = {row.key for row in rows if row.key.is_main and row.linked_to is None}
        keys = {row.key for row in (*rows, *own_rows) if row.customer == self.customer}
        customers.remove(sorted(keys - main_keys, key=str))
        customers.remove(sorted(main_keys, key=str))
        self.removed.add("correlationIds", len(customer.correlation_ids))
        # Without the schema, the attribute that shows the primary key value is not among them.
        self.removed.add("attributes", len(customer.attributes) + (customer.primary is not None))

    def _must_stop(self) -> bool:
        """Whether the time is over. It never is before something was done: otherwise no part might get further than the one before."""
        return self.progressed and self.dependencies.monotonic() >= self.end


def _block_row(row: Row, customer: str, customers: ports.ManagedCustomers) -> None:
    """Makes later writes to a row of a customer fail, unless it became a pointer meanwhile or another customer's row."""
    current: Row | None = row
    for _ in range(WRITE_ATTEMPTS):
        if current is None or current.erasing or current.linked_to is not None or current.customer != customer:
            return
        stale = customers.save((replace(current, erasing=True),))
        if stale is None:
            return
        current = stale[row.key]
    raise UnavailableError("other writers changed a customer's row too often")


def _timers_of(customer: Customer, runs: ports.Runs) -> frozenset[str]:
    """The names of the timers of all active runs of a customer that wait for a time."""
    found = [run for each in sorted(scope_of(customer).ids) for run in runs.get(customer.workspace, each).runs]
    return frozenset(timer.name for run in found if run.active and (timer := timer_of(run, customer)) is not None)
