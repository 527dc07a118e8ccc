"""The text that `make run` prints when the stack is ready."""

from __future__ import annotations

import json
from typing import Final

from functions.local.seed import ADMIN_KEY, EVENTS_KEY

CUSTOMER_EMAIL: Final = "example@youremail.com"
TIMESTAMP: Final = "2024-03-15T02:31:05.295Z"  # with a fixed time a second post of the batch is a duplicate, which has no effect
BATCH: Final = {
    "batch": [
        {
            "correlationKey": "_id",
            "correlationValue": "device-1",
            "source": "custom",
            "event": "$identify",
            "payload": {"distinct_id": CUSTOMER_EMAIL, "first_name": "Ada"},
            "timestamp": TIMESTAMP,
        },
        {
            "correlationKey": "_id",
            "correlationValue": "device-1",
            "source": "custom",
            "event": "trigger_some_message",
            "payload": {"some_value": "the_value"},
            "timestamp": TIMESTAMP,
        },
    ]
}


def banner(url: str, emulator: str, *, has_clock: bool = True) -> str:
    """The commands that lead to a first e-mail, ready to paste. `url` is the address of Waypost, `emulator` that of the emulated AWS.

    `has_clock` says whether the clock can be advanced.
    """
    admin = f'-H "Authorization: Api-Key {ADMIN_KEY}"'
    return f"""
Open the console, a page that shows all that follows:

  {url}/console#key={ADMIN_KEY}

Waypost runs at {url}   (AWS: {emulator}, account 000000000000; Ctrl-C stops both)

The demo workspace's primary key is an e-mail address, named `email`: `distinct_id` holds the one of the customer.
Identify a customer and send the event that starts the journey "welcome":

  curl -s {url}/api/events/batch/ \\
    -H "Authorization: Api-Key {EVENTS_KEY}" -H "Content-Type: application/json" \\
    -d '{json.dumps(BATCH)}'

See what happened:

  curl -s {url}/_local/mails
  curl -s "{url}/api/customers?primaryKey={CUSTOMER_EMAIL}" {admin}
  curl -s "{url}/api/events?event=trigger_some_message" {admin}
  curl -s "{url}/api/messages" {admin}
  curl -s {url}/api/journeys/welcome {admin}
  curl -s {url}/api/openapi.json
{_clock(url) if has_clock else ""}
The log of the functions follows, one line for each record.
"""


def _clock(url: str) -> str:
    return f"""
Advance the clock by three days; everything that becomes due in them is done:

  curl -s {url}/_local/clock -d '{{"advance": "P3D"}}'
"""
