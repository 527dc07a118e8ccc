"""Customers and their messages through the management function on the template's tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.fakes.api_client import call, identify_in
from tests.fakes.ingest_harness import ADA, event_of, identify, wire
from tests.fakes.messages import pending_message
from waypost import identify as identifying
from waypost import wiring
from waypost.adapters.dynamodb import message_items
from waypost.adapters.dynamodb.table import Table
from waypost.domain.customers.identifiers import correlation_identifier
from waypost.domain.customers.rows import correlation_key

NOW = datetime.now(UTC)


pytestmark = pytest.mark.usefixtures("workspace")


def test_the_primary_key_is_fixed_once_a_customer_has_one(workspace: str) -> None:
    """Another primary key is 409 after the first identified customer, and saved before; other changes are always saved."""
    schema = {"primaryKey": {"name": "email", "type": "Email"}}
    assert call("PUT", "/api/schema", schema)[0] == 200
    assert call("PUT", "/api/schema", {"primaryKey": {"name": "id", "type": "String"}})[0] == 200
    call("PUT", "/api/schema", schema)
    identify_in(workspace, identify())
    assert call("PUT", "/api/schema", {"primaryKey": {"name": "id", "type": "String"}})[1]["code"] == "primary-key-in-use"
    assert call("PUT", "/api/schema", schema | {"attributes": {"plan": "String"}})[1]["attributes"] == {"plan": "String"}


def test_a_primary_key_in_the_place_of_a_customer_id_is_explained() -> None:
    """The refusal says how the id of a customer looks and where it is found; an empty list would look like an answer."""
    detail = call("GET", "/api/messages", query={"customer": "ada@example.com"})[1]["detail"]
    assert "begins with `c_`" in detail
    assert "primaryKey=" in detail


@pytest.mark.parametrize(("zone", "warned"), [("Mars/Base", True), ("localtime", True), (7, True), ("europe/paris", False), (None, False)])
def test_a_customer_whose_zone_is_none_has_a_warning(workspace: str, zone: Any, warned: bool) -> None:
    """The answer about a customer, and the dry run, warn that an attribute `timezone` has no effect, with a pointer to it."""
    call("PUT", "/api/schema", {"primaryKey": {"name": "email", "type": "Email"}})
    identify_in(workspace, identify(timezone=zone))
    warnings = call("GET", "/api/customers", query={"primaryKey": ADA})[1]["warnings"]
    assert [(each["code"], each["pointer"]) for each in warnings] == [("unknown-timezone", "/attributes/timezone")] * warned
    call("PUT", "/api/journeys/welcome", {"entry": {"event": "go"}, "steps": [{"id": "end", "type": "exit"}]})
    body = {"customer": {"attributes": {"timezone": zone}}, "events": [{"event": "go", "at": "2026-11-23T05:17:13Z"}]}
    status, simulated = call("POST", "/api/journeys/welcome/simulate", body)
    assert status == 200, simulated
    assert [each["pointer"] for each in simulated["warnings"]] == ["/customer/attributes/timezone"] * warned


@pytest.mark.parametrize("length", [1, 250, 251, 255])
@pytest.mark.parametrize("letter", ["x", "語"])
def test_each_correlation_id_that_the_intake_takes_can_be_found(workspace: str, length: int, letter: str) -> None:
    """A customer is found by a correlation id of up to 255 characters; a longer one is nobody's."""
    call("PUT", "/api/schema", {"primaryKey": {"name": "email", "type": "Email"}})
    identify_in(workspace, identify(value=letter * length))
    status, found = call("GET", "/api/customers", query={"correlationId": letter * length})
    assert (status, found["correlationIds"]) == (200, [letter * length])
    assert call("GET", "/api/customers", query={"correlationId": letter * 256})[0] == 404


def test_the_messages_of_a_customer_include_those_of_merged_customers(workspace: str) -> None:
    """By either id, the list holds the messages of both customers, newest first and page by page; another customer has none of them."""
    call("PUT", "/api/schema", {"primaryKey": {"name": "email", "type": "Email"}})
    identify_in(workspace, identify())
    known = call("GET", "/api/customers", query={"primaryKey": ADA})[1]["id"]
    anonymous = find_or_create(workspace, "tablet")
    for number in range(6):
        add_message(workspace, f"msg_{number}", anonymous if number % 3 else known, NOW - timedelta(minutes=number))
    identify_in(workspace, identify(value="tablet"))
    assert call("GET", f"/api/customers/{anonymous}")[1]["id"] == known
    expected = [f"msg_{number}" for number in range(6)]
    for asked in (known, anonymous):
        ids: list[str] = []
        cursor = None
        while cursor is not None or not ids:
            query = {"customer": asked, "limit": "2"} | ({"cursor": cursor} if cursor else {})
            status, listed = call("GET", "/api/messages", query=query)
            assert status == 200, listed
            ids, cursor = ids + [each["id"] for each in listed["items"]], listed["next"]
        assert ids == expected
    assert call("GET", "/api/messages", query={"customer": "c_other"})[1]["items"] == []


def find_or_create(workspace: str, correlation_id: str) -> str:
    """The id of the customer with a correlation id, who is anonymous and created here."""
    facts = event_of(wire("$set", correlationValue=correlation_id, payload={"a": 1})).facts
    identifying.write_facts(wiring.managing().customers, correlation_key(workspace, correlation_identifier(correlation_id)), facts)
    found: str = call("GET", "/api/customers", query={"correlationId": correlation_id})[1]["id"]
    return found


def add_message(workspace: str, message_id: str, customer: str, at: datetime) -> None:
    """Stores a message of a customer."""
    Table("MessagesTable").put(message_items.to_item(pending_message(id=message_id, workspace=workspace, customer=customer, created_at=at)))
