"""The settings of a workspace through the management function, and what they mean for a publication."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.fakes.api_client import call, new_workspace, send

JOURNEY = {
    "entry": {"event": "signed_up"},
    "steps": [
        {"id": "hello", "type": "message", "channel": "email", "template": {"subject": "Hi", "text": "Hello"}, "next": "end"},
        {"id": "end", "type": "exit"},
    ],
}


@pytest.fixture(autouse=True)
def workspace(tables: None) -> str:
    """The id of a new workspace."""
    return new_workspace()


def put(senders: list[str], if_match: str | None = None) -> tuple[int, str | None, Any]:
    """Status, ETag and JSON of the response to `PUT /api/settings`."""
    headers = {"If-Match": if_match} if if_match else {}
    response = send("PUT", "/api/settings", json.dumps({"senders": senders}), headers=headers)
    body = json.loads(response["body"])
    return response["statusCode"], response["headers"].get("ETag"), {"senders": body["senders"]} if "senders" in body else body


def stored_senders() -> tuple[int, str, Any]:
    """Status, ETag and the senders in the response to `GET /api/settings`."""
    response = send("GET", "/api/settings")
    return response["statusCode"], response["headers"]["ETag"], json.loads(response["body"])["senders"]


def test_settings_are_replaced_and_read() -> None:
    """A new workspace has no senders of its own; a PUT replaces them, and each revision has another ETag."""
    assert stored_senders() == (200, '"0"', [])
    assert put(["news@shop.example", "@shop.example"]) == (200, '"1"', {"senders": ["news@shop.example", "@shop.example"]})
    assert put(["news@shop.example"]) == (200, '"2"', {"senders": ["news@shop.example"]})
    assert stored_senders() == (200, '"2"', ["news@shop.example"])
    new_workspace()
    assert stored_senders()[2] == []


def test_a_change_of_settings_that_changed_meanwhile_is_refused() -> None:
    """An `If-Match` of an older revision changes nothing and is answered with 412; the present one, also in a list, and `*` are taken."""
    assert put(["a@shop.example"], '"0"')[:2] == (200, '"1"')
    status, _, problem = put(["b@shop.example"], '"0"')
    assert (status, problem["code"]) == (412, "precondition-failed")
    assert stored_senders()[2] == ["a@shop.example"]
    assert put(["b@shop.example"], '"0", "1"')[:2] == (200, '"2"')
    assert put(["c@shop.example"], "*")[:2] == (200, '"3"')


@pytest.mark.parametrize(
    "senders", [["news"], ["a@shop.example, b@shop.example"], ["x@shop.example"] * 101, "@shop.example"], ids=["word", "two", "101", "text"]
)
def test_settings_that_are_wrong_are_refused(senders: Any) -> None:
    """A sender is an address or a domain, and a workspace has at most 100 of them."""
    status, problem = call("PUT", "/api/settings", {"senders": senders})
    assert (status, problem["code"]) == (422, "invalid")
    assert problem["errors"][0]["pointer"].startswith("/senders")


def publish(sender: str, journey: str = "welcome") -> tuple[int, Any]:
    """Status and JSON of the publication of a journey whose template names this sender."""
    definition = json.loads(json.dumps(JOURNEY))
    definition["steps"][0]["template"]["from"] = sender
    assert call("PUT", f"/api/journeys/{journey}", definition)[0] in (200, 201)
    return call("POST", f"/api/journeys/{journey}/publish")


def test_a_sender_that_the_workspace_does_not_have_is_refused_at_publish() -> None:
    """A fixed sender must be one of the workspace, at once after the settings are saved; a template tag in front of it changes nothing."""
    for sender in ("News <news@shop.example>", "{{ customer.shop }} <news@shop.example>"):
        status, problem = publish(sender)
        [error] = problem["errors"]
        assert (status, error["code"], error["pointer"]) == (422, "sender-not-allowed", "/steps/0/template/from")
        assert "news@shop.example" in error["detail"]
    put(["@shop.example"])
    assert publish("News <news@shop.example>")[0] == 200


def test_a_sender_that_a_template_fills_in_is_not_checked_at_publish() -> None:
    """An address that is known only at the time of sending is no fault of a definition, and neither is the stack's sender."""
    assert publish("{{ customer.from }}")[0] == 200
    assert publish("News <{{ customer.from }}>", "other")[0] == 200
    assert publish("", "default")[0] == 200


TEXTS = {
    "entry": {"event": "signed_up"},
    "steps": [
        {"id": "own", "type": "message", "channel": "sms", "template": {"text": "Hi", "to": "{{ customer.other }}"}, "next": "text"},
        {"id": "text", "type": "message", "channel": "sms", "template": {"text": "Hi"}, "next": "end"},
        {"id": "end", "type": "exit"},
    ],
}


def test_an_address_attribute_that_no_schema_knows_is_refused_at_publish() -> None:
    """The step without `to` is refused until the schema has the attribute that the settings name; the default needs no schema."""
    call("PUT", "/api/journeys/texts", TEXTS)
    call("PUT", "/api/settings", {"addressAttributes": {"sms": "mobil"}})
    status, problem = call("POST", "/api/journeys/texts/publish")
    assert (status, [(each["code"], each["pointer"]) for each in problem["errors"]]) == (422, [("unknown-attribute", "/steps/1/template")])
    call("PUT", "/api/schema", {"attributes": {"mobil": "String"}})
    assert call("POST", "/api/journeys/texts/publish")[0] == 200


def test_only_a_channel_with_addresses_of_customers_has_an_address_attribute() -> None:
    """A webhook, and a channel that does not exist, are refused."""
    for channel in ("webhook", "pigeon"):
        assert call("PUT", "/api/settings", {"addressAttributes": {channel: "a"}})[0] == 422
    assert call("PUT", "/api/settings", {"addressAttributes": {"sms": "mobile", "email": "work"}})[0] == 200
    assert call("GET", "/api/settings")[1]["addressAttributes"] == {"sms": "mobile", "email": "work"}
