"""Customers looked up, and the schema that they are known by."""

from __future__ import annotations

import pytest

from tests.fakes.customers import FakeCustomers
from tests.fakes.ingest_harness import ADA, SCHEMA, event_of, identify, wire
from tests.fakes.workspaces import FakeWorkspaces
from waypost import identify as identifying
from waypost.domain.customers.identifiers import correlation_identifier
from waypost.domain.customers.rows import correlation_key
from waypost.domain.customers.schema import PrimaryKey, Schema
from waypost.domain.errors import RefusedError
from waypost.manage import customers, schemas
from waypost.manage.requests import CustomerQuery


@pytest.fixture
def known() -> FakeCustomers:
    """Ada with a device, somebody with a plus in the address, and an anonymous device."""
    rows = FakeCustomers()
    for raw in (identify(ADA, "device-1"), identify("ada+news@example.com", "device-2")):
        identifying.identify_customer(rows, "w1", event_of(raw))
    identifying.write_facts(
        rows, correlation_key("w1", correlation_identifier("device-3")), event_of(wire("$set", payload={"plan": "pro"})).facts
    )
    return rows


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"primaryKey": ADA}, ADA),
        ({"primaryKey": "ADA@Example.com"}, ADA),
        ({"correlationId": "device-1"}, ADA),
        ({"primaryKey": "ada+news@example.com"}, "ada+news@example.com"),
        ({"primaryKey": "ada news@example.com"}, "ada+news@example.com"),
        ({"correlationId": "device-3"}, None),
    ],
)
def test_a_customer_is_found_by_any_of_its_ids(known: FakeCustomers, query: dict[str, str], found: str | None) -> None:
    """By primary key in any case, by correlation id, and although a gateway made a space of a plus."""
    customer = customers.find(known, "w1", CustomerQuery.model_validate(query), SCHEMA)
    assert customer.primary_key == found
    assert customer.anonymous is (found is None)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 400),
        ({"primaryKey": ADA, "correlationId": "device-1"}, 400),
        ({"primaryKey": "nobody@example.com"}, 404),
        ({"primaryKey": "no address"}, 404),
        ({"correlationId": ADA}, 404),
    ],
)
def test_without_one_id_there_is_nobody(known: FakeCustomers, query: dict[str, str], status: int) -> None:
    """None or both parameters are a mistake; an id that nobody has is 404."""
    with pytest.raises(RefusedError) as refused:
        customers.find(known, "w1", CustomerQuery.model_validate(query), SCHEMA)
    assert refused.value.status == status


def test_an_id_of_ours_finds_named_and_anonymous_customers(known: FakeCustomers) -> None:
    """And nobody of another workspace."""
    for name in ("device-1", "device-3"):
        customer = customers.find(known, "w1", CustomerQuery(correlation_id=name), SCHEMA)
        assert customers.read(known, "w1", customer.id, SCHEMA) == customer
        with pytest.raises(RefusedError):
            customers.read(known, "w2", customer.id, SCHEMA)


class CustomerExistence:
    """Whether anybody is named."""

    def __init__(self, *, any_with_primary_key: bool) -> None:
        self._any = any_with_primary_key

    def any_with_primary_key(self, workspace: str) -> bool:
        return self._any


@pytest.mark.parametrize(
    "key", [None, PrimaryKey(name="id"), PrimaryKey(name="email", type="String"), PrimaryKey(name="mail", type="Email")]
)
def test_the_primary_key_stays_once_customers_are_named(key: PrimaryKey | None) -> None:
    """Another name, another type or none at all would leave them without their name."""
    store = FakeWorkspaces({"w1": SCHEMA})
    with pytest.raises(RefusedError) as refused:
        schemas.save(store, CustomerExistence(any_with_primary_key=True), "w1", Schema(primary_key=key))
    assert (refused.value.status, refused.value.code) == (409, "primary-key-in-use")
    assert store.schemas["w1"] == SCHEMA
    assert schemas.save(store, CustomerExistence(any_with_primary_key=False), "w1", Schema(primary_key=key)).primary_key == key


def test_all_else_in_a_schema_may_change_at_any_time() -> None:
    """Types of attributes and the time zone."""
    store = FakeWorkspaces({"w1": SCHEMA})
    changed = Schema(primary_key=SCHEMA.primary_key, attributes={"plan": "String"}, timezone="Europe/Berlin")
    schemas.save(store, CustomerExistence(any_with_primary_key=True), "w1", changed)
    assert store.schemas["w1"] == changed
