"""The limits of identifiers and attributes (docs/customers.md#limits, docs/customers.md#ids-that-are-never-joined), over HTTP."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.stories.workspace import Workspace, identify, trigger

WORDS = ("null", "nil", "none", "undefined", "nan", "true", "false", "anonymous", "guest", "user", "id", "email", "distinct_id", "unknown")
OTHERS = ("0", "-1", "n/a", "[]", "{}", "[object Object]", "00000000-0000-0000-0000-000000000000", "0-0", "---")
ILLEGAL = [*WORDS, *OTHERS, " NULL ", '"Null"', "'undefined'"]
FITTING: dict[str, Any] = {
    "String": "text",
    "Number": 12.50,
    "Boolean": False,
    "Email": "a@example.org",
    "Date": "2026-11-23",
    "DateTime": "2026-11-23T05:17:13Z",
    "Array": [1, "two"],
    "Object": {"a": {"b": 1}},
}
WRONG: dict[str, Any] = {
    "String": 1,
    "Number": "1",
    "Boolean": "true",
    "Email": "not an address",
    "Date": "soon",
    "DateTime": [],
    "Array": {},
    "Object": "{}",
}


def codes(response: Any) -> list[str]:
    """`accepted` or the code of the error, for each event of a batch."""
    return [result.get("error", {}).get("code", "accepted") for result in response.json()["results"]]


def warnings(response: Any) -> set[tuple[str, str]]:
    """The codes and JSON pointers of all warnings about payloads."""
    found = [warning for result in response.json()["results"] for warning in result["warnings"]]
    return {(warning["code"], warning["pointer"]) for warning in found if "pointer" in warning}


def save_schema(workspace: Workspace, primary: dict[str, str]) -> None:
    """Saves a schema with one attribute of each type, named like the type in lower case."""
    workspace.put("/api/schema", {"primaryKey": primary, "attributes": {name.lower(): name for name in FITTING}, "timezone": "UTC"})


def test_illegal_ids_are_rejected(workspace: Workspace) -> None:
    """An event with an illegal correlation id or primary key is rejected. An illegal `$anon_distinct_id` is left out with a warning."""
    ada = workspace.email("ada")
    assert set(codes(workspace.send(*(trigger(illegal, "seen") for illegal in ILLEGAL)))) == {"illegal-id"}
    assert set(codes(workspace.send(*(identify("phone", illegal) for illegal in ILLEGAL)))) == {"illegal-id"}
    response = workspace.send(*(identify("phone", ada, **{"$anon_distinct_id": illegal}) for illegal in ILLEGAL[:3]))
    assert response.status_code == 201
    assert {code for code, _ in warnings(response)} == {"illegal-id"}
    assert workspace.stack.settle()
    assert workspace.customer(ada)["correlationIds"] == ["phone"]


def test_a_uuid_is_the_same_id_in_any_case(workspace: Workspace) -> None:
    """A UUID in upper case, as the iOS SDK writes it, and in lower case, as the Android SDK does, is one correlation id."""
    device = "7C9E6679-7425-40DE-944B-E07FC1F90AE7"
    workspace.send(identify(device, workspace.email("ada")), identify(device.lower(), workspace.email("ada")))
    assert workspace.customer(workspace.email("ada"))["correlationIds"] == [device.lower()]
    assert workspace.get(f"/api/customers?correlationId={device}")["primaryKey"] == workspace.email("ada")


def test_the_101st_id_is_rejected(workspace: Workspace) -> None:
    """A customer has at most 100 correlation ids; an event with one more is rejected and changes nothing, also as a further id."""
    ada = workspace.email("ada")
    for ten in range(10):
        assert workspace.send(*(identify(f"d{ten}{one}", ada) for one in range(10))).status_code == 201
    assert codes(workspace.send(identify("one-more", ada, plan="pro"))) == ["too-many-ids"]
    assert codes(workspace.send(identify("d00", ada, plan="pro", **{"$anon_distinct_id": "one-more"}))) == ["too-many-ids"]
    assert workspace.stack.settle()
    customer = workspace.customer(ada)
    assert (len(customer["correlationIds"]), customer["attributes"]) == (100, {"email": ada})
    assert workspace.request("GET", "/api/customers?correlationId=one-more").status_code == 404


def test_the_501st_attribute_is_rejected(workspace: Workspace) -> None:
    """A customer has at most 500 attributes; existing ones can still change, and after a removal another can be set."""
    ada = workspace.email("ada")
    for start in (0, 200, 400):
        sets = {f"a{number}": number for number in range(start, min(start + 200, 500))}
        assert codes(workspace.send(identify("phone", ada, **sets))) == ["accepted"]
    assert codes(workspace.send(identify("phone", ada, one_more=1))) == ["attributes-full"]
    assert codes(workspace.send(identify("phone", ada, a1=None, a2="changed"))) == ["accepted"]
    assert codes(workspace.send(identify("phone", ada, one_more=1))) == ["accepted"]
    attributes = workspace.customer(ada)["attributes"]
    assert (len(attributes), attributes["a2"], attributes["one_more"], "a1" in attributes) == (501, "changed", 1, False)


def test_attributes_beyond_128_kib_are_rejected(workspace: Workspace) -> None:
    """Two attributes of 60 KB are accepted and a third one is rejected."""
    ada = workspace.email("ada")
    responses = [workspace.send(identify("phone", ada, **{name: "x" * 60_000})) for name in ("a", "b", "c")]
    assert [codes(response) for response in responses] == [["accepted"], ["accepted"], ["attributes-full"]]
    assert set(workspace.customer(ada)["attributes"]) == {"email", "a", "b"}


def test_a_value_of_the_wrong_type_is_left_out_with_a_warning(workspace: Workspace) -> None:
    """An attribute accepts values of its type only; null removes it whatever its type, and an undeclared attribute accepts any value."""
    ada = workspace.email("ada")
    save_schema(workspace, {"name": "email", "type": "Email"})
    fitting = {f"{name.lower()}": value for name, value in FITTING.items() if name != "Email"}
    wrong = {f"{name.lower()}": value for name, value in WRONG.items() if name != "Email"}
    assert warnings(workspace.send(identify("phone", ada, free=[1], **fitting))) == set()
    before = workspace.customer(ada)["attributes"]
    assert before == {"email": ada, "free": [1], **fitting}
    response = workspace.send(identify("phone", ada, **wrong))
    assert warnings(response) == {("wrong-type", f"/batch/0/payload/{name}") for name in wrong}
    assert workspace.customer(ada)["attributes"] == before
    assert warnings(workspace.send(identify("phone", ada, **dict.fromkeys(fitting)))) == set()
    assert workspace.customer(ada)["attributes"] == {"email": ada, "free": [1]}


def test_an_email_attribute_accepts_addresses_only(workspace: Workspace) -> None:
    """An attribute of the type Email that is not the primary key accepts addresses only."""
    save_schema(workspace, {"name": "number", "type": "Number"})
    identified, wrong, fitting = identify("phone", "7"), WRONG["Email"], FITTING["Email"]
    assert warnings(workspace.send(identified, trigger("phone", "$set", email=wrong))) == {("wrong-type", "/batch/1/payload/email")}
    assert warnings(workspace.send(trigger("phone", "$set", email=fitting))) == set()
    assert workspace.stack.settle()
    assert workspace.customer("7")["attributes"] == {"number": 7, "email": FITTING["Email"]}


def test_a_number_is_one_primary_key_in_every_notation(workspace: Workspace) -> None:
    """5, 5.0 and "5" are the same primary key; a text that is not a number is rejected."""
    workspace.put("/api/schema", {"primaryKey": {"name": "account", "type": "Number"}, "attributes": {}, "timezone": "UTC"})
    five: list[Any] = [5, 5.0, "5", "5.00"]
    workspace.send(*(identify(f"d{place}", value) for place, value in enumerate(five)))
    assert sorted(workspace.customer("5")["correlationIds"]) == ["d0", "d1", "d2", "d3"]
    assert workspace.customer("5.0")["attributes"] == {"account": 5}
    by_key = trigger("5.0", "$set", plan="pro") | {"correlationKey": "account"}
    assert codes(workspace.send(by_key, identify("d9", "five"), trigger("five", "seen") | {"correlationKey": "account"})) == [
        "accepted",
        "bad-distinct-id",
        "bad-correlation-value",
    ]
    assert workspace.stack.settle()
    assert workspace.customer("5")["attributes"] == {"account": 5, "plan": "pro"}


def test_an_email_is_one_primary_key_in_any_case(workspace: Workspace) -> None:
    """An e-mail address in any case finds the same customer, which shows the spelling of the latest `$identify`."""
    ada = workspace.email("ada")
    workspace.send(identify("phone", ada), identify("laptop", ada.title()))
    customer = workspace.customer(ada.upper())
    assert (sorted(customer["correlationIds"]), customer["primaryKey"].lower()) == (["laptop", "phone"], ada)
    assert customer["attributes"] == {"email": customer["primaryKey"]}


def test_the_primary_key_cannot_change(workspace: Workspace) -> None:
    """`$set` cannot change a primary key, and a schema cannot name another one once the workspace has customers."""
    ada = workspace.email("ada")
    other = {"primaryKey": {"name": "phone", "type": "String"}, "attributes": {}, "timezone": "UTC"}
    workspace.put("/api/schema", other)
    workspace.put("/api/schema", other | {"primaryKey": {"name": "email", "type": "Email"}})
    response = workspace.send(identify("phone", ada), trigger("phone", "$set", email=workspace.email("eve"), plan="pro"))
    assert warnings(response) == {("primary-key-fixed", "/batch/1/payload/email")}
    assert workspace.stack.settle()
    assert workspace.customer(ada)["attributes"] == {"email": ada, "plan": "pro"}
    response = workspace.request("PUT", "/api/schema", other)
    assert (response.status_code, response.json()["code"]) == (409, "primary-key-in-use")
    workspace.put("/api/schema", other | {"primaryKey": {"name": "email", "type": "Email"}, "timezone": "Europe/Berlin"})


@pytest.mark.parametrize("key", ["phone", "mail", "_ID", ""])
def test_an_unknown_correlation_key_is_rejected(workspace: Workspace, key: str) -> None:
    """A correlation key other than `_id` and the name of the primary key is rejected with an error that names both."""
    response = workspace.send(trigger("x", "seen") | {"correlationKey": key})
    [result] = response.json()["results"]
    assert (result["error"]["code"], result["error"]["pointer"]) == ("unknown-correlation-key", "/batch/0/correlationKey")
    assert re.search("_id.*email", result["error"]["detail"])
