"""Facts from the payloads of `$identify`, `$set` and `$fcm` (docs/events.md#kinds-of-events)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes.ingest_harness import accepted, event_of, identify, warning_codes, wire
from waypost.domain.customers import facts
from waypost.domain.customers.schema import PrimaryKey, Schema

TYPED = Schema.model_validate({"primaryKey": {"name": "email", "type": "Email"}, "attributes": {"age": "Number", "born": "Date"}})


def attributes(raw: Any, **changes: Any) -> Any:
    """The attributes in the facts of an event."""
    return facts.attributes_of(event_of(raw, **changes).facts)


def tokens(raw: Any) -> Any:
    """The device tokens in the facts of an event."""
    return facts.device_tokens_of(event_of(raw).facts)


def test_all_keys_but_reserved_ones_are_attributes() -> None:
    """The keys of an `$identify` are attributes, objects as they are, except those that `$identify` itself defines."""
    raw = identify(
        plan="pro", address={"city": "Oslo"}, **{"$anon_distinct_id": "device-2", "$set": {"age": 31}, "$set_once": {"first": 1}}
    )
    assert attributes(raw) == {"plan": "pro", "address": {"city": "Oslo"}, "age": 31, "first": 1}


def test_a_nested_set_wins_over_keys_and_keys_over_set_once() -> None:
    """In one event, the nested `$set` wins over the keys beside it, and these win over `$set_once`."""
    assert attributes(wire("$set", payload={"a": 1, "b": 1, "$set": {"a": 2}, "$set_once": {"b": 3, "c": 3}})) == {"a": 2, "b": 1, "c": 3}


def test_a_trigger_sets_no_attributes() -> None:
    """The payload of a trigger makes no facts, whatever its keys are."""
    assert event_of(wire(payload={"plan": "pro", "distinct_id": "x", "$set": {"a": 1}})).facts == {}


@pytest.mark.parametrize("name", ["$set", "$set_once"])
def test_a_nested_set_that_is_no_object_is_left_out(name: str) -> None:
    """A nested `$set` or `$set_once` that is no object is left out with the warning `wrong-type`; the other attributes are set."""
    result = accepted(wire("$set", uuid="u", payload={"a": 1, name: "text"}))
    assert [tuple(each) for each in result.warnings] == [("wrong-type", f"/batch/0/payload/{name}")]
    assert facts.attributes_of(result.event.facts) == {"a": 1}


def test_a_value_of_the_wrong_type_is_left_out() -> None:
    """A value that is not of its declared type is left out with a warning; undeclared attributes and removals are accepted."""
    raw = wire("$set", payload={"age": "31", "born": "soon", "plan": ["pro"]})
    assert attributes(raw, schema=TYPED) == {"plan": ["pro"]}
    assert warning_codes(raw, schema=TYPED) == {"wrong-type"}
    assert warning_codes(wire("$set", payload={"age": None}), schema=TYPED) == set()


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
def test_the_primary_key_cannot_be_set_as_an_attribute(raw: Any, warnings: set[str]) -> None:
    """An attribute with the name of the primary key is left out with a warning, unless it repeats the `distinct_id`."""
    assert warning_codes(raw) == warnings
    assert "a:email" not in event_of(raw).facts


@pytest.mark.parametrize(
    ("raw", "schema", "displayed"),
    [
        (identify(" Ada@Example.com "), None, "Ada@Example.com"),
        (identify("42.0"), Schema(primary_key=PrimaryKey(name="number", type="Number")), 42),
        (identify(42), Schema(primary_key=PrimaryKey(name="number", type="Number")), 42),
        (identify("Customer 7"), Schema(), "Customer 7"),
    ],
)
def test_a_primary_key_is_displayed_as_it_was_given(raw: Any, schema: Schema | None, displayed: Any) -> None:
    """The fact of the primary key is the value as given, trimmed; for a Number key it is the number."""
    event = event_of(raw, **({"schema": schema} if schema else {}))
    assert facts.value_of(event.facts["p"]) == displayed


@pytest.mark.parametrize(
    ("raw", "expected"),
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
def test_any_event_may_bring_device_tokens(raw: Any, expected: dict[str, str]) -> None:
    """Tokens in `$fcm`, or in the payload of an event `$fcm`, are facts; empty or missing ones are none and add no warning."""
    assert tokens(raw) == expected
    assert warning_codes(raw) == set()


@pytest.mark.parametrize("token", [5, " ", "x" * 4097, ["tok"]])
def test_an_invalid_device_token_is_left_out(token: Any) -> None:
    """A token that is no string, blank or too long is left out with the warning `wrong-type`."""
    raw = wire() | {"$fcm": {"iosDeviceToken": token}}
    assert (tokens(raw), warning_codes(raw)) == ({}, {"wrong-type"})
