"""Consent over HTTP: who has unsubscribed gets nothing, whatever was on its way, and receipts still go out."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from tests.stories.webhook_server import WebhookServer
from tests.stories.workspace import Workspace, identify, trigger

TEMPLATE = {"subject": "Hello", "text": "Because of {{ event.name }}."}
END = {"id": "end", "type": "exit"}


def sending(journey: str, event: str, **step: Any) -> dict[str, Any]:
    """A journey of one message, which each event of this name sends."""
    message = {"id": "message", "type": "message", "channel": "email", "template": TEMPLATE, "next": "end", **step}
    return {"id": journey, "entry": {"event": event, "reentry": {"mode": "always"}}, "steps": [message, END]}


def outcomes(workspace: Workspace, journey: str) -> list[tuple[str, str | None]]:
    """Status and reason of the messages of a journey, oldest first, when everything that is due is done."""
    assert workspace.stack.settle()
    return [(each["status"], each["reason"]) for each in reversed(workspace.get(f"/api/messages?journey={journey}")["items"])]


def hold(workspace: Workspace, method: str, body: Any = None) -> dict[str, Any]:
    """Begins, shows or ends the hold of the local run on calls of AWS."""
    answer = httpx.request(method, f"{workspace.stack.url}/_local/holds", json=body, timeout=30)
    held: dict[str, Any] = answer.raise_for_status().json()
    return held


def id_of(workspace: Workspace, email: str) -> str:
    """The id of a customer, when everything that is due is done."""
    assert workspace.stack.settle()
    found: str = workspace.customer(email)["id"]
    return found


def state_of(workspace: Workspace, customer: str, topic: str, channel: str = "email") -> str:
    """The state of a topic."""
    [state] = [
        each["state"]
        for each in workspace.get(f"/api/customers/{customer}/consents")["states"]
        if (each["topic"], each["channel"]) == (topic, channel)
    ]
    return str(state)


def test_who_unsubscribes_gets_receipts_only_until_it_subscribes_again(workspace: Workspace) -> None:
    """An `$unsubscribe` of an event skips what is not transactional, and a `$subscribe` lets it go out again."""
    ada = workspace.email("ada")
    workspace.publish(sending("news", "published"))
    workspace.publish(sending("receipts", "paid", transactional=True))
    workspace.send(identify("d1", ada), trigger("d1", "$unsubscribe", textVersion="v1"))
    assert workspace.stack.settle()
    workspace.send(trigger("d1", "published"), trigger("d1", "paid"))
    assert outcomes(workspace, "news") == [("skipped", "unsubscribed")]
    assert outcomes(workspace, "receipts") == [("sent", None)]
    workspace.send(trigger("d1", "$subscribe", topic="general", channel="email"))
    assert workspace.stack.settle()
    workspace.send(trigger("d1", "published"))
    assert outcomes(workspace, "news") == [("skipped", "unsubscribed"), ("sent", None)]
    assert len(workspace.mails_to(ada)) == 2
    history = workspace.get(f"/api/customers/{id_of(workspace, ada)}/consents")["items"]
    assert [(each["state"], each["topic"], each["channel"], each["textVersion"]) for each in history] == [
        ("subscribed", "general", "email", None),
        ("unsubscribed", None, None, "v1"),
    ]


def test_double_opt_in_sends_nothing_before_the_confirmation(workspace: Workspace) -> None:
    """A subscription to a topic with double opt-in is pending; the API confirms it, and a stop in between takes the confirmation away."""
    ada = workspace.email("ada")
    workspace.put("/api/settings", {"topics": [{"id": "news", "default": "unsubscribed", "doubleOptIn": True}]})
    workspace.publish(sending("news", "published", topic="news"))
    workspace.send(identify("d1", ada), trigger("d1", "published"))
    assert outcomes(workspace, "news") == [("skipped", "unsubscribed")]
    workspace.send(trigger("d1", "$subscribe", topic="news", confirmed=True))
    customer = id_of(workspace, ada)
    assert state_of(workspace, customer, "news") == "pending"
    workspace.send(trigger("d1", "published"))
    assert outcomes(workspace, "news")[1:] == [("skipped", "pending-consent")]
    queued = workspace.request("POST", f"/api/customers/{customer}/consents", {"topic": "news", "state": "subscribed", "confirmed": True})
    assert queued.status_code == 202
    assert workspace.stack.settle()
    assert workspace.get(f"/api/events/{queued.json()['uuid']}")["event"] == "$subscribe"
    workspace.send(trigger("d1", "published"))
    assert outcomes(workspace, "news")[2:] == [("sent", None)]
    workspace.post(f"/api/customers/{customer}/consents", {"topic": "news", "state": "unsubscribed"})
    assert workspace.stack.settle()
    workspace.send(trigger("d1", "$subscribe", topic="news"))
    assert workspace.stack.settle()
    assert state_of(workspace, customer, "news") == "pending"


def test_an_unsubscription_stops_a_message_that_waits_for_its_retry(workspace: Workspace, receiver: WebhookServer) -> None:
    """A message that its receiver has refused is not sent again to a customer who has unsubscribed meanwhile."""
    receiver.statuses.append(503)
    workspace.publish(sending("hooks", "go", channel="webhook", template={"url": receiver.url, "json": {}}))
    workspace.send(identify("d1", workspace.email("ada")), trigger("d1", "go"))
    assert workspace.stack.settle()
    workspace.send(trigger("d1", "$unsubscribe", channel="webhook"))
    assert outcomes(workspace, "hooks") in ([("pending", None)], [("skipped", "unsubscribed")])
    end = time.monotonic() + 30
    while outcomes(workspace, "hooks") == [("pending", None)] and time.monotonic() < end:
        time.sleep(1)
    assert outcomes(workspace, "hooks") == [("skipped", "unsubscribed")]
    assert len(receiver.requests) == 1


def test_an_unsubscription_between_claim_and_call_stops_the_message(workspace: Workspace) -> None:
    """An unsubscription that comes after the claim of a message and before the call of its provider skips it, and nothing is sent.

    The sender asks whether it may send right after the claim. The local run holds this read back until the unsubscription is recorded.
    """
    ada = workspace.email("ada")
    workspace.publish(sending("news", "published"))
    workspace.send(identify("d1", ada), trigger("d1", "$set", plan="free"))
    assert workspace.stack.settle()
    hold(workspace, "POST", {"operation": "BatchGetItem", "containing": [workspace.id, "suppressed/email/"]})
    workspace.send(trigger("d1", "published"))
    end = time.monotonic() + 60
    while hold(workspace, "GET")["held"] == 0 and time.monotonic() < end:
        time.sleep(0.02)
    claimed = workspace.get("/api/messages?journey=news")["items"]
    workspace.send(trigger("d1", "$unsubscribe"))
    hold(workspace, "DELETE")
    assert [each["status"] for each in claimed] == ["sending"]
    assert outcomes(workspace, "news") == [("skipped", "unsubscribed")]
    assert workspace.mails_to(ada) == []


def test_a_journey_exits_and_another_one_enters_on_an_unsubscription(workspace: Workspace) -> None:
    """An unsubscription by the API is an event: it ends the runs of a journey and starts those of another one."""
    waiting = {"id": "wait", "type": "timeDelay", "delay": "P30D", "next": "end"}
    workspace.publish({"id": "series", "entry": {"event": "go"}, "exit": [{"event": "$unsubscribe"}], "steps": [waiting, END]})
    workspace.publish(sending("goodbye", "$unsubscribe", transactional=True))
    ada = workspace.email("ada")
    workspace.send(identify("d1", ada), trigger("d1", "go"))
    customer = id_of(workspace, ada)
    workspace.post(f"/api/customers/{customer}/consents", {"state": "unsubscribed"})
    assert workspace.stack.settle()
    runs = {run["journey"]: run for run in workspace.get(f"/api/customers/{customer}")["runs"]}
    assert (runs["series"]["status"], runs["series"]["reason"]) == ("exited", "exit-event")
    assert outcomes(workspace, "goodbye") == [("sent", None)]


def test_an_import_unsubscribes_customers_and_moves_no_journey(workspace: Workspace) -> None:
    """Opt-outs of another system hold for customers that exist and for those that come later; a repeat changes nothing."""
    ada, eve = workspace.email("ada"), workspace.email("eve")
    workspace.publish(sending("news", "published"))
    workspace.publish(sending("goodbye", "$unsubscribe"))
    workspace.send(identify("d1", ada))
    customer = id_of(workspace, ada)
    rows = [{"primaryKey": each, "channel": "email", "state": "unsubscribed", "at": "2026-01-01T00:00:00Z"} for each in (ada, eve)]
    for _ in range(2):
        assert workspace.post("/api/consents/import", {"items": rows}) == {"imported": 2}
        assert workspace.stack.settle()
    workspace.send(trigger("d1", "published"), identify("d2", eve), trigger("d2", "published"))
    assert outcomes(workspace, "news") == [("skipped", "unsubscribed")] * 2
    assert outcomes(workspace, "goodbye") == []
    [recorded] = workspace.get(f"/api/customers/{customer}/consents")["items"]
    assert (recorded["source"], recorded["at"]) == ("import", "2026-01-01T00:00:00.000Z")


def test_an_unsubscription_wins_a_merge(workspace: Workspace) -> None:
    """The device of an anonymous customer who has unsubscribed stops the messages of the customer that it turns out to be."""
    ada = workspace.email("ada")
    workspace.publish(sending("news", "published"))
    workspace.send(identify("d1", ada), trigger("d1", "$subscribe"), trigger("d2", "$unsubscribe", topic="general"))
    assert workspace.stack.settle()
    workspace.send(identify("d2", ada))
    assert workspace.stack.settle()
    workspace.send(trigger("d1", "published"))
    assert outcomes(workspace, "news") == [("skipped", "unsubscribed")]
    history = workspace.get(f"/api/customers/{id_of(workspace, ada)}/export")["consents"]
    assert {(each["state"], each["topic"]) for each in history} == {("subscribed", None), ("unsubscribed", "general")}


def test_an_erasure_does_not_undo_an_unsubscription(workspace: Workspace) -> None:
    """A new customer with the address of an erased one who had unsubscribed gets nothing, until it subscribes itself."""
    ada = workspace.email("ada")
    workspace.publish(sending("news", "published"))
    workspace.send(identify("d1", ada), trigger("d1", "$unsubscribe"))
    customer = id_of(workspace, ada)
    assert workspace.request("DELETE", f"/api/customers/{customer}").json()["removed"]["consents"] == 1
    workspace.send(identify("d9", ada), trigger("d9", "published"))
    assert outcomes(workspace, "news") == [("skipped", "unsubscribed")]
    newcomer = id_of(workspace, ada)
    assert newcomer != customer
    assert workspace.get(f"/api/customers/{newcomer}/consents")["items"] == []
    assert workspace.get("/api/suppressions")["items"] == []
    workspace.send(trigger("d9", "$subscribe", topic="general"))
    assert workspace.stack.settle()
    workspace.send(trigger("d9", "published"))
    assert outcomes(workspace, "news")[1:] == [("sent", None)]


@pytest.mark.parametrize(
    ("payload", "source", "code", "pointer"),
    [
        ({"topic": "no topic"}, "custom", "bad-topic", "/batch/0/payload/topic"),
        ({"channel": "pigeon"}, "custom", "bad-channel", "/batch/0/payload/channel"),
        ({}, "provider", "reserved-source", "/batch/0/source"),
    ],
    ids=["topic", "channel", "source"],
)
def test_a_consent_that_cannot_be_recorded_is_rejected(
    workspace: Workspace, payload: dict[str, Any], source: str, code: str, pointer: str
) -> None:
    """The intake answers with a code and a pointer, because a stop that nobody records would be lost."""
    answer = workspace.send({**trigger("d1", "$unsubscribe", **payload), "source": source})
    assert answer.status_code == 422
    error = answer.json()["results"][0]["error"]
    assert (error["code"], error["pointer"]) == (code, pointer)
