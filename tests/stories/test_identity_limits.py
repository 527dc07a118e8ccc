"""What no customer may be called, hold or be made of; bad input leaves the customer as it was (contract 1.4 and 2)."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.stories.workspace import Workspace, identify, trigger

WORDS = ("null", "nil", "none", "undefined", "nan", "true", "false", "anonymous", "guest", "user", "id", "email", "distinct_id", "unknown")
OTHERS = ("0", "-1", "n/a", "[]", "{}", "[object Object]", "00000000-0000-0000-0000-000000000000", "0-0", "---")
NOBODY = [*WORDS, *OTHERS, " NULL ", '"Null"', "'undefined'"]
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
    "Email": "nobody",
    "Date": "soon",
    "DateTime": [],
    "Array": {},
    "Object": "{}",
}


def codes(answer: Any) -> list[str]:
    """`accepted`, or the code of the refusal, for each event."""
    return [result.get("error", {}).get("code", "accepted") for result in answer.json()["results"]]


def warnings(answer: Any) -> set[tuple[str, str]]:
    """Codes and pointers of all warnings about payloads."""
    found = [warning for result in answer.json()["results"] for warning in result["warnings"]]
    return {(warning["code"], warning["pointer"]) for warning in found if "pointer" in warning}


def typed(workspace: Workspace, primary: dict[str, str]) -> None:
    """Declares one attribute of each type, called like it."""
    workspace.put("/api/schema", {"primaryKey": primary, "attributes": {name.lower(): name for name in FITTING}, "timezone": "UTC"})


def test_ids_that_name_nobody_join_nobody(workspace: Workspace) -> None:
    """As an id of any kind the event is refused; as a further id it is left out with a warning."""
    ada = workspace.email("ada")
    assert set(codes(workspace.send(*(trigger(nobody, "seen") for nobody in NOBODY)))) == {"illegal-id"}
    assert set(codes(workspace.send(*(identify("phone", nobody) for nobody in NOBODY)))) == {"illegal-id"}
    answer = workspace.send(*(identify("phone", ada, **{"$anon_distinct_id": nobody}) for nobody in NOBODY[:3]))
    assert answer.status_code == 201
    assert {code for code, _ in warnings(answer)} == {"illegal-id"}
    assert workspace.stack.settle()
    assert workspace.customer(ada)["correlationIds"] == ["phone"]


def test_a_uuid_is_the_same_in_any_case(workspace: Workspace) -> None:
    """The iOS SDK writes them in upper case, Android in lower."""
    device = "7C9E6679-7425-40DE-944B-E07FC1F90AE7"
    workspace.send(identify(device, workspace.email("ada")), identify(device.lower(), workspace.email("ada")))
    assert workspace.customer(workspace.email("ada"))["correlationIds"] == [device.lower()]
    assert workspace.get(f"/api/customers?correlationId={device}")["primaryKey"] == workspace.email("ada")


def test_the_101st_id_is_refused(workspace: Workspace) -> None:
    """A hundred join; the next one, even as a further id, changes nothing."""
    ada = workspace.email("ada")
    for ten in range(10):
        assert workspace.send(*(identify(f"d{ten}{one}", ada) for one in range(10))).status_code == 201
    assert codes(workspace.send(identify("one-more", ada, plan="pro"))) == ["too-many-ids"]
    assert codes(workspace.send(identify("d00", ada, plan="pro", **{"$anon_distinct_id": "one-more"}))) == ["too-many-ids"]
    assert workspace.stack.settle()
    customer = workspace.customer(ada)
    assert (len(customer["correlationIds"]), customer["attributes"]) == (100, {"email": ada})
    assert workspace.request("GET", "/api/customers?correlationId=one-more").status_code == 404


def test_a_customer_has_room_for_500_attributes(workspace: Workspace) -> None:
    """The 501st is refused; what is there may change, and what is removed makes room."""
    ada = workspace.email("ada")
    for start in (0, 200, 400):
        sets = {f"a{number}": number for number in range(start, min(start + 200, 500))}
        assert codes(workspace.send(identify("phone", ada, **sets))) == ["accepted"]
    assert codes(workspace.send(identify("phone", ada, one_more=1))) == ["attributes-full"]
    assert codes(workspace.send(identify("phone", ada, a1=None, a2="changed"))) == ["accepted"]
    assert codes(workspace.send(identify("phone", ada, one_more=1))) == ["accepted"]
    attributes = workspace.customer(ada)["attributes"]
    assert (len(attributes), attributes["a2"], attributes["one_more"], "a1" in attributes) == (501, "changed", 1, False)


def test_a_customer_has_room_for_128_kib(workspace: Workspace) -> None:
    """Two attributes of 60 KB fit, a third does not."""
    ada = workspace.email("ada")
    answers = [workspace.send(identify("phone", ada, **{name: "x" * 60_000})) for name in ("a", "b", "c")]
    assert [codes(answer) for answer in answers] == [["accepted"], ["accepted"], ["attributes-full"]]
    assert set(workspace.customer(ada)["attributes"]) == {"email", "a", "b"}


def test_each_type_takes_what_fits_and_warns_of_the_rest(workspace: Workspace) -> None:
    """A wrong value is left out and named; null removes, whatever the type; undeclared attributes take anything."""
    ada = workspace.email("ada")
    typed(workspace, {"name": "email", "type": "Email"})
    fitting = {f"{name.lower()}": value for name, value in FITTING.items() if name != "Email"}
    wrong = {f"{name.lower()}": value for name, value in WRONG.items() if name != "Email"}
    assert warnings(workspace.send(identify("phone", ada, free=[1], **fitting))) == set()
    before = workspace.customer(ada)["attributes"]
    assert before == {"email": ada, "free": [1], **fitting}
    answer = workspace.send(identify("phone", ada, **wrong))
    assert warnings(answer) == {("wrong-type", f"/batch/0/payload/{name}") for name in wrong}
    assert workspace.customer(ada)["attributes"] == before
    assert warnings(workspace.send(identify("phone", ada, **dict.fromkeys(fitting)))) == set()
    assert workspace.customer(ada)["attributes"] == {"email": ada, "free": [1]}


def test_an_email_attribute_takes_addresses_only(workspace: Workspace) -> None:
    """Beside a primary key of another type."""
    typed(workspace, {"name": "number", "type": "Number"})
    names, wrong, fitting = identify("phone", "7"), WRONG["Email"], FITTING["Email"]
    assert warnings(workspace.send(names, trigger("phone", "$set", email=wrong))) == {("wrong-type", "/batch/1/payload/email")}
    assert warnings(workspace.send(trigger("phone", "$set", email=fitting))) == set()
    assert workspace.stack.settle()
    assert workspace.customer("7")["attributes"] == {"number": 7, "email": FITTING["Email"]}


def test_a_number_is_one_key_however_it_is_written(workspace: Workspace) -> None:
    """5, 5.0 and "5" name one customer; a text that is no number names nobody."""
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


def test_an_email_is_one_key_in_any_case_and_shown_as_given(workspace: Workspace) -> None:
    """The latest spelling of an identify is shown; every spelling finds it."""
    ada = workspace.email("ada")
    workspace.send(identify("phone", ada), identify("laptop", ada.title()))
    customer = workspace.customer(ada.upper())
    assert (sorted(customer["correlationIds"]), customer["primaryKey"].lower()) == (["laptop", "phone"], ada)
    assert customer["attributes"] == {"email": customer["primaryKey"]}


def test_the_primary_key_stays_what_it_is(workspace: Workspace) -> None:
    """`$set` cannot change it, and the workspace cannot call customers otherwise once it has some."""
    ada = workspace.email("ada")
    other = {"primaryKey": {"name": "phone", "type": "String"}, "attributes": {}, "timezone": "UTC"}
    workspace.put("/api/schema", other)
    workspace.put("/api/schema", other | {"primaryKey": {"name": "email", "type": "Email"}})
    answer = workspace.send(identify("phone", ada), trigger("phone", "$set", email=workspace.email("eve"), plan="pro"))
    assert warnings(answer) == {("primary-key-fixed", "/batch/1/payload/email")}
    assert workspace.stack.settle()
    assert workspace.customer(ada)["attributes"] == {"email": ada, "plan": "pro"}
    refused = workspace.request("PUT", "/api/schema", other)
    assert (refused.status_code, refused.json()["code"]) == (409, "primary-key-in-use")
    workspace.put("/api/schema", other | {"primaryKey": {"name": "email", "type": "Email"}, "timezone": "Europe/Berlin"})


@pytest.mark.parametrize("key", ["phone", "mail", "_ID", ""])
def test_a_correlation_key_that_the_schema_does_not_know_is_refused(workspace: Workspace, key: str) -> None:
    """`_id`, or the name of the primary key; the answer says which."""
    answer = workspace.send(trigger("x", "seen") | {"correlationKey": key})
    [result] = answer.json()["results"]
    assert (result["error"]["code"], result["error"]["pointer"]) == ("unknown-correlation-key", "/batch/0/correlationKey")
    assert re.search("_id.*email", result["error"]["detail"])
