"""Messages over HTTP: rendering, skips, suppressed endpoints, redrive and signatures."""

from __future__ import annotations

import time
from typing import Any

from tests.stories.webhook_server import WebhookServer
from tests.stories.workspace import Workspace, identify, trigger


def sending(template: dict[str, Any], channel: str = "email", **step: Any) -> dict[str, Any]:
    """A journey of one message, which each event `go` sends."""
    steps = [
        {"id": "message", "type": "message", "channel": channel, "template": template, "next": "end", **step},
        {"id": "end", "type": "exit"},
    ]
    return {"id": "sending", "name": "Sending", "entry": {"event": "go", "reentry": {"mode": "always"}}, "steps": steps}


def the_message(workspace: Workspace) -> dict[str, Any]:
    """The only message of that journey, when everything that is due is done."""
    assert workspace.stack.settle()
    [message] = workspace.get("/api/messages?journey=sending")["items"]
    read: dict[str, Any] = workspace.get(f"/api/messages/{message['id']}")
    return read


def test_an_email_is_rendered_from_template_customer_and_event(workspace: Workspace) -> None:
    """Values are escaped in HTML and unchanged in text, a missing value is empty, and the API shows what was sent."""
    template = {
        "subject": "Hi {{ customer.first_name }}{{ customer.missing }}",
        "text": "{{ customer.first_name }} spent {{ event.payload.total }}",
        "html": "<p>{{ customer.first_name }}</p>",
    }
    workspace.publish(sending(template))
    workspace.send(identify("d1", workspace.email("zoe"), first_name="Zoë <3"), trigger("d1", "go", total=12.5))
    message = the_message(workspace)
    assert (message["status"], message["to"]) == ("sent", workspace.email("zoe"))
    assert message["rendered"]["subject"] == "Hi Zoë <3"
    assert message["rendered"]["text"] == "Zoë <3 spent 12.5"
    assert message["rendered"]["html"] == "<p>Zoë &lt;3</p>"
    [mail] = workspace.mails_to(workspace.email("zoe"))
    assert mail["subject"] == "Hi Zoë <3"


def test_a_message_with_a_strict_template_and_a_missing_value_is_skipped(workspace: Workspace) -> None:
    """A message whose strict template lacks a value is skipped, and its attempt names the value."""
    workspace.publish(sending({"subject": "Hi {{ customer.first_name }}", "text": "Hello"}, strict=True))
    workspace.send(identify("d1", workspace.email("nameless")), trigger("d1", "go"))
    message = the_message(workspace)
    assert (message["status"], message["reason"]) == ("skipped", "template")
    assert "first_name" in message["attempts"][-1]["detail"]
    assert not workspace.mails_to(workspace.email("nameless"))


def test_an_email_goes_to_the_address_in_its_template(workspace: Workspace) -> None:
    """`to` of a template replaces the address of the customer, and may come from the event."""
    workspace.publish(sending({"to": "{{ event.payload.friend }}", "subject": "Hello", "text": "A friend says hello."}))
    workspace.send(identify("d1", workspace.email("ada")), trigger("d1", "go", friend=workspace.email("bob")))
    assert the_message(workspace)["to"] == workspace.email("bob")
    assert len(workspace.mails_to(workspace.email("bob"))) == 1
    assert not workspace.mails_to(workspace.email("ada"))


def test_an_endpoint_that_is_gone_is_suppressed(workspace: Workspace, receiver: WebhookServer) -> None:
    """After a 410 the next message to the same URL is skipped with the reason `suppressed`, and the endpoint gets no request."""
    receiver.statuses.append(410)
    workspace.publish(sending({"url": receiver.url, "json": {}}, "webhook"))
    workspace.send(identify("d1", workspace.email("ada")), trigger("d1", "go"))
    assert the_message(workspace)["reason"] == "endpoint-gone"
    workspace.send(trigger("d1", "go"))
    assert workspace.stack.settle()
    newest, _ = workspace.get("/api/messages?journey=sending")["items"]
    assert (newest["status"], newest["reason"]) == ("skipped", "suppressed")
    assert len(receiver.requests) == 1


def test_a_failed_webhook_can_be_redriven(workspace: Workspace, receiver: WebhookServer) -> None:
    """A webhook that failed is a dead letter with its reason; a redrive sends it with the same id and the same body."""
    receiver.statuses.append(404)
    workspace.publish(sending({"url": receiver.url, "json": {"who": "{{ customer.email }}"}}, "webhook"))
    workspace.send(identify("d1", workspace.email("ada")), trigger("d1", "go"))
    failed = the_message(workspace)
    assert (failed["status"], failed["reason"]) == ("failed", "rejected")
    [parked] = workspace.get("/api/dead-letters")["items"]
    assert (parked["kind"], parked["reason"]) == ("message", "rejected")
    workspace.post("/api/dead-letters/redrive", {"id": parked["id"]})
    redriven = the_message(workspace)
    assert (redriven["status"], [attempt["outcome"] for attempt in redriven["attempts"]]) == ("sent", ["failed", "sent"])
    (first, body), (second, same_body) = receiver.requests
    assert (first["webhook-id"], body) == (second["webhook-id"], same_body)
    assert workspace.get("/api/dead-letters")["items"] == []


def test_both_secrets_sign_during_a_rotation(workspace: Workspace, receiver: WebhookServer) -> None:
    """After a rotation of the secret a webhook has two signatures, and the API shows the new secret."""
    before = workspace.get("/api/webhooks/secret")["secret"]
    after = workspace.post("/api/webhooks/secret")["secret"]
    assert before != after == workspace.get("/api/webhooks/secret")["secret"]
    workspace.publish(sending({"url": receiver.url, "json": {}}, "webhook"))
    workspace.send(identify("d1", workspace.email("ada")), trigger("d1", "go"))
    assert the_message(workspace)["status"] == "sent"
    [(headers, _)] = receiver.requests
    assert len(headers["webhook-signature"].split()) == 2
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60


def test_a_suppressed_endpoint_is_lifted_and_gets_its_message(workspace: Workspace, receiver: WebhookServer) -> None:
    """An endpoint that answered 410 is listed with its address; after it is lifted, a redrive sends the message that failed."""
    receiver.statuses.append(410)
    workspace.publish(sending({"url": receiver.url, "json": {}}, channel="webhook"))
    workspace.send(identify("d1", workspace.email("gone")), trigger("d1", "go"))
    message = the_message(workspace)
    assert (message["status"], message["reason"]) == ("failed", "endpoint-gone")
    [suppressed] = workspace.get("/api/suppressions")["items"]
    assert (suppressed["channel"], suppressed["address"], suppressed["message"]) == ("webhook", receiver.url, message["id"])
    lifted = workspace.request("DELETE", "/api/suppressions", {"channel": "webhook", "address": receiver.url})
    assert lifted.status_code == 204
    assert workspace.post("/api/dead-letters/redrive") == {"redriven": 1, "next": None}
    assert the_message(workspace)["status"] == "sent"
    assert workspace.get("/api/suppressions")["items"] == []


def test_a_journey_sends_from_the_senders_of_its_workspace_only(workspace: Workspace) -> None:
    """A sender that the workspace does not list is refused at publish, or by the send function; once it is listed, it can be published."""
    fixed = sending({"subject": "Hi", "text": "Hello", "from": "Shop <news@shop.example.com>"})
    workspace.put("/api/journeys/sending", fixed)
    refused = workspace.request("POST", "/api/journeys/sending/publish")
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "sender-not-allowed")
    workspace.publish(sending({"subject": "Hi", "text": "Hello", "from": "{{ event.payload.from }}"}))
    workspace.send(identify("d1", workspace.email("ada")), trigger("d1", "go", **{"from": "news@shop.example.com"}))
    message = the_message(workspace)
    assert (message["status"], message["reason"]) == ("failed", "no-sender")
    assert workspace.mails_to(workspace.email("ada")) == []
    assert workspace.put("/api/settings", {"senders": ["@shop.example.com"]})["senders"] == ["@shop.example.com"]
    workspace.publish(fixed)
