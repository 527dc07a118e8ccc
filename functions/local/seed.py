"""The demo workspace: made through the management API, as anybody would."""

from __future__ import annotations

from typing import Any, Final

import httpx

from functions.local.paths import LocalError
from functions.local.workspaces import WorkspaceCreator

ADMIN_KEY: Final = "waypost-local-admin-key"
EVENTS_KEY: Final = "M4jxXt6diYz1Dds1YmhHe93KGPAUi24PlXgaiRXi"  # the key of Laudspeaker's own documentation
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


def demo(api: str, workspace_creator: WorkspaceCreator) -> None:
    """Makes the demo workspace with its two keys, its schema and its published journey. LocalError says what was refused."""
    workspace_creator.create("demo", ADMIN_KEY)
    with httpx.Client(base_url=api, headers={"Authorization": f"Api-Key {ADMIN_KEY}"}, timeout=30, trust_env=False) as client:
        for method, path, body in REQUESTS:
            answer = client.request(method, path, json=body)
            if answer.is_error:
                raise LocalError(f"{method} {path} answered {answer.status_code}: {answer.text}")
