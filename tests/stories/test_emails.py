"""E-mails with all of their fields, previews, test messages and counts, over HTTP."""

from __future__ import annotations

from typing import Any

from tests.stories.backends import both_backends
from tests.stories.test_messages import sending, the_message
from tests.stories.workspace import Workspace, identify, trigger

RECEIPT: dict[str, Any] = {
    "subject": "Your order {{ event.payload.order }}",
    "text": "Thank you, {{ customer.first_name }}.",
    "replyTo": "Orders <orders@example.com>",
    "headers": {"X-Order": "{{ event.payload.order }}", "In-Reply-To": "{{ event.payload.thread }}", "Auto-Submitted": "auto-generated"},
    "cc": ["Accounts <accounts@example.com>"],
    "bcc": ["archive@example.com"],
}


@both_backends
def test_an_email_with_all_of_its_fields_reaches_ses(workspace: Workspace) -> None:
    """SES gets the headers, the address for answers and both copies; a header whose value is missing is left out."""
    workspace.publish(sending(RECEIPT, transactional=True))
    address = workspace.email("ada")
    workspace.send(identify("d1", address, first_name="Ada"), trigger("d1", "go", order="17"))
    assert the_message(workspace)["status"] == "sent"
    [mail] = workspace.mails_to(address)
    assert mail["headers"] == {"X-Order": "17", "Auto-Submitted": "auto-generated"}
    assert (mail["replyTo"], mail["cc"], mail["bcc"]) == (
        ["Orders <orders@example.com>"],
        ["Accounts <accounts@example.com>"],
        ["archive@example.com"],
    )


def test_a_header_that_a_customer_spoils_skips_its_message_only(workspace: Workspace) -> None:
    """A line break in a value skips the message with the reason `template`, and the detail names the header, also in the timeline."""
    workspace.publish(sending({"subject": "Hi", "text": "x", "headers": {"X-Name": "{{ customer.name }}"}}))
    workspace.send(identify("d1", workspace.email("eve"), name="Eve\r\nBcc: all@example.com"), trigger("d1", "go"))
    message = the_message(workspace)
    assert (message["status"], message["reason"]) == ("skipped", "template")
    assert message["detail"].startswith("header X-Name: ")
    customer = workspace.customer(workspace.email("eve"))["id"]
    [entry] = [each for each in workspace.get(f"/api/customers/{customer}/timeline")["items"] if each["kind"] == "message"]
    assert (entry["reason"], entry["detail"]) == ("template", message["detail"])
    assert not workspace.mails_to(workspace.email("eve"))
    counts = workspace.get("/api/journeys/sending/counts")
    assert counts == {"steps": [{"step": "message", "total": 1, "messages": {"skipped": 1}}], "complete": True, "next": None}


@both_backends
def test_a_template_is_previewed_and_sent_as_a_test(workspace: Workspace) -> None:
    """A preview sends nothing. A test reaches the test address alone, marked as one, and no list of messages has it."""
    address, tester = workspace.email("ada"), workspace.email("qa")
    workspace.send(identify("d1", address, first_name="Ada"))
    assert workspace.stack.settle()
    event = {"event": "go", "payload": {"order": "17"}}
    body = {"channel": "email", "template": RECEIPT, "customer": {"primaryKey": address}, "event": event, "transactional": True}
    preview = workspace.post("/api/templates/preview", body)
    assert (preview["rendered"]["subject"], preview["rendered"]["to"]) == ("Your order 17", address)
    assert (preview["missing"], preview["problems"]) == (["event.payload.thread"], [])
    assert not workspace.mails_to(address)
    assert workspace.request("POST", "/api/messages/test", {**body, "to": tester}).json()["errors"][0]["code"] == "not-a-test-address"
    workspace.put("/api/settings", {"testAddresses": [tester]})
    answer = workspace.post("/api/messages/test", {**body, "to": tester})
    [mail] = workspace.mails_to(tester)
    assert (answer["outcome"], answer["detail"]) == ("sent", mail["messageId"])
    assert (mail["subject"], mail["to"], mail["cc"], mail["bcc"]) == ("[Test] Your order 17", [tester], [], [])
    assert (mail["tags"]["waypost-test"], mail["headers"]["X-Order"]) == ("true", "17")
    assert not workspace.mails_to(address)
    assert workspace.get("/api/messages")["items"] == []
