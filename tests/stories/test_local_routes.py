"""The `_local` routes of the local run (docs/api.md#local-routes)."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any

import pytest

from functions.local.stack import Stack
from tests.stories.http_client import http
from tests.stories.workspace import Workspace, identify, mailing, trigger


def test_settle_waits_until_everything_due_is_done(workspace: Workspace) -> None:
    """When `settle` responds the e-mail is sent; when nothing is due it responds within a second."""
    workspace.publish(mailing("welcome", "joined"))
    workspace.send(identify("a", workspace.email("settle")), trigger("a", "joined"))
    url = f"{workspace.stack.url}/_local/settle"
    assert http.post(url, timeout=70).json() == {"settled": True}
    assert len(workspace.mails_to(workspace.email("settle"))) == 1
    started = time.monotonic()
    assert http.post(url, timeout=70).status_code == 200
    assert time.monotonic() - started < 1


def test_a_new_workspace_has_an_admin_key(stack: Stack) -> None:
    """The key in the response reads the new workspace, which has no journeys."""
    created = http.post(f"{stack.url}/_local/workspaces", json={"name": "second"}, timeout=30)
    assert created.status_code == 201
    assert created.json().keys() == {"id", "name", "key"}
    headers = {"Authorization": f"Api-Key {created.json()['key']}"}
    assert http.get(f"{stack.url}/api/journeys", headers=headers, timeout=30).json()["items"] == []


def test_a_workspace_needs_a_name(stack: Stack) -> None:
    """A body without a name is a 400 in the shape of all errors."""
    response = http.post(f"{stack.url}/_local/workspaces", content=b"nonsense", timeout=30)
    assert (response.status_code, response.json()["code"]) == (400, "bad-request")


def test_the_sent_emails_can_be_read(workspace: Workspace) -> None:
    """`GET /_local/mails` returns each e-mail with its subject and text, without a key."""
    workspace.publish(mailing("welcome", "joined"))
    workspace.send(identify("a", workspace.email("read"), first_name="Ann"), trigger("a", "joined"))
    assert workspace.stack.settle()
    [mail] = [
        mail
        for mail in http.get(f"{workspace.stack.url}/_local/mails", timeout=30).json()["items"]
        if workspace.email("read") in mail["to"]
    ]
    assert (mail["subject"], mail["text"]) == ("Hello Ann", "Because of joined.")


@pytest.mark.parametrize(
    "body", [{"advance": "tomorrow"}, {"advance": 3}, {}, {"advance": "P2Y"}], ids=["no duration", "a number", "nothing", "2 years"]
)
def test_the_clock_advances_by_a_duration_of_at_most_a_year(stack: Stack, body: dict[str, Any]) -> None:
    """Any other body is a 400, and the clock goes on as before."""
    before = http.get(f"{stack.url}/_local/clock", timeout=30).json()["now"]
    response = http.post(f"{stack.url}/_local/clock", json=body, timeout=30)
    assert (response.status_code, response.json()["code"]) == (400, "bad-request")
    after = http.get(f"{stack.url}/_local/clock", timeout=30).json()["now"]
    assert datetime.fromisoformat(after) - datetime.fromisoformat(before) < timedelta(minutes=1)
