"""Waits for what became of a message, over HTTP: reports come as events with the source `message`."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from functions.local.stack import Stack
from tests.stories.workspace import Workspace, identify, mailing, trigger


@pytest.fixture
def stack(advancing: Stack) -> Stack:
    """The stack whose clock tests advance."""
    return advancing


def waiting_for_an_open() -> dict[str, Any]:
    """A journey that sends a mail, waits three days for an open, and sends one of two more."""
    journey = mailing("invitation", "invited")
    first = {**journey["steps"][0], "id": "hello", "next": "read"}
    more = [
        {"id": name, "type": "message", "channel": "email", "template": {"subject": name, "text": name}, "next": "end"}
        for name in ("thanks", "again")
    ]
    wait = {
        "id": "read",
        "type": "waitUntil",
        "branches": [{"id": "opens", "message": "hello", "status": "opened", "next": "thanks"}],
        "timeout": {"after": "P3D", "next": "again"},
    }
    return {**journey, "steps": [first, wait, *more, {"id": "end", "type": "exit"}]}


def report(workspace: Workspace, name: str, message: str) -> dict[str, Any]:
    """Sends a report about a message, settles, and returns the receipt."""
    event = {**trigger("phone", name, messageId=message), "source": "message"}
    response = workspace.send(event)
    assert workspace.stack.settle()
    receipt: dict[str, Any] = workspace.get(f"/api/events/{response.json()['results'][0]['uuid']}")
    return receipt


def test_a_customer_who_opens_goes_one_way_and_the_others_go_the_other(workspace: Workspace) -> None:
    """An open takes its branch at once, a second one changes nothing, a delivery alone takes none, and the timeout comes for the rest."""
    workspace.publish(waiting_for_an_open())
    for who in "ab":
        workspace.send(identify(who, workspace.email(who)), trigger(who, "invited"))
    assert workspace.stack.settle()
    messages = {each["to"]: each["id"] for each in workspace.get("/api/messages?journey=invitation")["items"]}
    opened, ignored = messages[workspace.email("a")], messages[workspace.email("b")]
    assert report(workspace, "$opened", opened)["reason"] is None
    report(workspace, "$opened", opened)
    report(workspace, "$delivered", ignored)
    assert workspace.get(f"/api/messages/{opened}")["status"] == "opened"
    assert workspace.get(f"/api/messages/{ignored}")["status"] == "delivered"
    assert [len(workspace.mails_to(workspace.email(who))) for who in "ab"] == [2, 1]
    httpx.post(f"{workspace.stack.url}/_local/clock", json={"advance": "P3D"}, timeout=180).raise_for_status()
    subjects = {who: [mail["subject"] for mail in workspace.mails_to(workspace.email(who))][:-1] for who in "ab"}
    assert subjects == {"a": ["thanks"], "b": ["again"]}
    customer = workspace.customer(workspace.email("a"))
    timeline = workspace.get(f"/api/customers/{customer['id']}/timeline")["items"]
    moves = [(each["step"], each["branch"], each["reason"]) for each in timeline if each["kind"] == "move" and each.get("step")]
    assert moves == [("end", None, "finished"), ("end", None, "next"), ("thanks", "opens", "report")]


def test_what_can_never_be_known_is_refused_at_publish(workspace: Workspace) -> None:
    """A wait for the event `$opened`, and one for a message that does not exist, are refused with pointers."""
    journey = waiting_for_an_open()
    journey["steps"][1]["branches"] = [{"event": "$opened", "next": "thanks"}, {"message": "nobody", "status": "opened", "next": "again"}]
    workspace.put(f"/api/journeys/{journey['id']}", journey)
    response = workspace.request("POST", f"/api/journeys/{journey['id']}/publish")
    assert response.status_code == 422
    assert {(each["code"], each["pointer"]) for each in response.json()["errors"]} == {
        ("report-event", "/steps/1/branches/0/event"),
        ("unknown-step", "/steps/1/branches/1/message"),
    }
