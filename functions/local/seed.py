"""Creates the demo workspace of the local run through the management API."""

from __future__ import annotations

from typing import Any, Final

import httpx

from functions.local.paths import LocalError
from functions.local.workspaces import WorkspaceCreator

ADMIN_KEY: Final = "waypost-local-admin-key"
EVENTS_KEY: Final = "M4jxXt6diYz1Dds1YmhHe93KGPAUi24PlXgaiRXi"  # the key that Laudspeaker's documentation shows
SCHEMA: Final = {"primaryKey": {"name": "email", "type": "Email"}, "attributes": {}, "timezone": "UTC"}
WELCOME: Final = {
    "id": "welcome",
    "name": "Welcome",
    "entry": {"event": "trigger_some_message", "reentry": {"mode": "once"}},
    "steps": [
        {
            "id": "hello",
            "type": "message",
            "channel": "email",
            "template": {
                "subject": "Welcome, {{ customer.first_name | default: 'friend' }}",
                "text": "Hello {{ customer.first_name | default: 'there' }}, your event {{ event.name }} brought you here.",
            },
            "next": "end",
        },
        {"id": "end", "type": "exit"},
    ],
}
REQUESTS: Final[tuple[tuple[str, str, Any], ...]] = (
    ("PUT", "/api/schema", SCHEMA),
    ("POST", "/api/keys", {"name": "demo events", "scopes": ["events"], "key": EVENTS_KEY}),
    ("PUT", "/api/journeys/welcome", WELCOME),
    ("POST", "/api/journeys/welcome/publish", None),
)


def create_demo_workspace(api: str, workspace_creator: WorkspaceCreator) -> None:
    """Creates the demo workspace with its two keys, its schema and its published journey, at the URL `api`.

    LocalError with the response if a request fails.
    """
    workspace_creator.create("demo", ADMIN_KEY)
    with httpx.Client(base_url=api, headers={"Authorization": f"Api-Key {ADMIN_KEY}"}, timeout=30, trust_env=False) as client:
        for method, path, body in REQUESTS:
            response = client.request(method, path, json=body)
            if response.is_error:
                raise LocalError(f"{method} {path} returned {response.status_code}: {response.text}")
