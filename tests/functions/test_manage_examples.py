"""The example events of the folder `events/` through the management function."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from functions.manage import app
from tests.fakes.api_client import Context, call, identify_in, status_and_json
from tests.fakes.ingest_harness import identify

EVENTS = Path(__file__).parents[2] / "events"


pytestmark = pytest.mark.usefixtures("workspace")


def call_with_event(name: str) -> tuple[int, Any]:
    """Status and JSON of the response to an event of the folder `events/`."""
    return status_and_json(app.lambda_handler(json.loads((EVENTS / f"manage-{name}.json").read_text()), Context()))


def test_the_events_of_the_folder_set_up_a_workspace() -> None:
    """The example events save a schema, add a key, and save and publish a journey as they stand."""
    assert call_with_event("save-schema")[1]["primaryKey"] == {"name": "email", "type": "Email"}
    status, key = call_with_event("add-key")
    assert (status, key["key"], key["prefix"]) == (201, "M4jxXt6diYz1Dds1YmhHe93KGPAUi24PlXgaiRXi", "M4jxXt6d")
    assert call_with_event("save-journey")[0] == 201
    status, journey = call_with_event("publish-journey")
    assert (status, journey["status"], journey["publishedVersion"]) == (200, "published", 1)
    assert call_with_event("find-customer")[0] == 404
    assert call_with_event("list-events") == (200, {"items": [], "next": None})
    assert call_with_event("redrive") == (200, {"redriven": 0, "next": None})


def test_both_payload_formats_find_the_same_customer(workspace: str) -> None:
    """An address with a plus sign and an at sign is found in payload formats 1.0 and 2.0."""
    call("PUT", "/api/schema", {"primaryKey": {"name": "email", "type": "Email"}})
    identify_in(workspace, identify("ada+news@example.com"))
    status, customer = call_with_event("find-customer-http-api")
    assert (status, customer["primaryKey"], customer["correlationIds"]) == (200, "ada+news@example.com", ["device-1"])
    assert call("GET", "/api/customers", query={"primaryKey": "ada+news@example.com"}) == (200, customer)
    assert call("GET", f"/api/customers/{customer['id']}") == (200, customer)
