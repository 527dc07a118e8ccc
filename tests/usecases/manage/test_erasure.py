"""Erasing while others write: what comes to be in between is erased as well, and nothing of others is."""

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
from waypost.manage.erasure import Erased, Erasure

PHONE = Identifier("correlation", "phone")


@dataclass
class FakeCustomerData:
    """Nothing is left behind; the first time that somebody looks for runs, another writer is at work."""

    meanwhile: list[Callable[[], object]] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)

    def block_writes(self, workspace: str, customer: str, at: object) -> None:
        self.closed.append(customer)

    def remove_runs(self, workspace: str, customer: str) -> int:
        while self.meanwhile:
            self.meanwhile.pop()()
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
    """Customers who stand nowhere."""

    def history(self, workspace: str, customer: str) -> CustomerRuns:
        return CustomerRuns(VersionRow(), ())

    def counts(self, workspace: str, journey: str) -> dict[str, int]:
        return {}

    def disarm(self, name: str) -> None:
        raise AssertionError(f"there is no timer {name}")


def erase_phone(customers: FakeCustomers, meanwhile: Callable[[], object]) -> Erased:
    """The erasure of an anonymous customer, with something that happens in the middle of it."""
    write_facts(customers, correlation_key("w1", PHONE), {})
    customer = assemble(find_rows(customers, "w1", PHONE), None)
    assert customer is not None
    runs = NoRuns()
    return Erasure(customers, FakeCustomerData([meanwhile]), runs, runs, customer, NOW, lambda: 0.0).carry_out()


def says(customers: FakeCustomers, value: str) -> Callable[[], object]:
    """An `$identify` of Ada by this device, later than the erasure."""
    event = event_of(identify(value=value, at=(NOW + timedelta(hours=1)).isoformat()), received_at=NOW + timedelta(hours=1))
    return lambda: identify_customer(customers, "w1", event)


def test_who_is_named_while_being_erased_is_erased_with_the_name() -> None:
    """It is still the same customer: nothing of it stays, and its name starts anew."""
    customers = FakeCustomers()
    erased = erase_phone(customers, says(customers, "phone"))
    assert (erased.complete, customers.rows) == (True, {})
    assert {name.value for _, name in customers.erasures} == {"phone", ADA}


def test_who_is_absorbed_while_being_erased_leaves_the_other_whole() -> None:
    """The customer who absorbed it keeps every id that it has."""
    customers = FakeCustomers()
    says(customers, "tablet")()
    assert erase_phone(customers, says(customers, "phone")).complete
    assert set(customers.customer(ADA).correlation_ids) == {"tablet", "phone"}
    assert [row.linked_to for row in customers.get([correlation_key("w1", PHONE)])] == [Identifier("primary", ADA)]
