"""The keys, the webhook secret and the zone of a workspace through the management function, and that workspaces are apart."""

from __future__ import annotations

import json

import pytest

from tests.fakes.api_client import call, identify_in
from tests.fakes.ingest_harness import ADA, identify
from waypost import wiring

pytestmark = pytest.mark.usefixtures("workspace")


def test_a_key_is_shown_only_when_it_is_added() -> None:
    """The list of keys does not hold the key itself, and its id is enough to revoke it."""
    key = call("POST", "/api/keys", {"scopes": ["events"], "name": "app"})[1]
    status, listed = call("GET", "/api/keys")
    assert status == 200
    assert key["key"] not in json.dumps(listed)
    assert [(each["name"], each["scopes"]) for each in listed["items"]] == [("app", ["events"]), ("first admin key", ["admin"])]
    assert call("DELETE", f"/api/keys/{key['id']}") == (204, None)
    assert call("DELETE", f"/api/keys/{key['id']}")[0] == 404


def test_a_rotation_keeps_the_old_secret_for_a_while() -> None:
    """The response has a new secret and the old one as `previous`, so that receivers can accept both."""
    secret = call("GET", "/api/webhooks/secret")[1]["secret"]
    status, rotated = call("POST", "/api/webhooks/secret")
    assert (status, rotated["previous"]) == (201, secret)
    assert rotated["secret"] != secret
    assert call("GET", "/api/webhooks/secret")[1] == rotated


def test_a_zone_of_a_workspace_is_saved_with_its_own_capitals() -> None:
    """`europe/paris` is saved and answered as `Europe/Paris`."""
    assert call("PUT", "/api/schema", {"timezone": "europe/paris"})[1]["timezone"] == "Europe/Paris"
    assert call("GET", "/api/schema")[1]["timezone"] == "Europe/Paris"


def test_a_workspace_sees_nothing_of_another_workspace(workspace: str) -> None:
    """The journeys, customers and keys of another workspace are 404 or not listed."""
    _, other = wiring.workspace_administration().create_workspace("other", None, wiring.now())
    call("PUT", "/api/schema", {"primaryKey": {"name": "email", "type": "Email"}})
    call("PUT", "/api/journeys/welcome", {})
    identify_in(workspace, identify())
    customer = call("GET", "/api/customers", query={"primaryKey": ADA})[1]["id"]
    for path in ("/api/journeys/welcome", f"/api/customers/{customer}"):
        assert call("GET", path)[0] == 200
        assert call("GET", path, key=other)[0] == 404
    assert call("GET", "/api/customers", query={"correlationId": "device-1"}, key=other)[0] == 404
    assert call("GET", "/api/journeys", key=other)[1]["items"] == []
    assert len(call("GET", "/api/keys", key=other)[1]["items"]) == 1
