"""Customers in DynamoDB and in the fake: one contract for both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.fakes.customers import FakeCustomers
from tests.fakes.ingest_harness import ADA, NOW, event_of, identify, wire
from tests.fakes.tables import aws, empty_table
from waypost.adapters.dynamodb.customers import DynamoCustomers
from waypost.adapters.dynamodb.table import Table
from waypost.domain.customers.facts import Facts
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.customers.rows import NotUpdated, Row, RowKey, correlation_key, head_key, pair_key
from waypost.identify import identify_customer, write_facts

P, C = Identifier("primary", ADA), Identifier("correlation", "device-1")
HEAD, PAIR, OWN = head_key("w1", P), pair_key("w1", P, C), correlation_key("w1", C)

Customers = DynamoCustomers | FakeCustomers


@pytest.fixture(scope="module")
def moto() -> Iterator[None]:
    """AWS in this process."""
    with aws():
        yield


@pytest.fixture
def dynamo(moto: None) -> DynamoCustomers:
    """The empty table."""
    return DynamoCustomers(empty_table("CustomersTable"), str.encode)


@pytest.fixture(params=["DynamoDB", "fake"])
def customers(request: pytest.FixtureRequest) -> Customers:
    """Both implementations."""
    found: Customers = request.getfixturevalue("dynamo") if request.param == "DynamoDB" else FakeCustomers()
    return found


def facts_at(second: Any = 0, **payload: Any) -> dict[str, str]:
    """The facts of a `$set` with this payload, at a second of one minute."""
    return dict(event_of(wire("$set", uuid="u", timestamp=f"2026-11-23T05:17:{second:02}Z", payload=payload)).facts)


def read(customers: Customers, key: RowKey) -> Row | None:
    """The stored row with this key, or None."""
    return next(iter(customers.get([key])), None)


FULL = [
    Row(HEAD, "c_1", facts={"p": "1stamp23456789" + f'"{ADA}"'}, id_count=3),
    Row(
        PAIR,
        "c_1",
        facts=facts_at(0, plan="prö 🎉", nested={"a": [1]}, gone=None) | {"t:android": "1stamp23456789" + '"tok"'},
        erased_at=NOW,
        erasing=True,
    ),
    Row(OWN, "c_1", linked_to=P),
    Row(pair_key("w1", P, Identifier("correlation", "ж" * 255)), "c_1", merged_id="c_2", merge_pending=True),
    Row(head_key("w1", Identifier("primary", "ж" * 255)), "c_3"),
    Row(correlation_key("w1", Identifier("correlation", "#")), "c_4", facts=facts_at(p="1", revision=2, id="x", newest="y", linked_to="z")),
    Row(correlation_key("w1", Identifier("correlation", "=~#c" * 80)), "c_5", linked_to=Identifier("primary", "ж" * 255)),
]


@pytest.mark.parametrize(
    "row", FULL, ids=["head", "pair", "pointer", "long id", "long primary key", "attributes named like columns", "pointer to a long key"]
)
def test_a_row_is_read_as_it_was_saved(customers: Customers, row: Row) -> None:
    """Every field is read back equal, with ids of any length and script, and with attributes that are named like columns of the table."""
    assert customers.save([row]) is None
    assert read(customers, row.key) == replace(row, revision=1)


def test_more_facts_than_one_update_takes_are_saved_whole(dynamo: DynamoCustomers) -> None:
    """400 facts are not merged by an update, which leaves the row as it is; recording them reads the row and saves it with all of them."""
    dynamo.save([Row(OWN, "c_1")])
    facts = facts_at(1, **{f"attribute {number}": number for number in range(200)}) | facts_at(
        2, **{f"more {number}": 1 for number in range(200)}
    )
    assert dynamo.update_if_newer(OWN, facts) == NotUpdated(Row(OWN, "c_1", revision=1))
    assert write_facts(dynamo, OWN, facts) == "c_1"
    assert read(dynamo, OWN) == Row(OWN, "c_1", revision=2, facts=facts)


def test_rows_are_saved_together_or_not_at_all(customers: Customers) -> None:
    """If one of three rows was changed since it was read, the others are not written, and it is returned as it is stored."""
    customers.save([Row(OWN, "c_1", facts=facts_at(plan="free"))])
    stale = customers.save([Row(OWN, "c_1", linked_to=P), Row(HEAD, "c_1", id_count=1), Row(PAIR, "c_1")])
    assert stale == {OWN: Row(OWN, "c_1", revision=1, facts=facts_at(plan="free"))}
    assert customers.get([HEAD, PAIR]) == []


def test_a_row_that_was_changed_meanwhile_is_returned(customers: Customers) -> None:
    """Saving over an outdated revision returns the stored row, and None for a row that was deleted."""
    customers.save([Row(HEAD, "c_1")])
    customers.save([Row(HEAD, "c_1", revision=1, id_count=1)])
    assert customers.save([Row(HEAD, "c_1", revision=1, id_count=7)]) == {HEAD: Row(HEAD, "c_1", revision=2, id_count=1)}
    assert customers.save([Row(OWN, "c_1", revision=3)]) == {OWN: None}


@pytest.mark.parametrize("key", [OWN, HEAD], ids=["anonymous customer", "known customer"])
def test_a_new_customer_is_not_saved_over_an_unknown_tombstone(customers: Customers, key: RowKey) -> None:
    """A new customer's row that was made before an erasure is refused as missing, also one that knows an earlier erasure only.

    One that was made from the tombstone is saved.
    """
    outdated, later = Row(key, "c_1"), NOW + timedelta(days=1)
    customers.add_tombstones("w1", [key.owner], NOW)
    assert customers.save([outdated]) == {key: None}
    customers.add_tombstones("w1", [key.owner], later)
    assert customers.save([replace(outdated, erased_at=NOW)]) == {key: None}
    assert customers.save([Row(PAIR, "c_1"), outdated]) == {key: None}
    assert customers.get([key, PAIR]) == []
    assert customers.save([replace(outdated, erased_at=later)]) is None


def test_an_update_merges_newer_facts_into_a_row(customers: Customers) -> None:
    """The update returns the row as it is stored then: with the newer facts, and with the older ones about other attributes."""
    customers.save([Row(PAIR, "c_1", facts=facts_at(1, plan="free", age=31))])
    updated = customers.update_if_newer(PAIR, facts_at(2, plan="pro"))
    assert isinstance(updated, Row)
    assert updated == read(customers, PAIR) == Row(PAIR, "c_1", revision=2, facts=facts_at(1, age=31) | facts_at(2, plan="pro"))


@pytest.mark.parametrize(
    ("row", "facts"),
    [
        (None, facts_at(2, plan="pro")),
        (Row(OWN, "c_1", linked_to=P), facts_at(2, plan="pro")),
        (Row(OWN, "c_1", facts=facts_at(2, plan="pro")), facts_at(2, plan="pro")),
        (Row(OWN, "c_1", facts=facts_at(3, plan="free")), facts_at(2, plan="pro")),
        (Row(OWN, "c_1", facts=facts_at(1, plan="free")), {}),
        (Row(OWN, "c_1", erased_at=NOW), facts_at(2, plan="pro")),
        (Row(OWN, "c_1", facts=facts_at(1, plan="free"), erasing=True), facts_at(2, plan="pro")),
        (Row(OWN, "c_1", facts={f"a:{n}": next(iter(facts_at(1, a=n).values())) for n in range(500)}), facts_at(2, plan="pro")),
        (
            Row(OWN, "c_1", facts={f"a:{n}": next(iter(facts_at(1, a="x" * 43_000).values())) for n in range(3)}),
            facts_at(2, plan="x" * 3000),
        ),
    ],
    ids=[
        "no row",
        "a pointer",
        "the same facts",
        "older facts",
        "no facts",
        "before an erasure",
        "during an erasure",
        "many attributes",
        "many bytes",
    ],
)
def test_an_update_that_is_not_safe_changes_nothing(customers: Customers, row: Row | None, facts: Facts) -> None:
    """The stored row, or None, is returned and stays as it is, so that the caller can merge the facts itself."""
    if row is not None:
        if row.erased_at is not None:
            customers.add_tombstones("w1", [C], row.erased_at)
        customers.save([row])
    updated = customers.update_if_newer(OWN, facts)
    assert updated == NotUpdated(row and replace(row, revision=1))
    assert read(customers, OWN) == (row and replace(row, revision=1))


def test_all_that_one_event_can_set_fits_into_one_update(monkeypatch: pytest.MonkeyPatch) -> None:
    """The expression for 200 attributes, two device tokens and the primary key is shorter than the 4 KB that DynamoDB takes."""
    sent: dict[str, Any] = {}

    class Recorder:
        def update_item(self, **request: Any) -> dict[str, Any]:
            sent.update(request)
            return {"Attributes": {}}

    monkeypatch.setattr("waypost.adapters.dynamodb.table.client", lambda _: Recorder())
    facts = facts_at(1, **{f"a{n}": n for n in range(200)}) | dict.fromkeys(("t:android", "t:ios", "p"), "1stamp23456789x")
    with pytest.raises(KeyError):
        DynamoCustomers(Table("any"), str.encode).update_if_newer(PAIR, facts)
    assert len(sent["UpdateExpression"]) < 4096
    assert len(sent["ExpressionAttributeNames"]) == 203


def test_all_rows_of_a_customer_are_found_by_its_primary_key(customers: Customers) -> None:
    """The rows under a primary key are the head and one pair for each correlation id, and no row of another customer or workspace."""
    identify_customer(customers, "w1", event_of(identify()))
    identify_customer(customers, "w1", event_of(identify(value="device-2")))
    identify_customer(customers, "w2", event_of(identify()))
    identify_customer(customers, "w1", event_of(identify("eve@example.com", value="device-3")))
    assert {row.key for row in customers.by_primary_key("w1", P)} == {HEAD, PAIR, pair_key("w1", P, Identifier("correlation", "device-2"))}


def test_more_rows_than_one_call_reads_are_all_read(customers: Customers) -> None:
    """130 rows, of which one call reads 100, are all returned, and a key without a row is left out."""
    keys = [correlation_key("w1", Identifier("correlation", f"device-{number}")) for number in range(130)]
    for key in keys:
        customers.save([Row(key, "c_1")])
    assert {row.key for row in customers.get([*keys, HEAD])} == set(keys)


def test_a_customer_is_found_by_its_id(customers: Customers) -> None:
    """An id leads to the own row of an anonymous customer, and to the head once it is identified; an unknown id leads to no row."""
    customers.save([Row(OWN, "c_1")])
    assert customers.find_by_id("w1", "c_1") == OWN
    identify_customer(customers, "w1", event_of(identify()))
    identified = customers.by_primary_key("w1", P)[0].customer
    assert customers.find_by_id("w1", identified) == HEAD
    assert customers.find_by_id("w1", "c_nobody") is None
    assert customers.find_by_id("w2", identified) is None


@pytest.mark.parametrize("value", [ADA, "#=~\u00e4", "x" * 300], ids=["short", "odd", "hashed"])
def test_the_primary_key_value_of_an_id_is_found(customers: Customers, value: str) -> None:
    """An id leads to the value of its customer, also if it was merged into that one; an anonymous and an unknown customer have none."""
    primary = Identifier("primary", value)
    customers.save([Row(head_key("w1", primary), "c_1"), Row(pair_key("w1", primary, C), "c_1", merged_id="c_2")])
    customers.save([Row(correlation_key("w1", Identifier("correlation", "device-9")), "c_3")])
    assert [customers.primary_of("w1", each) for each in ("c_1", "c_2", "c_3", "c_4")] == [primary, primary, None, None]
    assert customers.primary_of("w2", "c_1") is None


def test_tombstones_are_found_by_identifier(customers: Customers) -> None:
    """The identifiers of an erased customer have tombstones with the time of the erasure, in their workspace only; its row is gone."""
    customers.save([Row(OWN, "c_1", facts=facts_at(plan="pro"))])
    customers.remove([OWN])
    customers.add_tombstones("w1", [C, P], NOW)
    assert read(customers, OWN) is None
    assert customers.tombstones("w1", [C, P, Identifier("correlation", "device-2")]) == {C: NOW, P: NOW}
    assert customers.tombstones("w2", [C]) == {}


def test_a_tombstone_does_not_reveal_the_identifier(dynamo: DynamoCustomers) -> None:
    """The row of a tombstone does not hold the identifier, and with another secret key the tombstone is not found."""
    dynamo.add_tombstones("w1", [P], NOW)
    [row] = dynamo.table.query_all("primaryKey = :p", {":p": dynamo._tombstone("w1", P)})
    assert ADA not in str(row)
    assert DynamoCustomers(dynamo.table, lambda _: b"another key").tombstones("w1", [P]) == {}


def test_a_workspace_has_identified_customers_from_the_first_one_on(dynamo: DynamoCustomers) -> None:
    """An anonymous customer does not count, an identified one does, and another workspace is not affected."""
    assert not dynamo.any_with_primary_key("w1")
    dynamo.save([Row(OWN, "c_1")])
    assert not dynamo.any_with_primary_key("w1")
    identify_customer(dynamo, "w1", event_of(identify()))
    assert dynamo.any_with_primary_key("w1")
    assert not dynamo.any_with_primary_key("w2")


def test_the_row_of_eight_attributes_costs_one_write_unit(dynamo: DynamoCustomers) -> None:
    """A repeated `$identify` with eight attributes leaves a pair of less than 1 KB, which DynamoDB writes for one unit."""
    attributes = {f"attribute_{number}": "some value" for number in range(8)}
    identify_customer(dynamo, "w1", event_of(identify(**attributes)))
    identify_customer(dynamo, "w1", event_of(identify(at=(NOW + timedelta(seconds=1)).isoformat(), **attributes)))
    item = dynamo.table.get({"primaryKey": f"w1#p={ADA}", "correlationId": "=device-1"})
    assert item is not None
    assert item["rev"] == 2
    assert sum(len(name) + len(str(value)) for name, value in item.items()) < 1024
