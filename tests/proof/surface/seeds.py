"""A workspace in which every list has items, so that a request with an id of it finds something."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tests.proof.scenarios import END, HELLO, NUDGE, RETRIES, event, identify, receivers_answer, webhook_step
from tests.proof.surface.application import Application

DRAW: Final = {
    "id": "draw",
    "name": "Draw",
    "entry": {"event": "drawn", "reentry": {"mode": "always"}},
    "steps": [
        {
            "id": "draw",
            "type": "experiment",
            "branches": [{"id": "a", "weight": 50, "next": "hook"}, {"id": "b", "weight": 50, "next": "end"}],
        },
        webhook_step("hook", "end"),
        END,
    ],
}


@dataclass(frozen=True)
class Seeds:
    """Ids that exist, by the name of a variable in a path or of a parameter; paths whose `id` is another one have their own names."""

    ids: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def of(self, path: str, name: str) -> Sequence[str]:
        """The ids that a variable of this path may have."""
        return self.ids.get(f"{path.split('/')[2]} {name}" if path.startswith("/api/") else name) or self.ids.get(name, ())


def seeded(application: Application) -> Seeds:
    """Fills the workspace by requests of its clients, and processes them."""
    receivers_answer(404)(application.system)
    for definition in (HELLO, NUDGE, RETRIES, DRAW):
        _done(application, "PUT", f"/api/journeys/{definition['id']}", definition)
        _done(application, "POST", f"/api/journeys/{definition['id']}/publish")
    _done(application, "PUT", "/api/journeys/draft", {"name": "Draft"})
    application.system.clock.advance(11)
    batch = [identify("e1"), event("e2", "signed_up"), event("e3", "drawn"), event("e4", "drawn", "device-2"), {"event": "rejected"}]
    _done(application, "POST", "/api/events/batch", {"batch": batch})
    application.settle()
    application.system.clock.advance(11)
    _done(application, "POST", "/api/suppressions", {"items": [{"channel": "email", "address": "gone@example.com"}]})
    key = _done(application, "POST", "/api/keys", {"name": "app", "scopes": ["events"]})["id"]
    customers = [_done(application, "GET", "/api/customers", correlationId=each)["id"] for each in ("device-1", "device-2")]
    change = {"state": "subscribed", "topic": "general", "channel": "email"}
    _done(application, "POST", f"/api/customers/{customers[0]}/consents", change)
    application.settle()
    journeys = ["hello", "nudge", "retries", "draw", "draft"]
    return Seeds(
        {
            "journeys id": journeys,
            "keys id": [key],
            "customers id": customers,
            "erasures id": customers,
            "messages id": [each["id"] for each in _done(application, "GET", "/api/messages")["items"]],
            "dead-letters id": [each["id"] for each in _done(application, "GET", "/api/dead-letters")["items"]],
            "uuid": ["e1", "e2", "e3", "e4"],
            "step": ["draw"],
            "goal": ["hook", "end"],
            "journey": journeys,
            "customer": customers,
            "cursor": [
                cursor
                for path in ("events", "messages", "keys", "journeys", "dead-letters", f"customers/{customers[0]}/timeline")
                if (cursor := _done(application, "GET", f"/api/{path}", limit="1")["next"])
            ],
        }
    )


def _done(application: Application, method: str, path: str, body: Any = None, **query: str) -> Any:
    answer = application.call(method, path, body, **query)
    assert answer.status < 300, (method, path, answer.text)
    return answer.json
