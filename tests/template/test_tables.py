"""The tables in the template: keys, indexes, expiry, and what happens when a stack is deleted."""

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


def test_the_template_has_exactly_these_tables(resources: dict[str, dict[str, Any]]) -> None:
    """The template has these eight tables and no others."""
    assert {name for name, each in resources.items() if each["Type"] == "AWS::DynamoDB::Table"} == set(TABLES)


@pytest.mark.parametrize("name", TABLES)
def test_a_table_has_these_keys_and_indexes(name: str, resources: dict[str, dict[str, Any]]) -> None:
    """The keys and indexes are those that are listed here: a change of a key would replace the table."""
    hash_key, range_key, indexes, _ = TABLES[name]
    properties = resources[name]["Properties"]
    assert keys(properties["KeySchema"]) == (hash_key, range_key)
    found = {
        each["IndexName"]: (*keys(each["KeySchema"]), each["Projection"]["ProjectionType"])
        for each in properties.get("GlobalSecondaryIndexes", [])
    }
    assert found == indexes


@pytest.mark.parametrize("name", TABLES)
def test_a_table_survives_its_stack(name: str, resources: dict[str, dict[str, Any]]) -> None:
    """A deleted stack keeps its tables, which are protected from deletion, have point-in-time recovery and are billed on demand."""
    table = resources[name]
    assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert table["Properties"]["DeletionProtectionEnabled"] == {"Ref": "DeletionProtection"}
    assert table["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["Properties"]["BillingMode"] == "PAY_PER_REQUEST"


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_encrypted_with_the_key_that_a_parameter_names(name: str, resources: dict[str, dict[str, Any]]) -> None:
    """Without TableKeyArn, DynamoDB uses a key that AWS owns; with it, the table is encrypted with that KMS key."""
    with_key, without_key = resources[name]["Properties"]["SSESpecification"]["Fn::If"][1:]
    assert with_key == {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": {"Ref": "TableKeyArn"}}
    assert without_key == {"SSEEnabled": False}


def test_every_function_may_use_the_table_key_through_dynamodb_alone(resources: dict[str, dict[str, Any]]) -> None:
    """With TableKeyArn, all four roles may use that key, and only in calls that DynamoDB makes for them."""
    policy = resources["TableKeyPolicy"]
    assert policy["Condition"] == "HasTableKey"
    assert [role["Ref"] for role in policy["Properties"]["Roles"]] == [
        f"{each}FunctionRole" for each in ("Ingest", "Match", "Send", "Manage")
    ]
    for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
        assert statement["Resource"] == {"Ref": "TableKeyArn"}
        assert all(action.startswith("kms:") for action in statement["Action"])
        assert statement["Condition"]["StringEquals"] == {"kms:ViaService": {"Fn::Sub": "dynamodb.${AWS::Region}.${AWS::URLSuffix}"}}


def test_a_function_can_grant_the_table_key_to_aws_alone(resources: dict[str, dict[str, Any]]) -> None:
    """Only DynamoDB can be the grantee of a grant that a function's role makes, so no function can give the key to others."""
    statements = resources["TableKeyPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    (granting,) = [each for each in statements if "kms:CreateGrant" in each["Action"]]
    assert granting["Action"] == ["kms:CreateGrant"]
    assert granting["Condition"]["Bool"] == {"kms:GrantIsForAWSResource": "true"}


@pytest.mark.parametrize("name", TABLES)
def test_only_these_tables_have_a_time_to_live(name: str, resources: dict[str, dict[str, Any]]) -> None:
    """Rows expire in the tables that are listed here with an expiry; a customer, a journey or a key never expires."""
    expires = TABLES[name][3]
    ttl = resources[name]["Properties"].get("TimeToLiveSpecification")
    assert ttl == ({"AttributeName": "expires", "Enabled": True} if expires else None)
