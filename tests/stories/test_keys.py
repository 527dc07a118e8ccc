"""Keys as a team uses them: who may do what, keys that are brought along, rotated, run out and revoked (contract 1.2)."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.stories.workspace import Workspace, trigger


def key(**more: Any) -> dict[str, Any]:
    """A key for the intake with a text of its own."""
    return {"scopes": ["events"], "key": f"story-key-{uuid4().hex}", **more}


def posting(workspace: Workspace, text: str | None, path: str = "/api/events/batch/") -> httpx.Response:
    """A batch that is posted with this key."""
    headers = {"Authorization": f"Api-Key {text}"} if text else {}
    return httpx.post(workspace.stack.url + path, json={"batch": [trigger("phone", "seen")]}, headers=headers, timeout=30)


def test_each_scope_opens_its_doors(workspace: Workspace) -> None:
    """The intake's key cannot manage; the admin's key can do everything."""
    assert posting(workspace, workspace.events_key).status_code == 201
    assert posting(workspace, workspace.admin_key).status_code == 201
    headers = {"Authorization": f"Api-Key {workspace.events_key}"}
    for method, path in (("GET", "/api/keys"), ("POST", "/api/keys"), ("GET", "/api/schema"), ("GET", "/api/events")):
        refused = httpx.request(method, workspace.stack.url + path, headers=headers, json={}, timeout=30)
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden"), path


def test_every_way_to_have_no_key_gets_one_answer(workspace: Workspace) -> None:
    """Whoever guesses learns nothing."""
    made = workspace.post("/api/keys", key())
    workspace.request("DELETE", f"/api/keys/{made['id']}")
    answers = [posting(workspace, text) for text in (None, "short", "x" * 40, made["key"])]
    assert {answer.status_code for answer in answers} == {401}
    assert len({str(answer.json() | {"requestId": ""}) for answer in answers}) == 1


def test_a_key_that_apps_ship_comes_along(workspace: Workspace) -> None:
    """An imported key works as it is, is shown this once, and is nobody else's from then on."""
    brought = key(name="the app of 2024")
    made = workspace.post("/api/keys", brought)
    assert (made["key"], made["name"], made["scopes"]) == (brought["key"], "the app of 2024", ["events"])
    assert posting(workspace, brought["key"]).status_code == 201
    listed = workspace.get("/api/keys")["items"]
    assert brought["key"] not in str(listed)
    assert made["prefix"] in [each["prefix"] for each in listed]
    other = Workspace.made_on(workspace.stack).request("POST", "/api/keys", brought)
    assert (other.status_code, other.json()["code"]) == (409, "key-exists")


def test_two_keys_live_while_they_are_rotated(workspace: Workspace) -> None:
    """Both open the door until the old one is revoked; the new one goes on."""
    old, new = workspace.post("/api/keys", key()), workspace.post("/api/keys", key())
    assert posting(workspace, new["key"]).status_code == 201
    assert workspace.request("DELETE", f"/api/keys/{old['id']}").status_code == 204
    assert posting(workspace, old["key"]).status_code == 401
    assert posting(workspace, new["key"]).status_code == 201
    assert old["id"] not in [each["id"] for each in workspace.get("/api/keys")["items"]]


def test_a_key_runs_out_to_the_second_even_in_a_warm_function(workspace: Workspace) -> None:
    """What is remembered of a key includes its end."""
    ends = datetime.now(UTC) + timedelta(seconds=3)
    made = workspace.post("/api/keys", key(expiresAt=ends.isoformat()))
    assert posting(workspace, made["key"]).status_code == 201
    time.sleep(max(0.0, (ends - datetime.now(UTC)).total_seconds()))
    assert posting(workspace, made["key"]).status_code == 401


def test_a_key_says_on_which_day_it_was_used_last(workspace: Workspace) -> None:
    """So that nobody has to guess which ones can go."""
    used, unused = workspace.post("/api/keys", key()), workspace.post("/api/keys", key())
    before = f"{datetime.now(UTC):%Y-%m-%d}"
    posting(workspace, used["key"])
    days = {each["id"]: each["lastUsedOn"] for each in workspace.get("/api/keys")["items"]}
    assert days[used["id"]] in (before, f"{datetime.now(UTC):%Y-%m-%d}")
    assert days[unused["id"]] is None


def test_the_last_admin_key_stays(workspace: Workspace) -> None:
    """Nobody can lock a workspace for good."""
    [admin] = [each for each in workspace.get("/api/keys")["items"] if "admin" in each["scopes"]]
    refused = workspace.request("DELETE", f"/api/keys/{admin['id']}")
    assert (refused.status_code, refused.json()["code"]) == (409, "last-admin-key")


@pytest.mark.parametrize(
    ("body", "status"),
    [({"key": "short"}, 422), ({"key": "a key with spaces in it, alas"}, 422), ({"scopes": []}, 422), ({"scopes": ["root"]}, 422)],
)
def test_what_cannot_be_a_key_is_refused(workspace: Workspace, body: dict[str, Any], status: int) -> None:
    """20 to 200 printable characters, and at least one scope that there is."""
    assert workspace.request("POST", "/api/keys", key(**body)).status_code == status
