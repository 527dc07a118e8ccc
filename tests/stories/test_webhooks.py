"""Webhooks to a real server: signature, retries and final failures."""

from __future__ import annotations

import json
import time
from typing import Any

from standardwebhooks.webhooks import Webhook

from functions.local.stack import Stack
from tests.stories.backends import both_backends
from tests.stories.http_client import http
from tests.stories.webhook_server import WebhookServer
from tests.stories.workspace import Workspace, identify, trigger


def calling(url: str) -> dict[str, Any]:
    """A journey that calls a webhook with the customer's e-mail address and the total of the event."""
    template = {"url": url, "json": {"who": "{{ customer.email }}", "total": "{{ event.payload.total }}"}}
    steps = [{"id": "call", "type": "message", "channel": "webhook", "template": template, "next": "end"}, {"id": "end", "type": "exit"}]
    return {"id": "calls", "name": "calls", "entry": {"event": "bought", "reentry": {"mode": "always"}}, "steps": steps}


@both_backends
def test_the_signature_of_a_webhook_is_valid(workspace: Workspace, receiver: WebhookServer) -> None:
    """The body is rendered, and its signature is valid under the secret of the workspace."""
    secret = workspace.get("/api/webhooks/secret")["secret"]
    workspace.publish(calling(receiver.url))
    workspace.send(identify("d1", workspace.email("hook")), trigger("d1", "bought", total=12.5))
    assert workspace.stack.settle()
    [(headers, body)] = receiver.requests
    assert Webhook(secret).verify(body, headers) == {"who": workspace.email("hook"), "total": "12.5"}
    [message] = workspace.get("/api/messages?journey=calls")["items"]
    assert (message["id"], message["status"]) == (headers["webhook-id"], "sent")


def test_a_webhook_is_retried_with_the_same_id_after_a_503(workspace: Workspace, receiver: WebhookServer) -> None:
    """After a 503 the message stays pending, is sent again after some seconds with the same id, and then has the status `sent`."""
    receiver.statuses.append(503)
    workspace.publish(calling(receiver.url))
    workspace.send(identify("d1", workspace.email("later")), trigger("d1", "bought", total=1))
    assert workspace.stack.settle()
    [message] = workspace.get("/api/messages?journey=calls")["items"]
    assert message["status"] == "pending"
    assert _until_sent(workspace)["status"] == "sent"
    assert {headers["webhook-id"] for headers, _ in receiver.requests} == {message["id"]}
    assert len(receiver.requests) == 2


def test_a_webhook_is_not_retried_after_a_400(workspace: Workspace, receiver: WebhookServer) -> None:
    """After a 400 the message has the status `failed` with one attempt, and the receiver gets no second request."""
    receiver.statuses.append(400)
    workspace.publish(calling(receiver.url))
    workspace.send(identify("d1", workspace.email("no")), trigger("d1", "bought", total=1))
    assert workspace.stack.settle()
    [message] = workspace.get("/api/messages?journey=calls")["items"]
    assert (message["status"], len(message["attempts"]), len(receiver.requests)) == ("failed", 1, 1)
    assert json.loads(receiver.requests[0][1])["who"] == workspace.email("no")


def _until_sent(workspace: Workspace) -> dict[str, Any]:
    for _ in range(100):
        [message] = workspace.get("/api/messages?journey=calls")["items"]
        if message["status"] not in ("pending", "sending"):
            break
        time.sleep(0.1)
    found: dict[str, Any] = message
    return found


def test_a_webhook_that_fails_twice_is_sent_by_the_third_attempt(advancing: Stack, receiver: WebhookServer) -> None:
    """After 500 and 500 the receiver gets the message a third time, a minute later by the clock, and all three attempts are shown."""
    workspace = Workspace.create(advancing)
    receiver.statuses += [500, 500]
    workspace.publish(calling(receiver.url))
    workspace.send(identify("d1", workspace.email("third")), trigger("d1", "bought", total=1))
    http.post(f"{advancing.url}/_local/clock", json={"advance": "PT5M"}, timeout=180).raise_for_status()
    [message] = workspace.get("/api/messages?journey=calls")["items"]
    assert (message["status"], [each["outcome"] for each in message["attempts"]]) == ("sent", ["refused", "refused", "sent"])
    assert [each["detail"] for each in message["attempts"]] == ["HTTP 500", "HTTP 500", "HTTP 200"]
    assert {headers["webhook-id"] for headers, _ in receiver.requests} == {message["id"]}
