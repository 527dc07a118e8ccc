"""The erasure of a customer: its records are gone, late events do not create it again, and a later event creates a new customer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.stories.workspace import Workspace
from waypost.domain.values.wire_time import iso

JOURNEY: dict[str, Any] = {
    "id": "welcome",
    "entry": {"event": "joined", "reentry": {"mode": "once"}},
    "steps": [
        {
            "id": "mail",
            "type": "message",
            "channel": "email",
            "template": {"subject": "Hello", "text": "{{ customer.plan }}"},
            "next": "end",
        },
        {"id": "end", "type": "exit"},
    ],
}


def identified(workspace: Workspace, name: str, device: str, **payload: Any) -> dict[str, Any]:
    """An `$identify` of a person under a correlation id."""
    return {
        "correlationKey": "_id",
        "correlationValue": device,
        "event": "$identify",
        "payload": {"distinct_id": workspace.email(name), **payload},
    }


def joined(device: str, **more: Any) -> dict[str, Any]:
    """The event that enters the journey."""
    return {"correlationKey": "_id", "correlationValue": device, "event": "joined", **more}


def test_an_erasure_deletes_all_records_of_a_customer(workspace: Workspace) -> None:
    """After an erasure the customer, its receipts and its messages are 404, the lists are empty, and the response has the counts."""
    workspace.publish(JOURNEY)
    first = workspace.send(
        identified(workspace, "ada", "phone", plan="pro"), joined("phone", uuid="e-1"), identified(workspace, "eve", "phone")
    ).json()
    assert [each["status"] for each in first["results"]] == ["accepted", "accepted", "rejected"]
    workspace.stack.settle()
    customer = workspace.get("/api/customers?correlationId=phone")
    assert [entry["kind"] for entry in workspace.get(f"/api/customers/{customer['id']}/timeline")["items"]] == [
        "message",
        "move",
        "event",
        "event",
    ]
    message = workspace.get("/api/messages")["items"][0]["id"]

    erased = workspace.request("DELETE", f"/api/customers/{customer['id']}")

    assert erased.status_code == 202
    removed = {"correlationIds": 1, "attributes": 2, "runs": 1, "messages": 1, "events": 2, "rejectedEvents": 1}
    assert erased.json() == {"id": customer["id"], "complete": False, "removed": removed}
    gone = [f"/api/customers/{customer['id']}", "/api/customers?correlationId=phone", "/api/events/e-1", f"/api/messages/{message}"]
    assert [workspace.request("GET", path).status_code for path in gone] == [404, 404, 404, 404]
    lists = ["/api/events", "/api/events?status=rejected", "/api/messages"]
    assert [workspace.get(path)["items"] for path in lists] == [[], [], []]


def test_an_event_from_before_an_erasure_has_no_effect(workspace: Workspace) -> None:
    """A late event is accepted and dropped with the reason `erased`; a later event creates a new customer without the old attributes."""
    workspace.publish(JOURNEY)
    before = iso(datetime.now(UTC) - timedelta(minutes=1))
    workspace.send(identified(workspace, "ada", "phone", plan="pro"), joined("phone", uuid="e-1"))
    workspace.stack.settle()
    old = workspace.get("/api/customers?correlationId=phone")["id"]
    workspace.request("DELETE", f"/api/customers/{old}").raise_for_status()

    late = workspace.send(
        identified(workspace, "ada", "phone", plan="late") | {"timestamp": before}, joined("phone", uuid="e-2", timestamp=before)
    )
    workspace.stack.settle()
    assert late.status_code == 201
    receipt = workspace.get("/api/events/e-2")
    assert (receipt["reason"], receipt["customer"]) == ("erased", "")
    assert workspace.request("GET", f"/api/customers?primaryKey={workspace.email('ada')}").status_code == 404

    workspace.send(identified(workspace, "ada", "phone", city="Oslo"), joined("phone", uuid="e-3"))
    workspace.send(identified(workspace, "ada", "phone", plan="later still") | {"timestamp": before})
    workspace.stack.settle()
    new = workspace.get(f"/api/customers?primaryKey={workspace.email('ada')}")
    assert new["id"] != old
    assert new["attributes"] == {"email": workspace.email("ada"), "city": "Oslo"}
    assert workspace.get("/api/events/e-3")["journeys"][0]["outcome"] == "entered"


def test_an_export_contains_customer_history_and_messages(workspace: Workspace) -> None:
    """An export is one document with the attributes, the history and the rendered messages of a customer."""
    workspace.publish(JOURNEY)
    workspace.send(identified(workspace, "ada", "phone", plan="pro"), joined("phone"))
    workspace.stack.settle()
    customer = workspace.get("/api/customers?correlationId=phone")["id"]
    export = workspace.get(f"/api/customers/{customer}/export")
    assert export["customer"]["attributes"]["plan"] == "pro"
    assert [entry["kind"] for entry in export["history"]] == ["message", "move", "event", "event"]
    assert export["messages"][0]["rendered"]["text"] == "pro"


def test_an_erasure_deletes_the_timers_of_a_customer(workspace: Workspace) -> None:
    """The erasure of a customer with a waiting run deletes the run and its timer."""
    delay = {"id": "pause", "type": "timeDelay", "delay": "P2D", "next": "mail"}
    workspace.publish(JOURNEY | {"steps": [delay, *JOURNEY["steps"]]})
    workspace.send(identified(workspace, "ada", "phone"), joined("phone"))
    workspace.stack.settle()
    customer = workspace.get("/api/customers?correlationId=phone")
    assert customer["runs"][0]["step"] == "pause"
    erased = workspace.request("DELETE", f"/api/customers/{customer['id']}").json()
    assert (erased["complete"], erased["removed"]["timers"], erased["removed"]["runs"]) == (False, 1, 1)
