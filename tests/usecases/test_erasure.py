"""Erasure while others write: what appears in between is erased too, nothing of other customers is, and it ends by itself."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.fakes.customers import FakeCustomers
from tests.fakes.ingest_harness import ADA, event_of, identify, wire
from tests.fakes.messages import NOW
from tests.fakes.timers import FakeDelays
from waypost.domain.customers.customer import assemble
from waypost.domain.customers.erasure import ErasedMessage, ErasureStatus, ErasureSubjects
from waypost.domain.customers.facts import Facts
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.customers.rows import RowKey, correlation_key, head_key
from waypost.domain.errors import UnavailableError
from waypost.domain.runs.run import CustomerRuns, VersionRow
from waypost.domain.signal_codec import from_body
from waypost.domain.signals import ErasureContinued
from waypost.domain.values.generated_ids import customer_id
from waypost.erasure import ERASURE_SECOND_PASS_AFTER, ErasureDependencies, Removed, begin_erasure, continue_erasure
from waypost.identify import find_rows, identify_customer, write_facts

PHONE = Identifier("correlation", "phone")
CUSTOMER = customer_id("w1", "correlation", "phone")
LATE = NOW + ERASURE_SECOND_PASS_AFTER


@dataclass
class FakeCustomerData:
    """No data outside the customers table but runs. The first removal of runs lets another writer work."""

    other_writer: Callable[[], object] = lambda: None
    runs: int = 0
    events: dict[str, int] = field(default_factory=dict)
    rendered: set[str] = field(default_factory=set)
    stored: list[ErasedMessage] = field(default_factory=list)
    lists_messages: bool = True

    def remove_runs(self, workspace: str, customer: str) -> int:
        write, self.other_writer = self.other_writer, lambda: None
        write()
        removed = min(self.runs, 100)
        self.runs -= removed
        return removed

    def messages(self, workspace: str, customer: str) -> list[ErasedMessage]:
        return list(self.stored) if self.lists_messages else []

    def remove_messages(self, workspace: str, messages: Sequence[str]) -> None:
        self.stored = [each for each in self.stored if each.id not in messages]
        self.rendered -= set(messages)

    def remove_events(self, workspace: str, customer: str) -> int:
        return self.events.pop(customer, 0)

    def remove_rejected(self, workspace: str, identifiers: Collection[str]) -> int:
        return 0

    def remove_parked(self, workspace: str, customers: Collection[str], identifiers: Collection[str], messages: Collection[str]) -> int:
        return 0


@dataclass
class FakeErasures:
    """The state of one erasure. `other_writer` runs once when the runs are blocked, which is before the rows are."""

    other_writer: Callable[[], object] = lambda: None
    state: ErasureStatus | None = None
    blocked: set[str] = field(default_factory=set)
    remembered: ErasureSubjects = field(default_factory=ErasureSubjects)

    def block(self, workspace: str, customer: str, at: datetime) -> None:
        self.blocked.add(customer)
        write, self.other_writer = self.other_writer, lambda: None
        write()

    def begin(self, workspace: str, customer: str, at: datetime) -> datetime:
        self.blocked.add(customer)
        self.state = self.state or ErasureStatus(at)
        return self.state.erased_at

    def status(self, workspace: str, customer: str) -> ErasureStatus | None:
        return self.state

    def schedule_second_pass(self, workspace: str, customer: str, at: datetime) -> None:
        if self.state is not None and self.state.second_pass_at is None:
            self.state = replace(self.state, second_pass_at=at)

    def complete(self, workspace: str, customer: str) -> None:
        assert self.state is not None
        self.state, self.remembered = replace(self.state, complete=True), ErasureSubjects()

    def add(self, workspace: str, customer: str, subjects: ErasureSubjects, at: datetime) -> None:
        old = self.remembered
        self.remembered = ErasureSubjects(
            old.ids | subjects.ids, old.identifiers | subjects.identifiers, old.messages | subjects.messages, old.timers | subjects.timers
        )

    def subjects(self, workspace: str, customer: str) -> ErasureSubjects:
        return self.remembered


class NoRuns:
    """Customers without runs and timers."""

    def history(self, workspace: str, customer: str) -> CustomerRuns:
        return CustomerRuns(VersionRow(), ())

    def counts(self, workspace: str, journey: str, after: str | None = None) -> tuple[dict[str, int], str | None]:
        return {}, None

    def disarm(self, name: str) -> None:
        raise AssertionError(f"there is no timer {name}")


@dataclass
class ErasureHarness:
    """The erasure of the anonymous customer of a phone. Each reading of the clock takes `tick` seconds."""

    customers: FakeCustomers = field(default_factory=FakeCustomers)
    data: FakeCustomerData = field(default_factory=FakeCustomerData)
    erasures: FakeErasures = field(default_factory=FakeErasures)
    delays: FakeDelays = field(default_factory=FakeDelays)
    tick: float = 0.0
    seconds: float = 0.0

    def dependencies(self) -> ErasureDependencies:
        """The stores of the erasure."""
        runs = NoRuns()
        return ErasureDependencies(self.customers, self.data, self.erasures, runs, runs, self.delays, self._monotonic)

    def begin(self) -> Removed:
        """The request."""
        write_facts(self.customers, correlation_key("w1", PHONE), {})
        customer = assemble(find_rows(self.customers, "w1", PHONE), None)
        assert customer is not None
        return begin_erasure(customer, NOW, self.dependencies())

    def continue_until_complete(self) -> int:
        """Delivers the signals of the erasure, each when it is due, and returns how many there were."""
        delivered, now = 0, NOW
        while self.delays.queue_messages:
            queue_message, delay = self.delays.queue_messages.pop(0)
            now += delay
            signal = from_body(queue_message.body)
            assert isinstance(signal, ErasureContinued)
            continue_erasure(signal, now, self.dependencies())
            delivered += 1
        return delivered

    @property
    def complete(self) -> bool:
        """Whether the erasure is complete."""
        return self.erasures.state is not None and self.erasures.state.complete

    def _monotonic(self) -> float:
        self.seconds += self.tick
        return self.seconds


def identify_ada(customers: FakeCustomers, device: str, **attributes: Any) -> Callable[[], object]:
    """An `$identify` of Ada by this device, with a time after the erasure."""
    event = event_of(identify(value=device, **attributes, at=(NOW + timedelta(hours=1)).isoformat()), received_at=NOW + timedelta(hours=1))
    return lambda: identify_customer(customers, "w1", event)


def test_a_customer_that_is_identified_as_its_erasure_begins_is_erased_with_its_primary_key() -> None:
    """The anonymous customer that became Ada before its rows were blocked leaves no row, and the primary key has a tombstone too."""
    harness = ErasureHarness()
    harness.erasures.other_writer = identify_ada(harness.customers, "phone")
    harness.begin()
    harness.continue_until_complete()
    assert (harness.complete, harness.customers.rows) == (True, {})
    assert {identifier.value for _, identifier in harness.customers.erasures} == {"phone", ADA}


def test_a_customer_that_is_merged_as_its_erasure_begins_leaves_the_other_customer_complete() -> None:
    """The customer that it was merged into keeps every id that it has."""
    harness = ErasureHarness()
    customers = harness.customers
    identify_ada(customers, "tablet")()
    harness.erasures.other_writer = identify_ada(customers, "phone")
    harness.begin()
    harness.continue_until_complete()
    assert harness.complete
    assert set(customers.customer(ADA).correlation_ids) == {"tablet", "phone"}
    assert [row.linked_to for row in customers.get([correlation_key("w1", PHONE)])] == [Identifier("primary", ADA)]
    identify_ada(customers, "phone")()


@pytest.mark.parametrize("device", ["phone", "tablet"], ids=["a known device", "a new device"])
def test_an_identify_waits_until_the_rows_of_the_erased_customer_are_gone(device: str) -> None:
    """An `$identify` later than the erasure writes nothing during it. Repeated, it makes a new customer with its attributes."""
    harness = ErasureHarness()
    customers = harness.customers
    identify_ada(customers, "phone")()
    old = customers.customer(ADA)
    later = identify_ada(customers, device, plan="new")
    failures = []

    def fail() -> None:
        failures.append("before")
        with pytest.raises(UnavailableError):
            later()
        failures.append("after")

    harness.data.other_writer = fail
    begin_erasure(old, NOW, harness.dependencies())
    assert (failures, customers.rows) == (["before", "after"], {})
    later()
    harness.continue_until_complete()
    new = customers.customer(ADA)
    assert (new.attributes["plan"], new.correlation_ids) == ("new", (device,))
    assert new.id != old.id


@pytest.mark.parametrize("facts", [{}, event_of(wire("$set", payload={"plan": "new"})).facts], ids=["no attributes", "attributes"])
def test_no_attribute_is_written_to_a_row_that_is_being_erased(facts: Facts) -> None:
    """The write fails, so that the event comes again, and the row stays as it was until it is removed."""
    harness = ErasureHarness()
    write_facts(harness.customers, correlation_key("w1", PHONE), event_of(wire("$set", payload={"plan": "old"})).facts)
    [row] = harness.customers.rows.values()
    harness.customers.save([replace(row, erasing=True)])
    with pytest.raises(UnavailableError):
        write_facts(harness.customers, correlation_key("w1", PHONE), facts)
    assert [each.facts for each in harness.customers.rows.values()] == [row.facts]


def test_a_large_erasure_ends_by_itself() -> None:
    """A customer with more than one request can remove is erased by signals, part by part, without a second request."""
    harness = ErasureHarness(tick=4.0)
    harness.data.runs = 5_000
    removed = harness.begin()
    assert 100 <= removed.by_kind["runs"] < 5_000
    assert not harness.complete
    assert correlation_key("w1", PHONE) in harness.customers.rows
    parts = harness.continue_until_complete()
    assert parts > 10
    assert (harness.complete, harness.data.runs, harness.customers.rows) == (True, 0, {})


def test_a_repeated_request_keeps_the_time_of_the_erasure() -> None:
    """An event between two requests for one large erasure is later than the erasure: the tombstone keeps the time of the first one."""
    harness = ErasureHarness(tick=4.0)
    harness.data.runs = 5_000
    harness.begin()
    customer = assemble(find_rows(harness.customers, "w1", PHONE), None)
    assert customer is not None
    begin_erasure(customer, NOW + timedelta(minutes=1), harness.dependencies())
    assert harness.customers.erasures == {("w1", PHONE): NOW}


def test_an_erasure_is_complete_after_a_second_pass_two_minutes_later() -> None:
    """What a sender stores after the first pass is removed as well, and only then is the erasure complete.

    The signals are not in the customer's message group: an event in it that waits for the end of the erasure would block them.
    """
    harness = ErasureHarness()
    harness.data.stored = [ErasedMessage("msg_1", settled=False)]
    harness.begin()
    harness.data.rendered.add("msg_1")
    [(first, _)] = harness.delays.queue_messages
    assert first.group != CUSTOMER
    continue_erasure(ErasureContinued("w1", CUSTOMER), NOW + timedelta(seconds=30), harness.dependencies())
    assert not harness.complete
    assert harness.delays.queue_messages[-1][1] == timedelta(seconds=90)
    harness.data.lists_messages = False
    continue_erasure(ErasureContinued("w1", CUSTOMER, 1), LATE, harness.dependencies())
    assert (harness.complete, harness.data.rendered, harness.erasures.remembered) == (True, set(), ErasureSubjects())


def test_events_that_an_earlier_release_filed_under_the_id_of_an_identifier_are_erased() -> None:
    """A device's first events, sent just before its `$identify`, are under the id that the device alone would have had."""
    harness = ErasureHarness()
    identify_ada(harness.customers, "tablet")()
    identify_ada(harness.customers, "phone")()
    ada = harness.customers.customer(ADA)
    assert CUSTOMER not in (ada.id, *ada.merged_ids)
    harness.data.events[CUSTOMER] = 2
    assert begin_erasure(ada, NOW, harness.dependencies()).by_kind["events"] == 2


def test_a_new_customer_of_the_same_identifier_survives_the_second_pass() -> None:
    """An event after the erasure created a customer under the same identifier; the second pass removes nothing of it."""
    harness = ErasureHarness()
    harness.begin()
    new = write_facts(harness.customers, correlation_key("w1", PHONE), {})
    harness.continue_until_complete()
    assert harness.complete
    assert [row.customer for row in harness.customers.rows.values()] == [new]


def test_a_signal_of_an_erasure_that_never_began_changes_nothing() -> None:
    """The request died before it marked the customer: its signal erases nothing and sends no other one."""
    harness = ErasureHarness()
    continue_erasure(ErasureContinued("w1", "c_1"), NOW, harness.dependencies())
    assert (harness.delays.queue_messages, harness.customers.calls) == ([], [])


def test_the_row_that_makes_the_customer_is_removed_last() -> None:
    """A part that comes after a crash finds the customer as long as any other row of it is there."""
    harness = ErasureHarness()
    identify_ada(harness.customers, "phone")()
    removed: list[Sequence[RowKey]] = []
    original = harness.customers.remove
    harness.customers.remove = lambda keys: (removed.append(keys), original(keys))[1]  # type: ignore[method-assign,func-returns-value]
    customer = harness.customers.customer(ADA)
    begin_erasure(customer, NOW, harness.dependencies())
    assert list(removed[-1]) == [head_key("w1", Identifier("primary", ADA))]
    assert len(removed[0]) == 2
