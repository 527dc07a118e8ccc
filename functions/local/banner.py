"""What `make run` says when it is ready."""

from __future__ import annotations

import json
from typing import Final

from functions.local.seed import ADMIN_KEY, EVENTS_KEY

WHO: Final = "example@youremail.com"
WHEN: Final = "2024-03-15T02:31:05.295Z"  # a fixed time makes the batch repeatable: posted twice, it counts once
BATCH: Final = {
    "batch": [
        {
            "correlationKey": "_id",
            "correlationValue": "device-1",
            "source": "custom",
            "event": "$identify",
            "payload": {"distinct_id": WHO, "first_name": "Ada"},
            "timestamp": WHEN,
        },
        {
            "correlationKey": "_id",
            "correlationValue": "device-1",
            "source": "custom",
            "event": "trigger_some_message",
            "payload": {"some_value": "the_value"},
            "timestamp": WHEN,
        },
    ]
}


def banner(url: str, emulator: str, *, has_clock: bool = True) -> str:
    """The way to a first mail, ready to paste; without the clock where it cannot be advanced."""
    admin = f'-H "Authorization: Api-Key {ADMIN_KEY}"'
    return f"""
Waypost runs at {url}   (AWS: {emulator}, account 000000000000; Ctrl-C ends both)

Name a customer and trigger the journey "welcome":

  curl -s {url}/api/events/batch/ \\
    -H "Authorization: Api-Key {EVENTS_KEY}" -H "Content-Type: application/json" \\
    -d '{json.dumps(BATCH)}'

Look at what came of it:

  curl -s {url}/_local/mails
  curl -s "{url}/api/customers?primaryKey={WHO}" {admin}
  curl -s "{url}/api/events?event=trigger_some_message" {admin}
  curl -s "{url}/api/messages" {admin}
  curl -s {url}/api/journeys/welcome {admin}
  curl -s {url}/api/openapi.json
{_clock(url) if has_clock else ""}"""


def _clock(url: str) -> str:
    return f"""
Let three days pass, with all that is due in them:

  curl -s {url}/_local/clock -d '{{"advance": "P3D"}}'
"""
