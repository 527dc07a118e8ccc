"""Customers in DynamoDB, and in the fake that the use cases are tested on: one contract for both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.fakes.customers import FakeCustomers
from tests.fakes.ingest_harness import ADA, NOW, event_of, identify, wire
from tests.fakes.tables import aws, fresh
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
    """The table as the template makes it."""
    return DynamoCustomers(fresh("CustomersTable"), str.encode)


@pytest.fixture(params=["DynamoDB", "fake"])
def customers(request: pytest.FixtureRequest) -> Customers:
    """Both sides of the contract."""
    found: Customers = request.getfixturevalue("dynamo") if request.param == "DynamoDB" else FakeCustomers()
    return found


def said(second: Any = 0, **payload: Any) -> dict[str, str]:
    """The facts of a `$set` at a second of this minute."""
    return dict(event_of(wire("$set", uuid="u", timestamp=f"2026-11-23T05:17:{second:02}Z", payload=payload)).facts)


def read(customers: Customers, key: RowKey) -> Row | None:
    """One row."""
    return next(iter(customers.get([key])), None)


FULL = [
    Row(HEAD, "c_1", facts={"p": "1stamp23456789" + f'"{ADA}"'}, id_count=3),
    Row(PAIR, "c_1", facts=said(0, plan="prö 🎉", nested={"a": [1]}, gone=None) | {"t:android": "1stamp23456789" + '"tok"'}, erased_at=NOW),
    Row(OWN, "c_1", linked_to=P),
    Row(pair_key("w1", P, Identifier("correlation", "ж" * 255)), "c_1", merged_id="c_2", merge_pending=True),
    Row(head_key("w1", Identifier("primary", "ж" * 255)), "c_3"),
    Row(correlation_key("w1", Identifier("correlation", "#")), "c_4", facts=said(p="1", revision=2, id="x", newest="y", linked="z")),
    Row(correlation_key("w1", Identifier("correlation", "=~#c" * 80)), "c_5", linked_to=Identifier("primary", "ж" * 255)),
]


@pytest.mark.parametrize("row", FULL, ids=["head", "pair", "pointer", "long id", "long key", "clashing names", "long pointer"])
def test_a_row_comes_back_as_it_was_saved(customers: Customers, row: Row) -> None:
    """Every field, ids of any length and script, and attributes that are named like our own columns."""
    assert customers.save([row]) is None
    assert read(customers, row.key) == replace(row, revision=1)


def test_facts_that_no_single_write_can_say_leave_the_row_as_it_is(dynamo: DynamoCustomers) -> None:
    """Three large `$set`s in one message: they are merged into the row that comes back, and it is saved whole."""
    dynamo.save([Row(OWN, "c_1")])
    facts = said(1, **{f"attribute {number}": number for number in range(200)}) | said(2, **{f"more {number}": 1 for number in range(200)})
    assert dynamo.update_if_newer(OWN, facts) == NotUpdated(Row(OWN, "c_1", revision=1))
    assert write_facts(dynamo, OWN, facts) == "c_1"
    assert read(dynamo, OWN) == Row(OWN, "c_1", revision=2, facts=facts)


def test_rows_are_saved_together_or_not_at_all(customers: Customers) -> None:
    """If one is not as it was read, the others stay as they were, and it comes back as it is now."""
    customers.save([Row(OWN, "c_1", facts=said(plan="free"))])
    stale = customers.save([Row(OWN, "c_1", linked_to=P), Row(HEAD, "c_1", id_count=1), Row(PAIR, "c_1")])
    assert stale == {OWN: Row(OWN, "c_1", revision=1, facts=said(plan="free"))}
    assert customers.get([HEAD, PAIR]) == []


def test_a_single_row_that_was_changed_meanwhile_comes_back(customers: Customers) -> None:
    """As it is now; one that is gone comes back as none."""
    customers.save([Row(HEAD, "c_1")])
    customers.save([Row(HEAD, "c_1", revision=1, id_count=1)])
    assert customers.save([Row(HEAD, "c_1", revision=1, id_count=7)]) == {HEAD: Row(HEAD, "c_1", revision=2, id_count=1)}
    assert customers.save([Row(OWN, "c_1", revision=3)]) == {OWN: None}


def test_a_touch_merges_newer_facts_into_a_row(customers: Customers) -> None:
    """In one write, which returns the row."""
    customers.save([Row(PAIR, "c_1", facts=said(1, plan="free", age=31))])
    updated = customers.update_if_newer(PAIR, said(2, plan="pro"))
    assert isinstance(updated, Row)
    assert updated == read(customers, PAIR) == Row(PAIR, "c_1", revision=2, facts=said(1, age=31) | said(2, plan="pro"))


@pytest.mark.parametrize(
    ("row", "facts"),
    [
        (None, said(2, plan="pro")),
        (Row(OWN, "c_1", linked_to=P), said(2, plan="pro")),
        (Row(OWN, "c_1", facts=said(2, plan="pro")), said(2, plan="pro")),
        (Row(OWN, "c_1", facts=said(3, plan="free")), said(2, plan="pro")),
        (Row(OWN, "c_1", facts=said(1, plan="free")), {}),
        (Row(OWN, "c_1", erased_at=NOW), said(2, plan="pro")),
        (Row(OWN, "c_1", facts={f"a:{n}": next(iter(said(1, a=n).values())) for n in range(500)}), said(2, plan="pro")),
        (Row(OWN, "c_1", facts={f"a:{n}": next(iter(said(1, a="x" * 43_000).values())) for n in range(3)}), said(2, plan="x" * 3000)),
    ],
    ids=["no row", "a pointer", "the same", "older", "nothing to say", "before an erasure", "500 attributes", "128 KiB"],
)
def test_a_touch_that_could_go_wrong_changes_nothing(customers: Customers, row: Row | None, facts: Facts) -> None:
    """The row comes back as it is, so that the slower way can look at it."""
    if row is not None:
        customers.save([row])
    updated = customers.update_if_newer(OWN, facts)
    assert updated == NotUpdated(row and replace(row, revision=1))
    assert read(customers, OWN) == (row and replace(row, revision=1))


def test_the_most_that_one_event_sets_fits_into_one_update(monkeypatch: pytest.MonkeyPatch) -> None:
    """200 attributes, two tokens and the key as given: DynamoDB takes expressions of at most 4 KB."""
    asked: dict[str, Any] = {}

    class Recorder:
        def update_item(self, **request: Any) -> dict[str, Any]:
            asked.update(request)
            return {"Attributes": {}}

    monkeypatch.setattr("waypost.adapters.dynamodb.table.client", lambda _: Recorder())
    facts = said(1, **{f"a{n}": n for n in range(200)}) | dict.fromkeys(("t:android", "t:ios", "p"), "1stamp23456789x")
    with pytest.raises(KeyError):
        DynamoCustomers(Table("any"), str.encode).update_if_newer(PAIR, facts)
    assert len(asked["UpdateExpression"]) < 4096
    assert len(asked["ExpressionAttributeNames"]) == 203


def test_all_rows_of_a_customer_are_found_by_its_key(customers: Customers) -> None:
    """And nobody else's, in this workspace or another."""
    identify_customer(customers, "w1", event_of(identify()))
    identify_customer(customers, "w1", event_of(identify(value="device-2")))
    identify_customer(customers, "w2", event_of(identify()))
    identify_customer(customers, "w1", event_of(identify("eve@example.com", value="device-3")))
    assert {row.key for row in customers.by_primary_key("w1", P)} == {HEAD, PAIR, pair_key("w1", P, Identifier("correlation", "device-2"))}


def test_more_than_100_rows_are_read(customers: Customers) -> None:
    """As many as a batch asks for."""
    keys = [correlation_key("w1", Identifier("correlation", f"device-{number}")) for number in range(130)]
    for key in keys:
        customers.save([Row(key, "c_1")])
    assert {row.key for row in customers.get([*keys, HEAD])} == set(keys)


def test_a_customer_is_located_by_its_id(customers: Customers) -> None:
    """By its own row while it is anonymous, by its head from then on; an unknown id is nobody's."""
    customers.save([Row(OWN, "c_1")])
    assert customers.find_by_id("w1", "c_1") == OWN
    identify_customer(customers, "w1", event_of(identify()))
    named = customers.by_primary_key("w1", P)[0].customer
    assert customers.find_by_id("w1", named) == HEAD
    assert customers.find_by_id("w1", "c_nobody") is None
    assert customers.find_by_id("w2", named) is None


def test_graves_are_found_by_name(customers: Customers) -> None:
    """Whoever is buried stays so, and the row itself is gone."""
    customers.save([Row(OWN, "c_1", facts=said(plan="pro"))])
    customers.remove([OWN])
    customers.add_tombstones("w1", [C, P], NOW)
    assert read(customers, OWN) is None
    assert customers.tombstones("w1", [C, P, Identifier("correlation", "device-2")]) == {C: NOW, P: NOW}
    assert customers.tombstones("w2", [C]) == {}


def test_a_tombstone_does_not_tell_whose_it_is(dynamo: DynamoCustomers) -> None:
    """A name cannot be read out of it, nor found without the workspace's key."""
    dynamo.add_tombstones("w1", [P], NOW)
    [row] = dynamo.table.query_all("primaryKey = :p", {":p": dynamo._tombstone("w1", P)})
    assert ADA not in str(row)
    assert DynamoCustomers(dynamo.table, lambda _: b"another key").tombstones("w1", [P]) == {}


def test_a_workspace_knows_whether_it_ever_named_anybody(dynamo: DynamoCustomers) -> None:
    """From then on its primary key stays."""
    assert not dynamo.any_with_primary_key("w1")
    dynamo.save([Row(OWN, "c_1")])
    assert not dynamo.any_with_primary_key("w1")
    identify_customer(dynamo, "w1", event_of(identify()))
    assert dynamo.any_with_primary_key("w1")
    assert not dynamo.any_with_primary_key("w2")


def test_a_known_customers_naming_is_one_small_write(dynamo: DynamoCustomers) -> None:
    """Eight attributes fit into one write unit."""
    attributes = {f"attribute_{number}": "some value" for number in range(8)}
    identify_customer(dynamo, "w1", event_of(identify(**attributes)))
    identify_customer(dynamo, "w1", event_of(identify(at=(NOW + timedelta(seconds=1)).isoformat(), **attributes)))
    item = dynamo.table.get({"primaryKey": f"w1#p={ADA}", "correlationId": "=device-1"})
    assert item is not None
    assert item["rev"] == 2
    assert sum(len(name) + len(str(value)) for name, value in item.items()) < 1024
