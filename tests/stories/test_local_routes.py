"""What only the local run offers."""

from __future__ import annotations

import time

import httpx

from functions.local.stack import Stack
from tests.stories.workspace import Workspace, identify, mailing, trigger


def test_settling_waits_for_all_that_is_due_and_no_longer(workspace: Workspace) -> None:
    """After 200 the mail is there; at rest the answer comes at once."""
    workspace.publish(mailing("welcome", "joined"))
    workspace.send(identify("a", workspace.email("settle")), trigger("a", "joined"))
    url = f"{workspace.stack.url}/_local/settle"
    assert httpx.post(url, timeout=70).json() == {"settled": True}
    assert len(workspace.mails_to(workspace.email("settle"))) == 1
    started = time.monotonic()
    assert httpx.post(url, timeout=70).status_code == 200
    assert time.monotonic() - started < 1


def test_a_second_workspace_comes_with_an_admin_key(stack: Stack) -> None:
    """Its key opens the management API of a workspace that is empty."""
    made = httpx.post(f"{stack.url}/_local/workspaces", json={"name": "second"}, timeout=30)
    assert made.status_code == 201
    assert made.json().keys() == {"id", "name", "key"}
    headers = {"Authorization": f"Api-Key {made.json()['key']}"}
    assert httpx.get(f"{stack.url}/api/journeys", headers=headers, timeout=30).json()["items"] == []


def test_a_workspace_needs_a_name(stack: Stack) -> None:
    """A body without it gets the shape of all errors."""
    answer = httpx.post(f"{stack.url}/_local/workspaces", content=b"nonsense", timeout=30)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad-request")


def test_the_mails_can_be_read_by_anybody(workspace: Workspace) -> None:
    """Newest first, with subject and text as the customer would see them."""
    workspace.publish(mailing("welcome", "joined"))
    workspace.send(identify("a", workspace.email("read"), first_name="Ann"), trigger("a", "joined"))
    assert workspace.stack.settle()
    [mail] = [
        mail
        for mail in httpx.get(f"{workspace.stack.url}/_local/mails", timeout=30).json()["items"]
        if workspace.email("read") in mail["to"]
    ]
    assert (mail["subject"], mail["text"]) == ("Hello Ann", "Because of joined.")
