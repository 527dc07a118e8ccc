"""The settings of a workspace through the management function, and what they mean for a publication."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.fakes.api_client import call, new_workspace, send
from waypost import wiring
from waypost.adapters.dynamodb.workspaces import DynamoWorkspaces
from waypost.adapters.ses_account import SesAccount
from waypost.domain.customers.schema import Schema, StoredSchema
from waypost.domain.messages.message import WHOLE_WORKSPACE
from waypost.domain.messages.sending_quota import SendingQuota
from waypost.domain.signal_codec import from_wire
from waypost.domain.signals import JourneyResumed, QueueMessage
from waypost.domain.values.exact_json import loads
from waypost.manage.lifecycle import SECOND_PASS_AFTER

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


def put_schema(timezone: str, if_match: str | None = None) -> tuple[int, str | None, Any]:
    """Status, ETag and JSON of the response to `PUT /api/schema`."""
    headers = {"If-Match": if_match} if if_match else {}
    response = send("PUT", "/api/schema", json.dumps({"timezone": timezone}), headers=headers)
    return response["statusCode"], response["headers"].get("ETag"), json.loads(response["body"])


def test_a_change_of_a_schema_that_changed_meanwhile_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """An `If-Match` of another schema changes nothing and is answered with 412; the present one and `*` are taken, and so is none."""
    first = send("GET", "/api/schema")["headers"]["ETag"]
    status, second, _ = put_schema("Europe/Berlin", first)
    assert (status, second) == (200, send("GET", "/api/schema")["headers"]["ETag"])
    assert second != first
    status, _, problem = put_schema("Europe/Oslo", first)
    assert (status, problem["code"]) == (412, "precondition-failed")
    assert call("GET", "/api/schema")[1]["timezone"] == "Europe/Berlin"
    assert put_schema("Europe/Oslo", "*")[0] == 200
    assert put_schema("UTC")[0] == 200
    monkeypatch.setattr(DynamoWorkspaces, "stored_schema", lambda *_: StoredSchema(Schema(), ""))  # what was read before another one wrote
    assert put_schema("Europe/Rome", first)[0] == 412


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


DAILY = {"messages": 3, "per": "P1D", "otherwise": "skip"}


def test_caps_are_stored_as_they_were_given() -> None:
    """Caps come back with every field, a missing one null or its default, and with the text of their duration."""
    caps = [{**DAILY, "id": "daily", "per": "P1W"}, {"messages": 1, "per": "PT1H", "topic": "news", "channel": "webhook"}]
    status, saved = call("PUT", "/api/settings", {"topics": [{"id": "news"}], "caps": caps})
    defaults = {"id": None, "topic": None, "channel": None, "otherwise": "wait"}
    assert (status, saved["caps"]) == (200, [defaults | each for each in caps])
    assert call("GET", "/api/settings")[1]["caps"] == saved["caps"]
    assert call("PUT", "/api/settings", {"caps": [{**DAILY, "topic": "general"}]})[0] == 200


@pytest.mark.parametrize(
    ("caps", "pointer", "code"),
    [
        ([DAILY, {**DAILY, "topic": "gossip"}], "/caps/1/topic", "unknown-topic"),
        ([{**DAILY, "channel": "pigeon"}], "/caps/0/channel", "unknown-choice"),
        ([{**DAILY, "per": "tomorrow"}], "/caps/0/per", "bad-duration"),
        ([{**DAILY, "per": "PT0S"}], "/caps/0/per", "too-short"),
        ([{"per": "P1D"}], "/caps/0/messages", "missing-field"),
        ([{**DAILY, "id": "a"}, {**DAILY, "id": "a"}], "/caps", "bad-value"),
        ([DAILY] * 11, "/caps", "bad-value"),
    ],
    ids=["topic", "channel", "duration", "zero", "no number", "ids", "eleven"],
)
def test_caps_that_are_wrong_are_refused(caps: list[Any], pointer: str, code: str) -> None:
    """A cap names a topic of the settings and a channel that exist, and settings have at most ten caps with different ids."""
    status, problem = call("PUT", "/api/settings", {"caps": caps})
    assert (status, [(each["pointer"], each["code"]) for each in problem["errors"]]) == (422, [(pointer, code)])


def test_the_account_of_ses_is_shown_and_cannot_be_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings show the sandbox and the quota; what a PUT sends back of them is ignored, and an outage of SES leaves null."""
    assert call("GET", "/api/settings")[1]["emailAccount"] is None  # moto has no GetAccount
    quota = SendingQuota(per_second=14, per_day=200, used=7, sandbox=True, enabled=True)
    monkeypatch.setattr(SesAccount, "quota", lambda _: quota)
    wiring.email_quota().next_read = None
    shown = {"sandbox": True, "sendingEnabled": True, "perSecond": 14.0, "perDay": 200.0, "last24Hours": 7.0}
    status, settings = call("GET", "/api/settings")
    assert (status, settings["emailAccount"]) == (200, shown)
    status, saved = call("PUT", "/api/settings", {**settings, "emailAccount": {"sandbox": False}})
    assert (status, saved) == (200, settings)


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


def put_switch(*, sending: bool) -> tuple[int, Any]:
    """Status and JSON of the response to a `PUT` with this switch."""
    return call("PUT", "/api/settings", {"sending": sending})


class FakeQueues:
    """The signals queue and the delays queue, in the order in which they got what they hold."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Any, timedelta | None]] = []
        self.full = False

    def send(self, queue_messages: Sequence[QueueMessage]) -> list[QueueMessage]:
        """Takes signals, unless the queue is full."""
        if self.full:
            return list(queue_messages)
        self.sent += [("signals", from_wire(loads(each.body)), None) for each in queue_messages]
        return []

    def put(self, queue_message: QueueMessage, delay: timedelta) -> None:
        """Takes a signal with a delay."""
        self.sent.append(("delays", from_wire(loads(queue_message.body)), delay))


@pytest.fixture
def queues(monkeypatch: pytest.MonkeyPatch) -> FakeQueues:
    """Both queues, which the management function finds in place of SQS."""
    fake = FakeQueues()
    dependencies = replace(wiring.managing(), signals=fake, delays=fake)
    monkeypatch.setattr(wiring, "managing", lambda: dependencies)
    return fake


def test_a_workspace_that_sends_again_releases_what_it_held(workspace: str, queues: FakeQueues) -> None:
    """Switching on sends the signal at once, and a second one that was put on the delays queue before; nothing else sends one."""
    assert call("GET", "/api/settings")[1]["sending"] is True
    put_switch(sending=True)
    put_switch(sending=False)
    assert call("GET", "/api/settings")[1]["sending"] is False
    assert queues.sent == []
    put_switch(sending=True)
    released = JourneyResumed(workspace, WHOLE_WORKSPACE, 3, phase="messages")
    assert queues.sent == [("delays", replace(released, pass_number=1), SECOND_PASS_AFTER), ("signals", released, None)]
    put_switch(sending=True)
    assert len(queues.sent) == 2


def test_a_switch_whose_signal_is_lost_is_released_by_the_second_pass(queues: FakeQueues) -> None:
    """If the signals queue takes nothing, the answer is 503; the workspace sends, and the delays queue has the second pass already."""
    put_switch(sending=False)
    queues.full = True
    assert put_switch(sending=True)[0] == 503
    assert call("GET", "/api/settings")[1]["sending"] is True
    assert [queue for queue, *_ in queues.sent] == ["delays"]


def test_a_switch_is_a_boolean() -> None:
    """A text or a number is refused with its pointer."""
    for wrong in ("false", 0, None):
        status, problem = call("PUT", "/api/settings", {"sending": wrong})
        assert (status, problem["errors"][0]["pointer"]) == (422, "/sending")
