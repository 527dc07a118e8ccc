"""Creates the demo workspace of the local run through the management API. The files in events/ contain its id and its keys."""

from __future__ import annotations

from typing import Any, Final

import httpx

from functions.local.paths import LocalError
from functions.local.workspaces import WorkspaceCreator

WORKSPACE: Final = "w_demo"
ADMIN_KEY: Final = "waypost-local-admin-key"
EVENTS_KEY: Final = "M4jxXt6diYz1Dds1YmhHe93KGPAUi24PlXgaiRXi"  # the key that Laudspeaker's documentation shows
SCHEMA: Final = {"primaryKey": {"name": "email", "type": "Email"}, "attributes": {}, "timezone": "UTC"}
WELCOME_HTML: Final = """\
<div style="font: 16px/1.5 sans-serif; max-width: 480px; margin: 24px auto; padding: 0 16px; color: #1b1b19">
<h1 style="font-size: 22px">Welcome, {{ customer.first_name | default: 'friend' | escape }}</h1>
<p>Your event <b>{{ event.name | escape }}</b> brought you here.</p>
<p>If there is no <b>purchase</b> within three days, a reminder follows.</p>
<p style="font-size: 13px; color: #5f5f59"><a href="{{ unsubscribe_url }}">Unsubscribe</a></p>
</div>
"""
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
                "html": WELCOME_HTML,
            },
            "next": "bought",
        },
        {
            "id": "bought",
            "type": "waitUntil",
            "branches": [{"event": "purchase", "next": "end"}],
            "timeout": {"after": "P3D", "next": "nudge"},
        },
        {
            "id": "nudge",
            "type": "message",
            "channel": "email",
            "template": {
                "subject": "Still there, {{ customer.first_name | default: 'friend' }}?",
                "text": "Three days have gone by without a purchase, so this journey sends its reminder.",
            },
            "next": "end",
        },
        {"id": "end", "type": "exit"},
    ],
}
"""Shows the two things that journeys are for: an answer at once, and a reminder unless something happens within three days."""
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
    workspace_creator.create("demo", ADMIN_KEY, WORKSPACE)
    with httpx.Client(base_url=api, headers={"Authorization": f"Api-Key {ADMIN_KEY}"}, timeout=30, trust_env=False) as client:
        for method, path, body in REQUESTS:
            response = client.request(method, path, json=body)
            if response.is_error:
                raise LocalError(f"{method} {path} returned {response.status_code}: {response.text}")
