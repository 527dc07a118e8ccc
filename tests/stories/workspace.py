"""A workspace of the running stack, used over HTTP with its own keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx

from tests.stories.backends import AnyStack
from tests.stories.http_client import http


@dataclass(frozen=True)
class Workspace:
    """One tenant. Each test has a workspace of its own, so tests do not affect each other."""

    stack: AnyStack
    id: str
    admin_key: str
    events_key: str

    @classmethod
    def create(cls, stack: AnyStack) -> Workspace:
        """Creates a workspace whose customers have an e-mail address as their primary key, with an admin key and an events key."""
        created = stack.new_workspace(f"story {uuid4().hex[:8]}")
        workspace = cls(stack, created["id"], created["key"], f"story-events-key-{uuid4().hex}")
        workspace.put("/api/schema", {"primaryKey": {"name": "email", "type": "Email"}, "attributes": {}, "timezone": "UTC"})
        workspace.post("/api/keys", {"scopes": ["events"], "key": workspace.events_key})
        return workspace

    def request(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """The response to a call of the management API, whatever its status."""
        headers = {"Authorization": f"Api-Key {self.admin_key}"}
        return http.request(method, self.stack.url + path, json=body, headers=headers)

    def get(self, path: str) -> Any:
        """The body of a successful GET."""
        return self.request("GET", path).raise_for_status().json()

    def put(self, path: str, body: Any) -> Any:
        """The body of a successful PUT."""
        return self.request("PUT", path, body).raise_for_status().json()

    def post(self, path: str, body: Any = None) -> Any:
        """The body of a successful POST."""
        return self.request("POST", path, body).raise_for_status().json()

    def publish(self, journey: dict[str, Any]) -> None:
        """Saves a journey and publishes it."""
        self.put(f"/api/journeys/{journey['id']}", journey)
        self.post(f"/api/journeys/{journey['id']}/publish")

    def send(self, *events: dict[str, Any], path: str = "/api/events/batch/") -> httpx.Response:
        """The response to a batch of events that is posted with the events key."""
        headers = {"Authorization": f"Api-Key {self.events_key}"}
        return http.post(self.stack.url + path, json={"batch": events}, headers=headers)

    def email(self, name: str) -> str:
        """An e-mail address that belongs to this workspace only."""
        return f"{name}@{self.id.replace('_', '-')}.example.org"

    def mails_to(self, address: str) -> list[dict[str, Any]]:
        """The e-mails to an address, newest first."""
        return [mail for mail in self.stack.mails() if address in mail["to"]]

    def customer(self, primary_key: str) -> dict[str, Any]:
        """The customer with a primary key."""
        found: dict[str, Any] = self.get(f"/api/customers?primaryKey={primary_key}")
        return found


def identify(correlation_id: str, email: str, **attributes: Any) -> dict[str, Any]:
    """An `$identify` that gives a correlation id a primary key."""
    payload = {"distinct_id": email, **attributes}
    return {"correlationKey": "_id", "correlationValue": correlation_id, "event": "$identify", "payload": payload}


def trigger(correlation_id: str, name: str, **payload: Any) -> dict[str, Any]:
    """An event with a name of its own under a correlation id."""
    return {"correlationKey": "_id", "correlationValue": correlation_id, "event": name, "payload": payload}


def mailing(journey: str, event: str, **entry: Any) -> dict[str, Any]:
    """A journey that an event enters and that sends one e-mail; `entry` are further members of its entry."""
    template = {"subject": "Hello {{ customer.first_name | default: 'there' }}", "text": "Because of {{ event.name }}."}
    steps = [
        {"id": "hello", "type": "message", "channel": "email", "template": template, "next": "end"},
        {"id": "end", "type": "exit"},
    ]
    return {"id": journey, "name": journey, "entry": {"event": event, "reentry": {"mode": "once"}} | entry, "steps": steps}
