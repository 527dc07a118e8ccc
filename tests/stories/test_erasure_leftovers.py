"""What is left of a customer who has used everything, when its erasure is complete (docs/customers.md#erasure)."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from functions.local.stack import Stack
from tests.fakes.stored_text import rows_with
from tests.stories.webhook_server import WebhookServer
from tests.stories.workspace import Workspace, identify, mailing, trigger
from waypost.domain.values import durations
from waypost.domain.values.wire_time import iso

END = {"id": "end", "type": "exit"}
PHONE, TABLET, CITY, PLAN, NOTE, ORDER, TOKEN = (f"{each}-marker" for each in ("phone", "tablet", "city", "plan", "note", "order", "token"))


@pytest.fixture
def stack(advancing: Stack) -> Stack:
    """The stack whose clock tests advance."""
    return advancing


def mail(step: str, then: str) -> dict[str, Any]:
    """A step that sends an e-mail with the attributes of the customer and the payload of the event."""
    text = "{{ customer.email }} {{ customer.plan }} {{ event.payload.note }}"
    return {"id": step, "type": "message", "channel": "email", "template": {"subject": step, "text": text}, "next": then}


def publish_journeys(workspace: Workspace, receiver: WebhookServer) -> None:
    """Journeys with a wait, with re-entry keys, with a message in each journey's way to fail, and one that is paused later."""
    wait = {
        "id": "wait",
        "type": "waitUntil",
        "branches": [{"id": "bought", "event": "bought", "next": "end"}],
        "timeout": {"after": "P9D", "next": "end"},
    }
    hook = {"type": "message", "channel": "webhook", "template": {"url": receiver.url, "json": {"who": "{{ customer.email }}"}}}
    busy = hook | {"template": {"url": f"{receiver.url}/busy", "json": {"who": "{{ customer.email }}"}}}
    workspace.publish(mailing("welcome", "joined") | {"steps": [mail("hello", "wait"), wait, END]})
    workspace.publish(
        mailing("orders", "ordered", reentry={"mode": "once", "key": "payload.order"}) | {"steps": [mail("thanks", "end"), END]}
    )
    workspace.publish(mailing("calls", "called", reentry={"mode": "always"}) | {"steps": [hook | {"id": "call", "next": "end"}, END]})
    workspace.publish(mailing("retries", "retried", reentry={"mode": "always"}) | {"steps": [busy | {"id": "call", "next": "end"}, END]})
    paused = {"id": "rest", "type": "timeDelay", "delay": "PT1H", "next": "late"}
    workspace.publish(mailing("paused", "joined") | {"steps": [paused, mail("late", "end"), END]})


def use_everything(workspace: Workspace, receiver: WebhookServer) -> None:
    """Events of an anonymous device and of a person, the merge of the two, and messages that are sent, refused, retried and held."""
    ada, settle = workspace.email("ada"), workspace.stack.settle
    workspace.send(trigger(TABLET, "$set", city=CITY), trigger(TABLET, "joined", note=NOTE), trigger(TABLET, "seen", note=NOTE))
    workspace.send(identify(PHONE, ada, plan=PLAN), trigger(PHONE, "$fcm", androidDeviceToken=TOKEN), trigger(PHONE, "joined", note=NOTE))
    assert settle()
    workspace.send(identify(TABLET, ada))
    assert settle()
    for number in range(4):
        workspace.send(trigger(PHONE, "ordered", order=f"{ORDER}-{number}", note=NOTE))
        assert settle()
    # The first webhook is refused, the second one's endpoint is gone, and the third one is therefore skipped.
    for statuses in ([404], [410], []):
        receiver.statuses[:] = statuses
        workspace.send(trigger(PHONE, "called", note=NOTE))
        assert settle()
    workspace.post("/api/journeys/paused/pause")
    workspace.stack.advance(durations.parse("PT2H"))
    # A conflict of identifiers, an event without a name, and an event that does not say whose it is.
    rejected = [identify(PHONE, workspace.email("eve")), trigger(PHONE, ""), {"event": "x", "payload": {"distinct_id": ada}}]
    assert workspace.send(*rejected).json()["results"][0]["status"] == "rejected"
    message = workspace.get("/api/messages?journey=welcome")["items"][0]["id"]
    workspace.send(trigger(PHONE, "$opened", messageID=message, note=NOTE) | {"source": "message"})
    receiver.statuses[:] = [503]
    workspace.send(trigger(PHONE, "retried", note=NOTE))
    workspace.send(trigger(PHONE, "seen", note=NOTE) | {"timestamp": "2026-01-01T00:00:00Z"}, path="/api/events/batch/")
    assert settle()


def test_only_keyed_hashes_and_closed_version_rows_are_left_of_a_customer(
    workspace: Workspace, stack: Stack, receiver: WebhookServer
) -> None:
    """After `complete` no row of any table holds an identifier, an attribute, a token, a payload or an address of the customer.

    The customer's ids are in the version rows that keep late writers out, and nowhere else. The same is true after a late event.
    """
    publish_journeys(workspace, receiver)
    use_everything(workspace, receiver)
    ada = workspace.email("ada")
    customer = workspace.customer(ada)
    history = workspace.get(f"/api/customers/{customer['id']}/export?limit=200")
    markers = (ada, PHONE, TABLET, CITY, PLAN, NOTE, ORDER, TOKEN)
    ids = {customer["id"], *(each["customer"] for each in workspace.get("/api/events")["items"])}
    named = {*ids, *(run["id"] for run in customer["runs"]), *(message["id"] for message in history["messages"])}
    assert (len(ids), len(history["messages"])) == (2, 10)
    assert {message["status"] for message in history["messages"]} >= {"opened", "sent", "failed", "pending", "skipped"}
    find = partial(
        rows_with, stack.cloud.client("dynamodb"), [name for key, name in stack.deployment.resources.items() if key.endswith("Table")]
    )
    before = find(*markers, *named)
    for table in ("CustomersTable", "RunsTable", "EventsTable", "MessagesTable", "DeadTable"):
        assert any(row.startswith(stack.deployment.resources[table]) for row in before), table

    erased = workspace.request("DELETE", f"/api/customers/{customer['id']}")
    assert (erased.status_code, erased.json()["complete"]) == (202, False)
    stack.advance(durations.parse("PT1M"))
    assert not workspace.get(f"/api/erasures/{customer['id']}")["complete"]
    stack.advance(durations.parse("PT2M"))
    assert workspace.get(f"/api/erasures/{customer['id']}")["complete"]
    assert workspace.request("DELETE", f"/api/customers/{customer['id']}").status_code == 200

    late = iso(stack.now() - timedelta(hours=1))
    workspace.send(trigger(PHONE, "joined", note=NOTE) | {"timestamp": late}, identify(TABLET, ada, plan=PLAN) | {"timestamp": late})
    stack.advance(durations.parse("P10D"))
    assert find(*markers) == []
    # The row of a suppressed endpoint holds the id of the message that it answered with 410, and nothing else of the customer.
    left = [row for row in find(*named) if '"suppressed/' not in row]
    assert len(left) == len(ids)
    assert find(*ids) == left
    assert all(row.startswith(stack.deployment.resources["RunsTable"]) and '"erased"' in row for row in left)
    assert [workspace.get(path)["items"] for path in ("/api/events", "/api/messages", "/api/dead-letters")] == [[], [], []]
    assert workspace.get("/api/events?status=rejected")["items"] == []
    schedules = stack.cloud.client("scheduler").list_schedules()["Schedules"]
    assert [each for each in schedules if "GroupName" in each and any(name in str(each) for name in named)] == []
