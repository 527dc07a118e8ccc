"""Text messages over HTTP: sent, reported, stopped by STOP and started again, on both backends."""

from __future__ import annotations

import time
from typing import Any
from uuid import uuid4

import httpx

from tests.stories.backends import both_backends
from tests.stories.workspace import Workspace, identify, trigger

JOURNEY: dict[str, Any] = {
    "id": "texts",
    "entry": {"event": "ordered", "reentry": {"mode": "always"}},
    "steps": [
        {"id": "text", "type": "message", "channel": "sms", "template": {"text": "Hello {{ customer.first_name }}"}, "next": "end"},
        {"id": "end", "type": "exit"},
    ],
}


def new_number() -> str:
    """A phone number that no other test uses."""
    return f"+4915{uuid4().int % 10**9:09d}"


def order(workspace: Workspace) -> dict[str, Any]:
    """Lets the customer order something, and returns the newest message."""
    workspace.send(trigger("a", "ordered"))
    assert workspace.stack.settle()
    items: list[dict[str, Any]] = workspace.get("/api/messages?journey=texts")["items"]
    return items[0]


def receive(workspace: Workspace, number: str, text: str) -> None:
    """Sends a text from a phone to the number of the stack."""
    response = httpx.post(f"{workspace.stack.url}/_local/texts", json={"from": number, "text": text}, timeout=30)
    assert response.status_code == 202
    assert workspace.stack.settle()


@both_backends
def test_a_stop_ends_texts_and_a_start_brings_them_back(workspace: Workspace) -> None:
    """A text is sent and delivered; after STOP the number is suppressed and the customer unsubscribed; after START texts come again."""
    number = new_number()

    workspace.publish(JOURNEY)
    workspace.send(identify("a", workspace.email("ada"), first_name="Ada", phone=number))
    message = order(workspace)
    assert (message["status"], message["to"]) == ("sent", number)
    [text] = [each for each in httpx.get(f"{workspace.stack.url}/_local/texts", timeout=30).json()["items"] if each["to"] == number]
    assert (text["text"], text["context"]) == ("Hello Ada", {"waypost-message": message["id"], "waypost-workspace": workspace.id})

    receive(workspace, number, "STOP")
    [suppression] = workspace.get(f"/api/suppressions?channel=sms&address=%2B{number[1:]}")["items"]
    assert (suppression["reason"], suppression["source"]) == ("opted-out", "provider")
    stopped = order(workspace)
    assert stopped["id"] != message["id"]
    assert (stopped["status"], stopped["reason"]) in {("skipped", "unsubscribed"), ("skipped", "suppressed")}

    # The SNS of the emulator stamps whole seconds, and of two texts of one moment a STOP counts.
    time.sleep(1)
    receive(workspace, number, "Start")
    assert workspace.get(f"/api/suppressions?channel=sms&address=%2B{number[1:]}")["items"] == []
    assert order(workspace)["status"] == "sent"


@both_backends
def test_an_opt_out_at_the_provider_alone_suppresses(workspace: Workspace) -> None:
    """A number that AWS has opted out is skipped as suppressed at the first text, whatever the workspace knew."""
    number = new_number()
    workspace.publish(JOURNEY)
    workspace.send(identify("a", workspace.email("bob"), first_name="Bob", phone=number))
    plan = {"error": "ConflictException", "body": {"Reason": "DESTINATION_PHONE_NUMBER_OPTED_OUT"}}
    httpx.post(f"{workspace.stack.url}/_local/responses", json={"to": number, "responses": [plan]}, timeout=30).raise_for_status()
    message = order(workspace)
    assert (message["status"], message["reason"], message["attempts"][-1]["outcome"]) == ("skipped", "suppressed", "opted-out")
    [suppression] = workspace.get(f"/api/suppressions?channel=sms&address=%2B{number[1:]}")["items"]
    assert suppression["reason"] == "opted-out"


@both_backends
def test_a_delivery_is_reported(workspace: Workspace) -> None:
    """The documented event about a delivered text sets the message to `delivered`."""
    number = new_number()
    workspace.publish(JOURNEY)
    workspace.send(identify("a", workspace.email("cid"), first_name="Cid", phone=number))
    message = order(workspace)
    detail = {
        "eventType": "TEXT_DELIVERED",
        "eventVersion": "1.0",
        "eventTimestamp": 1729099299998,
        "isFinal": True,
        "messageId": message["attempts"][-1]["detail"].split()[0],
        "messageStatus": "DELIVERED",
        "context": {"waypost-message": message["id"], "waypost-workspace": workspace.id},
    }
    event = {"source": "aws.sms-voice", "detail-type": "Text Message Delivery Status Updated", "detail": detail}
    httpx.post(f"{workspace.stack.url}/_local/reports", json=event, timeout=30).raise_for_status()
    assert workspace.stack.settle()
    assert workspace.get(f"/api/messages/{message['id']}")["status"] == "delivered"
