"""Erasure while others write: what appears in between is erased too, and nothing of other customers is."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import timedelta

from tests.fakes.customers import FakeCustomers
from tests.fakes.ingest_harness import ADA, event_of, identify
from tests.fakes.messages import NOW
from waypost.domain.customers.customer import assemble
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.customers.rows import correlation_key
from waypost.domain.runs.run import CustomerRuns, VersionRow
from waypost.identify import find_rows, identify_customer, write_facts
from waypost.manage.erasure import MAX_SECONDS, Erased, Erasure

PHONE = Identifier("correlation", "phone")


@dataclass
class FakeCustomerData:
    """No data outside the customers table. The first removal of runs lets another writer work."""

    other_writer: Callable[[], object] | None = None
    blocked: list[str] = field(default_factory=list)

    def block_writes(self, workspace: str, customer: str, at: object) -> None:
        self.blocked.append(customer)

    def remove_runs(self, workspace: str, customer: str) -> int:
        write, self.other_writer = self.other_writer, None
        if write is not None:
            write()
        return 0

    def remove_messages(self, workspace: str, customer: str) -> int:
        return 0

    def remove_events(self, workspace: str, customer: str) -> int:
        return 0

    def remove_rejected(self, workspace: str, identifiers: Collection[str], now: object) -> int:
        return 0

    def remove_parked(self, workspace: str, customers: Collection[str], identifiers: Collection[str]) -> int:
        return 0


class NoRuns:
    """Customers without runs and timers."""

    def history(self, workspace: str, customer: str) -> CustomerRuns:
        return CustomerRuns(VersionRow(), ())

    def counts(self, workspace: str, journey: str) -> dict[str, int]:
        return {}

    def disarm(self, name: str) -> None:
        raise AssertionError(f"there is no timer {name}")


def erase_phone(customers: FakeCustomers, other_writer: Callable[[], object] | None = None, seconds: float = 0.0) -> Erased:
    """Erases an anonymous customer, with another writer in the middle of it. `seconds` have passed whenever the clock is read."""
    write_facts(customers, correlation_key("w1", PHONE), {})
    customer = assemble(find_rows(customers, "w1", PHONE), None)
    assert customer is not None
    runs = NoRuns()
    return Erasure(customers, FakeCustomerData(other_writer), runs, runs, customer, NOW, lambda: seconds).carry_out()


def identify_ada(customers: FakeCustomers, device: str) -> Callable[[], object]:
    """An `$identify` of Ada by this device, with a time after the erasure."""
    event = event_of(identify(value=device, at=(NOW + timedelta(hours=1)).isoformat()), received_at=NOW + timedelta(hours=1))
    return lambda: identify_customer(customers, "w1", event)


def test_a_customer_that_is_identified_during_its_erasure_is_erased_with_its_primary_key() -> None:
    """The anonymous customer that became Ada in the meantime leaves no row, and the primary key has a tombstone too."""
    customers = FakeCustomers()
    erased = erase_phone(customers, identify_ada(customers, "phone"))
    assert (erased.complete, customers.rows) == (True, {})
    assert {identifier.value for _, identifier in customers.erasures} == {"phone", ADA}


def test_a_customer_that_is_merged_during_its_erasure_leaves_the_other_customer_complete() -> None:
    """The customer that it was merged into keeps every id that it has."""
    customers = FakeCustomers()
    identify_ada(customers, "tablet")()
    assert erase_phone(customers, identify_ada(customers, "phone")).complete
    assert set(customers.customer(ADA).correlation_ids) == {"tablet", "phone"}
    assert [row.linked_to for row in customers.get([correlation_key("w1", PHONE)])] == [Identifier("primary", ADA)]


def test_an_erasure_that_runs_out_of_time_is_incomplete_and_keeps_the_rows() -> None:
    """The rows are removed last, so that the same request finds the customer again and continues."""
    customers = FakeCustomers()
    erased = erase_phone(customers, seconds=MAX_SECONDS)
    assert not erased.complete
    assert correlation_key("w1", PHONE) in customers.rows
