"""Reports of SES over HTTP, suppressions that are lifted, and the switch of a workspace."""

from __future__ import annotations

from typing import Any

import httpx

from tests.fakes.ses_events import ses_event
from tests.stories.backends import both_backends
from tests.stories.test_messages import sending, the_message
from tests.stories.workspace import Workspace, identify, trigger

TEMPLATE = {"subject": "Hello", "text": "Hello"}


def report(workspace: Workspace, message: dict[str, Any], event_type: str, fields: dict[str, Any] | None = None) -> None:
    """Lets SES report an event about a message, and waits until everything that follows is done."""
    event = ses_event(event_type, fields, message=message["id"], workspace=workspace.id, to=[message["to"]])
    event["detail"][next(iter(set(event["detail"]) - {"eventType", "mail"}))]["timestamp"] = message["createdAt"]
    httpx.post(f"{workspace.stack.url}/_local/reports", json=event, timeout=30).raise_for_status()
    assert workspace.stack.settle()


def sent_message(workspace: Workspace) -> dict[str, Any]:
    """An e-mail that was sent to Ada."""
    workspace.publish(sending(TEMPLATE))
    workspace.send(identify("d1", workspace.email("ada")), trigger("d1", "go"))
    message = the_message(workspace)
    assert message["status"] == "sent"
    return message


@both_backends
def test_a_bounce_suppresses_the_address_until_it_is_lifted(workspace: Workspace) -> None:
    """After a permanent bounce the message is `bounced` and the next one is skipped; after the lift the next one is sent.

    The same report once more, and after the lift, changes nothing.
    """
    message = sent_message(workspace)
    report(workspace, message, "Delivery")
    assert the_message(workspace)["status"] == "delivered"
    for _ in range(2):
        report(workspace, message, "Bounce")
    assert the_message(workspace)["status"] == "bounced"
    [suppressed] = workspace.get("/api/suppressions")["items"]
    assert (suppressed["address"], suppressed["reason"], suppressed["source"]) == (message["to"], "bounce", "provider")
    workspace.send(trigger("d1", "go"))
    assert workspace.stack.settle()
    newest = workspace.get("/api/messages?journey=sending")["items"][0]
    assert (newest["status"], newest["reason"]) == ("skipped", "suppressed")
    assert workspace.request("DELETE", "/api/suppressions", {"channel": "email", "address": message["to"]}).status_code == 204
    report(workspace, message, "Bounce")
    assert workspace.get("/api/suppressions")["items"] == []
    workspace.send(trigger("d1", "go"))
    assert workspace.stack.settle()
    assert workspace.get("/api/messages?journey=sending")["items"][0]["status"] == "sent"


def test_a_complaint_ends_the_consent(workspace: Workspace) -> None:
    """After a complaint the address is suppressed, and the customer has an `$unsubscribe` of the topic from the provider."""
    message = sent_message(workspace)
    report(workspace, message, "Complaint")
    assert [each["reason"] for each in workspace.get("/api/suppressions")["items"]] == ["complaint"]
    [change] = workspace.get(f"/api/customers/{message['customer']}/consents")["items"]
    assert (change["state"], change["topic"], change["channel"], change["source"]) == ("unsubscribed", "general", "email", "provider")
    workspace.request("DELETE", "/api/suppressions", {"channel": "email", "address": message["to"]})
    workspace.send(trigger("d1", "go"))
    assert workspace.stack.settle()
    newest = workspace.get("/api/messages?journey=sending")["items"][0]
    assert (newest["status"], newest["reason"]) == ("skipped", "unsubscribed")


@both_backends
def test_a_workspace_is_switched_off_and_on_again(workspace: Workspace) -> None:
    """While `sending` is false, a message waits with the reason `sending-off`; when it is true again, the message is sent."""
    workspace.publish(sending(TEMPLATE))
    workspace.put("/api/settings", {"sending": False})
    workspace.send(identify("d1", workspace.email("ada")), trigger("d1", "go"))
    held = the_message(workspace)
    assert (held["status"], held["reason"]) == ("pending", "sending-off")
    assert workspace.mails_to(workspace.email("ada")) == []
    workspace.put("/api/settings", {"sending": True})
    assert the_message(workspace)["status"] == "sent"
    assert len(workspace.mails_to(workspace.email("ada"))) == 1


def test_an_event_that_is_none_is_refused(workspace: Workspace) -> None:
    """`POST /_local/reports` takes one event of EventBridge and nothing else."""
    for body in ("no JSON", "[]", '{"source": "aws.ses"}'):
        refused = httpx.post(f"{workspace.stack.url}/_local/reports", content=body, timeout=30)
        assert (refused.status_code, refused.json()["code"]) == (400, "bad-request")
