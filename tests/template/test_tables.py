"""What the tables promise: their keys, and that nothing is lost with a stack."""

from __future__ import annotations

from typing import Any

import pytest

# table: hash, range, {index: (hash, range, projection)}, whether rows expire
TABLES: dict[str, tuple[str, str | None, dict[str, tuple[str, str | None, str]], bool]] = {
    "CustomersTable": ("primaryKey", "correlationId", {"byId": ("id", None, "KEYS_ONLY")}, False),
    "RunsTable": ("customer", "row", {"byJourney": ("live", "stands", "INCLUDE")}, True),
    "EventsTable": ("id", "at", {"byDay": ("day", "at", "KEYS_ONLY")}, True),
    "MessagesTable": (
        "id",
        None,
        {
            "byCustomer": ("customer", "at", "KEYS_ONLY"),
            "byJourney": ("journey", "at", "KEYS_ONLY"),
            "byDay": ("day", "at", "KEYS_ONLY"),
            "byHeld": ("heldBy", "at", "KEYS_ONLY"),
        },
        True,
    ),
    "JourneysTable": ("workspace", "row", {}, False),
    "KeysTable": ("hash", None, {"byWorkspace": ("workspace", "createdAt", "ALL")}, False),
    "WorkspacesTable": ("workspace", "row", {}, True),
    "DeadTable": ("workspace", "at", {}, True),
}


def keys(schema: list[dict[str, str]]) -> tuple[str, str | None]:
    """The names of a key schema's hash and range."""
    by_kind = {part["KeyType"]: part["AttributeName"] for part in schema}
    return by_kind["HASH"], by_kind.get("RANGE")


def test_the_tables_are_these_and_no_others(resources: dict[str, dict[str, Any]]) -> None:
    """Eight tables; a ninth is a decision."""
    assert {name for name, each in resources.items() if each["Type"] == "AWS::DynamoDB::Table"} == set(TABLES)


@pytest.mark.parametrize("name", TABLES)
def test_keys_and_indexes(name: str, resources: dict[str, dict[str, Any]]) -> None:
    """A key cannot be changed later without losing the table, so it is stated twice."""
    hash_key, range_key, indexes, _ = TABLES[name]
    properties = resources[name]["Properties"]
    assert keys(properties["KeySchema"]) == (hash_key, range_key)
    found = {
        each["IndexName"]: (*keys(each["KeySchema"]), each["Projection"]["ProjectionType"])
        for each in properties.get("GlobalSecondaryIndexes", [])
    }
    assert found == indexes


@pytest.mark.parametrize("name", TABLES)
def test_nothing_is_lost_with_the_stack(name: str, resources: dict[str, dict[str, Any]]) -> None:
    """Deleting or replacing a stack keeps its tables; they are encrypted, restorable and paid by use."""
    table = resources[name]
    assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert table["Properties"]["SSESpecification"] == {"SSEEnabled": True}
    assert table["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["Properties"]["BillingMode"] == "PAY_PER_REQUEST"


@pytest.mark.parametrize("name", TABLES)
def test_rows_expire_where_they_should_and_nowhere_else(name: str, resources: dict[str, dict[str, Any]]) -> None:
    """A customer, a journey or a key never expires by itself."""
    expires = TABLES[name][3]
    ttl = resources[name]["Properties"].get("TimeToLiveSpecification")
    assert ttl == ({"AttributeName": "expires", "Enabled": True} if expires else None)
