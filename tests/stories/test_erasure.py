"""A customer is erased: nothing of it answers any more, late events do not bring it back, and a new one starts fresh."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.stories.workspace import Workspace
from waypost.domain.values.wire_time import iso

MAILS: dict[str, Any] = {
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


def named(workspace: Workspace, name: str, device: str, **payload: Any) -> dict[str, Any]:
    """An `$identify` of a person on a device."""
    return {
        "correlationKey": "_id",
        "correlationValue": device,
        "event": "$identify",
        "payload": {"distinct_id": workspace.email(name), **payload},
    }


def joined(device: str, **more: Any) -> dict[str, Any]:
    """The event that opens the journey."""
    return {"correlationKey": "_id", "correlationValue": device, "event": "joined", **more}


def test_everything_of_an_erased_customer_is_gone(workspace: Workspace) -> None:
    """Customer, receipt, message, timeline and refused events no longer answer; the answer says how much was removed."""
    workspace.publish(MAILS)
    first = workspace.send(
        named(workspace, "ada", "phone", plan="pro"), joined("phone", uuid="e-1"), named(workspace, "eve", "phone")
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

    assert erased.status_code == 200
    removed = {"correlationIds": 1, "attributes": 2, "runs": 1, "messages": 1, "events": 2, "rejectedEvents": 1}
    assert erased.json() == {"id": customer["id"], "complete": True, "removed": removed}
    gone = [f"/api/customers/{customer['id']}", "/api/customers?correlationId=phone", "/api/events/e-1", f"/api/messages/{message}"]
    assert [workspace.request("GET", path).status_code for path in gone] == [404, 404, 404, 404]
    lists = ["/api/events", "/api/events?status=rejected", "/api/messages"]
    assert [workspace.get(path)["items"] for path in lists] == [[], [], []]


def test_what_happened_before_an_erasure_stays_gone(workspace: Workspace) -> None:
    """A late event is accepted and dropped with reason `erased`; later ones start a customer that knows nothing of the old one."""
    workspace.publish(MAILS)
    before = iso(datetime.now(UTC) - timedelta(minutes=1))
    workspace.send(named(workspace, "ada", "phone", plan="pro"), joined("phone", uuid="e-1"))
    workspace.stack.settle()
    old = workspace.get("/api/customers?correlationId=phone")["id"]
    workspace.request("DELETE", f"/api/customers/{old}").raise_for_status()

    late = workspace.send(
        named(workspace, "ada", "phone", plan="late") | {"timestamp": before}, joined("phone", uuid="e-2", timestamp=before)
    )
    workspace.stack.settle()
    assert late.status_code == 201
    receipt = workspace.get("/api/events/e-2")
    assert (receipt["reason"], receipt["customer"]) == ("erased", "")
    assert workspace.request("GET", f"/api/customers?primaryKey={workspace.email('ada')}").status_code == 404

    workspace.send(named(workspace, "ada", "phone", city="Oslo"), joined("phone", uuid="e-3"))
    workspace.send(named(workspace, "ada", "phone", plan="later still") | {"timestamp": before})
    workspace.stack.settle()
    new = workspace.get(f"/api/customers?primaryKey={workspace.email('ada')}")
    assert new["id"] != old
    assert new["attributes"] == {"email": workspace.email("ada"), "city": "Oslo"}
    assert workspace.get("/api/events/e-3")["journeys"][0]["outcome"] == "entered"


def test_an_export_holds_customer_history_and_messages(workspace: Workspace) -> None:
    """One document with attributes, events, moves, and messages as they were rendered."""
    workspace.publish(MAILS)
    workspace.send(named(workspace, "ada", "phone", plan="pro"), joined("phone"))
    workspace.stack.settle()
    customer = workspace.get("/api/customers?correlationId=phone")["id"]
    export = workspace.get(f"/api/customers/{customer}/export")
    assert export["customer"]["attributes"]["plan"] == "pro"
    assert [entry["kind"] for entry in export["history"]] == ["message", "move", "event", "event"]
    assert export["messages"][0]["rendered"]["text"] == "pro"


def test_an_erased_customers_timers_are_taken_back(workspace: Workspace) -> None:
    """A run that waited for its time is gone with its timer."""
    waits = {"id": "pause", "type": "timeDelay", "delay": "P2D", "next": "mail"}
    workspace.publish(MAILS | {"steps": [waits, *MAILS["steps"]]})
    workspace.send(named(workspace, "ada", "phone"), joined("phone"))
    workspace.stack.settle()
    customer = workspace.get("/api/customers?correlationId=phone")
    assert customer["runs"][0]["step"] == "pause"
    erased = workspace.request("DELETE", f"/api/customers/{customer['id']}").json()
    assert (erased["complete"], erased["removed"]["timers"], erased["removed"]["runs"]) == (True, 1, 1)
