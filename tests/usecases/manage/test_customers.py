"""Customers found by an id, and the schema that fixes their primary key."""

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
from waypost.manage import customers
from waypost.manage.requests import CustomerQuery
from waypost.manage.workspaces import replace_schema


@pytest.fixture
def known() -> FakeCustomers:
    """Ada with a device, a customer with a plus sign in the address, and an anonymous device."""
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
    """An e-mail address is found in any case, and although a gateway has turned its plus sign into a space."""
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
def test_a_query_names_exactly_one_id(known: FakeCustomers, query: dict[str, str], status: int) -> None:
    """No parameter or both of them are 400, and an id that no customer has is 404."""
    with pytest.raises(RefusedError) as refused:
        customers.find(known, "w1", CustomerQuery.model_validate(query), SCHEMA)
    assert refused.value.status == status


def test_a_generated_id_finds_named_and_anonymous_customers(known: FakeCustomers) -> None:
    """A customer is read by its generated id in its own workspace, and is 404 in every other one."""
    for name in ("device-1", "device-3"):
        customer = customers.find(known, "w1", CustomerQuery(correlation_id=name), SCHEMA)
        assert customers.read(known, "w1", customer.id, SCHEMA) == customer
        with pytest.raises(RefusedError):
            customers.read(known, "w2", customer.id, SCHEMA)


@pytest.mark.parametrize(
    "key", [None, PrimaryKey(name="id"), PrimaryKey(name="email", type="String"), PrimaryKey(name="mail", type="Email")]
)
def test_the_primary_key_is_fixed_once_a_customer_has_one(known: FakeCustomers, key: PrimaryKey | None) -> None:
    """A schema with another name, another type or no primary key is 409 then and changes nothing; without such customers it is saved."""
    workspaces = FakeWorkspaces({"w1": SCHEMA})
    with pytest.raises(RefusedError) as refused:
        replace_schema(workspaces, known, "w1", Schema(primary_key=key))
    assert (refused.value.status, refused.value.code) == (409, "primary-key-in-use")
    assert workspaces.schemas["w1"] == SCHEMA
    assert replace_schema(workspaces, FakeCustomers(), "w1", Schema(primary_key=key)).schema.primary_key == key
    assert workspaces.schemas["w1"] == Schema(primary_key=key)


def test_the_rest_of_a_schema_may_change_at_any_time(known: FakeCustomers) -> None:
    """Attribute types and the time zone are saved although customers have a primary key."""
    workspaces = FakeWorkspaces({"w1": SCHEMA})
    changed = Schema(primary_key=SCHEMA.primary_key, attributes={"plan": "String"}, timezone="Europe/Berlin")
    replace_schema(workspaces, known, "w1", changed)
    assert workspaces.schemas["w1"] == changed
