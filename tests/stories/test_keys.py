"""API keys: scopes, imported keys, rotation, expiry and revocation (docs/api.md#keys)."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.stories.http_client import http
from tests.stories.workspace import Workspace, trigger


def key(**more: Any) -> dict[str, Any]:
    """The body that creates a key with the scope `events` and a random text; `more` replaces or adds members."""
    return {"scopes": ["events"], "key": f"story-key-{uuid4().hex}", **more}


def post_batch(workspace: Workspace, text: str | None, path: str = "/api/events/batch/") -> httpx.Response:
    """The response to a batch that is posted with this key, or without a key."""
    headers = {"Authorization": f"Api-Key {text}"} if text else {}
    return http.post(workspace.stack.url + path, json={"batch": [trigger("phone", "seen")]}, headers=headers, timeout=30)


def test_each_scope_allows_its_routes(workspace: Workspace) -> None:
    """A key with the scope `events` can post events and gets 403 for the management API; a key with the scope `admin` can do both."""
    assert post_batch(workspace, workspace.events_key).status_code == 201
    assert post_batch(workspace, workspace.admin_key).status_code == 201
    headers = {"Authorization": f"Api-Key {workspace.events_key}"}
    for method, path in (("GET", "/api/keys"), ("POST", "/api/keys"), ("GET", "/api/schema"), ("GET", "/api/events")):
        response = http.request(method, workspace.stack.url + path, headers=headers, json={}, timeout=30)
        assert (response.status_code, response.json()["code"]) == (403, "forbidden"), path


def test_all_invalid_keys_get_the_same_response(workspace: Workspace) -> None:
    """A missing, a malformed, an unknown and a revoked key get the same 401, so the response does not tell which it is."""
    created = workspace.post("/api/keys", key())
    workspace.request("DELETE", f"/api/keys/{created['id']}")
    responses = [post_batch(workspace, text) for text in (None, "short", "x" * 40, created["key"])]
    assert {response.status_code for response in responses} == {401}
    assert len({str(response.json() | {"requestId": ""}) for response in responses}) == 1


def test_an_imported_key_works_unchanged(workspace: Workspace) -> None:
    """An imported key works as it is, is shown only in the response that creates it, and cannot be imported by another workspace."""
    imported = key(name="the app of 2024")
    created = workspace.post("/api/keys", imported)
    assert (created["key"], created["name"], created["scopes"]) == (imported["key"], "the app of 2024", ["events"])
    assert post_batch(workspace, imported["key"]).status_code == 201
    listed = workspace.get("/api/keys")["items"]
    assert imported["key"] not in str(listed)
    assert created["prefix"] in [each["prefix"] for each in listed]
    other = Workspace.create(workspace.stack).request("POST", "/api/keys", imported)
    assert (other.status_code, other.json()["code"]) == (409, "key-exists")


def test_two_keys_are_valid_during_a_rotation(workspace: Workspace) -> None:
    """The old and the new key are both valid until the old one is revoked; then only the new one is."""
    old, new = workspace.post("/api/keys", key()), workspace.post("/api/keys", key())
    assert post_batch(workspace, new["key"]).status_code == 201
    assert workspace.request("DELETE", f"/api/keys/{old['id']}").status_code == 204
    assert post_batch(workspace, old["key"]).status_code == 401
    assert post_batch(workspace, new["key"]).status_code == 201
    assert old["id"] not in [each["id"] for each in workspace.get("/api/keys")["items"]]


def test_a_key_expires_to_the_second_in_a_warm_function(workspace: Workspace) -> None:
    """A key is invalid from its `expiresAt` on, although the function has it in its cache."""
    ends = datetime.now(UTC) + timedelta(seconds=3)
    created = workspace.post("/api/keys", key(expiresAt=ends.isoformat()))
    assert post_batch(workspace, created["key"]).status_code == 201
    time.sleep(max(0.0, (ends - datetime.now(UTC)).total_seconds()))
    assert post_batch(workspace, created["key"]).status_code == 401


def test_a_key_has_the_day_of_its_last_use(workspace: Workspace) -> None:
    """`lastUsedOn` of a key is the day of its last use, and null for a key that was never used."""
    used, unused = workspace.post("/api/keys", key()), workspace.post("/api/keys", key())
    before = f"{datetime.now(UTC):%Y-%m-%d}"
    post_batch(workspace, used["key"])
    days = {each["id"]: each["lastUsedOn"] for each in workspace.get("/api/keys")["items"]}
    assert days[used["id"]] in (before, f"{datetime.now(UTC):%Y-%m-%d}")
    assert days[unused["id"]] is None


def test_the_last_admin_key_cannot_be_revoked(workspace: Workspace) -> None:
    """Revoking the only key with the scope `admin` is a 409, because no key could then manage the workspace."""
    [admin] = [each for each in workspace.get("/api/keys")["items"] if "admin" in each["scopes"]]
    response = workspace.request("DELETE", f"/api/keys/{admin['id']}")
    assert (response.status_code, response.json()["code"]) == (409, "last-admin-key")


@pytest.mark.parametrize(
    ("body", "status"),
    [({"key": "short"}, 422), ({"key": "a key with spaces in it, alas"}, 422), ({"scopes": []}, 422), ({"scopes": ["root"]}, 422)],
)
def test_an_invalid_key_is_rejected(workspace: Workspace, body: dict[str, Any], status: int) -> None:
    """A key of fewer than 20 characters, with spaces, without a scope or with an unknown scope is a 422."""
    assert workspace.request("POST", "/api/keys", key(**body)).status_code == status
