"""What the payload of `$identify`, `$set` and `$fcm` says of a customer (contract 1.6, 2)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes.ingest_harness import accepted, event_of, identify, warned, wire
from waypost.domain.customers import facts
from waypost.domain.customers.schema import PrimaryKey, Schema

TYPED = Schema.model_validate({"primaryKey": {"name": "email", "type": "Email"}, "attributes": {"age": "Number", "born": "Date"}})


def attributes(raw: Any, **changes: Any) -> Any:
    """The attributes that an event sets."""
    return facts.attributes_of(event_of(raw, **changes).facts)


def tokens(raw: Any) -> Any:
    """The device tokens that an event brings."""
    return facts.device_tokens_of(event_of(raw).facts)


def test_all_keys_but_ours_are_attributes() -> None:
    """Nested ones as they are; the naming's own keys are none."""
    raw = identify(
        plan="pro", address={"city": "Oslo"}, **{"$anon_distinct_id": "device-2", "$set": {"age": 31}, "$set_once": {"first": 1}}
    )
    assert attributes(raw) == {"plan": "pro", "address": {"city": "Oslo"}, "age": 31, "first": 1}


def test_a_nested_set_overrides_and_set_once_gives_way() -> None:
    """Within one event too."""
    assert attributes(wire("$set", payload={"a": 1, "b": 1, "$set": {"a": 2}, "$set_once": {"b": 3, "c": 3}})) == {"a": 2, "b": 1, "c": 3}


def test_a_trigger_sets_nothing() -> None:
    """Its payload is its own."""
    assert event_of(wire(payload={"plan": "pro", "distinct_id": "x", "$set": {"a": 1}})).facts == {}


@pytest.mark.parametrize("name", ["$set", "$set_once"])
def test_a_nested_set_that_is_no_object_is_left_out(name: str) -> None:
    """With a warning that says where."""
    entry = accepted(wire("$set", uuid="u", payload={"a": 1, name: "text"}))
    assert [tuple(each) for each in entry.warnings] == [("wrong-type", f"/batch/0/payload/{name}")]
    assert facts.attributes_of(entry.event.facts) == {"a": 1}


def test_a_value_of_the_wrong_type_is_left_out() -> None:
    """Declared attributes are kept clean, undeclared ones are taken as they are, a removal is of every type."""
    raw = wire("$set", payload={"age": "31", "born": "soon", "plan": ["pro"]})
    assert attributes(raw, schema=TYPED) == {"plan": ["pro"]}
    assert warned(raw, schema=TYPED) == {"wrong-type"}
    assert warned(wire("$set", payload={"age": None}), schema=TYPED) == set()


@pytest.mark.parametrize(
    ("raw", "warnings"),
    [
        (wire("$set", payload={"email": "eve@example.com"}), {"primary-key-fixed"}),
        (wire("$set", payload={"email": None}), {"primary-key-fixed"}),
        (wire("$set", payload={"$set_once": {"email": "eve@example.com"}}), {"primary-key-fixed"}),
        (identify(email="eve@example.com"), {"primary-key-fixed"}),
        (identify(email="Ada@Example.com"), set()),
    ],
)
def test_the_primary_key_is_no_attribute_to_set(raw: Any, warnings: set[str]) -> None:
    """Only `distinct_id` names a customer; repeating it in the payload is harmless."""
    assert warned(raw) == warnings
    assert "a:email" not in event_of(raw).facts


@pytest.mark.parametrize(
    ("raw", "schema", "shown"),
    [
        (identify(" Ada@Example.com "), None, "Ada@Example.com"),
        (identify("42.0"), Schema(primary_key=PrimaryKey(name="number", type="Number")), 42),
        (identify(42), Schema(primary_key=PrimaryKey(name="number", type="Number")), 42),
        (identify("Customer 7"), Schema(), "Customer 7"),
    ],
)
def test_a_primary_key_is_shown_as_it_was_given(raw: Any, schema: Schema | None, shown: Any) -> None:
    """Numbers as numbers, addresses in the case in which they were written."""
    event = event_of(raw, **({"schema": schema} if schema else {}))
    assert facts.value_of(event.facts["p"]) == shown


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (wire() | {"$fcm": {"androidDeviceToken": " tokA "}}, {"android": "tokA"}),
        (wire("$set") | {"$fcm": {"iosDeviceToken": "tokI", "androidDeviceToken": "tokA"}}, {"android": "tokA", "ios": "tokI"}),
        (wire("$opened", source="message") | {"$fcm": {"iosDeviceToken": "tokI"}}, {"ios": "tokI"}),
        (wire("$fcm", payload={"androidDeviceToken": "tokA"}), {"android": "tokA"}),
        (wire("other", payload={"androidDeviceToken": "tokA"}), {}),
        (wire() | {"$fcm": {}}, {}),
        (wire() | {"$fcm": ""}, {}),
        (wire() | {"$fcm": {"iosDeviceToken": ""}}, {}),
        (wire() | {"$fcm": {"iosDeviceToken": None}}, {}),
    ],
)
def test_device_tokens_come_with_any_event(raw: Any, found: dict[str, str]) -> None:
    """Empty or missing ones change nothing and are no fault."""
    assert tokens(raw) == found
    assert warned(raw) == set()


@pytest.mark.parametrize("token", [5, " ", "x" * 4097, ["tok"]])
def test_a_token_that_is_none_is_left_out(token: Any) -> None:
    """With a warning."""
    raw = wire() | {"$fcm": {"iosDeviceToken": token}}
    assert (tokens(raw), warned(raw)) == ({}, {"wrong-type"})
