"""A journey of which tests of the management function save versions, and requests for it with headers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.fakes.api_client import call, new_workspace, send

WELCOME: dict[str, Any] = {
    "entry": {"event": "signed_up"},
    "exit": [{"event": "unsubscribed"}],
    "steps": [
        {
            "id": "hello",
            "type": "message",
            "channel": "email",
            "template": {"subject": "Hi {{ customer.name }}", "text": "You wrote {{ event.payload.word }}."},
            "next": "bought",
        },
        {
            "id": "bought",
            "type": "waitUntil",
            "branches": [{"id": "yes", "event": "purchase", "next": "end"}],
            "timeout": {"after": "P3D", "next": "nudge"},
        },
        {"id": "nudge", "type": "message", "channel": "email", "template": {"subject": "Well?", "text": "Come back."}, "next": "end"},
        {"id": "end", "type": "exit"},
    ],
}


def workspace_with_welcome() -> str:
    """The id of a new workspace with one saved journey, `welcome`."""
    created = new_workspace()
    call("PUT", "/api/schema", {"primaryKey": {"name": "email", "type": "Email"}, "timezone": "Europe/Berlin"})
    call("PUT", "/api/journeys/welcome", WELCOME)
    return created


def changed(method: str, path: str, body: Any = None, **headers: str) -> tuple[int, str | None, Any]:
    """Status, `ETag` and JSON of the response to a request with these headers."""
    named: Mapping[str, str] = {name.replace("_", "-"): value for name, value in headers.items()}
    response = send(method, path, json.dumps(body) if body is not None else None, headers=named)
    return response["statusCode"], response["headers"].get("ETag"), json.loads(response["body"] or "null")
