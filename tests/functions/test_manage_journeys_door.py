"""Journeys over the management door on the template's tables: their life, their dry run, their picture."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.manage import app
from tests.fakes.ingest_harness import event_of, identify, wire
from waypost import identify as identifying
from waypost import wiring
from waypost.adapters.dynamodb.events import DynamoLog, DynamoReceipts
from waypost.adapters.dynamodb.table import Table
from waypost.domain.api_keys import key_hash
from waypost.domain.intake.event_log import Page
from waypost.domain.values.wire_time import iso

ADMIN = "waypost-local-admin-key"
NOW = datetime(2026, 11, 23, 5, 17, 13, tzinfo=UTC)
WELCOME = {
    "entry": {"event": "signed_up"},
    "exit": [{"event": "unsubscribed"}],
    "steps": [
        {
            "id": "hello",
            "type": "message",
            "channel": "email",
            "template": {"subject": "Hi {{ customer.name }}", "text": "You said {{ event.payload.word }}."},
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

pytestmark = pytest.mark.usefixtures("workspace")


@pytest.fixture
def workspace(tables: None) -> str:
    """The id of a new workspace with one saved journey."""
    wiring.managing().keys.remove(key_hash(ADMIN))
    wiring.access.cache_clear()
    made = wiring.new_workspace("acme", ADMIN)[0]
    call("PUT", "/api/schema", {"primaryKey": {"name": "email", "type": "Email"}, "timezone": "Europe/Berlin"})
    call("PUT", "/api/journeys/welcome", WELCOME)
    return made


class Context(LambdaContext):
    """What Lambda tells a function of its call."""

    _aws_request_id = "lambda-request"


def answered(method: str, path: str, body: Any = None, query: dict[str, str] | None = None) -> dict[str, Any]:
    """The whole answer."""
    headers = {"Content-Type": "application/json", "Authorization": f"Api-Key {ADMIN}"}
    request = {"httpMethod": method, "path": path, "headers": headers, "queryStringParameters": query}
    return app.lambda_handler({**request, "body": None if body is None else json.dumps(body), "requestContext": {}}, Context())


def call(method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """Status and JSON of an answer."""
    answer = answered(method, path, body)
    return answer["statusCode"], json.loads(answer["body"] or "null")


def at(**after: float) -> str:
    """An instant after the sign-up."""
    return iso(NOW + timedelta(**after))


def test_a_journeys_life_over_http() -> None:
    """Publish, pause, resume, stop; each answers the journey, a wrong move is 409."""
    assert call("POST", "/api/journeys/welcome/pause")[0] == 409
    for step, status in (("publish", "published"), ("pause", "paused"), ("resume", "published"), ("stop", "stopped")):
        answer = call("POST", f"/api/journeys/welcome/{step}")
        assert (answer[0], answer[1]["status"], answer[1]["id"]) == (200, status, "welcome")
    for step in ("publish", "pause", "resume", "stop"):
        status_code, problem = call("POST", f"/api/journeys/welcome/{step}")
        assert (status_code, problem["code"]) == (409, "wrong-move")


def test_a_dry_run_shows_moves_and_messages_with_times_and_reasons() -> None:
    """In the order of time, rendered; nothing is stored."""
    events = [
        {"event": "signed_up", "payload": {"word": "yes"}, "at": at()},
        {"event": "page_view", "at": at(days=1)},
        {"event": "signed_up", "at": at(days=1)},
    ]
    status, done = call(
        "POST",
        "/api/journeys/welcome/simulate",
        {"customer": {"primaryKey": "ada@example.com", "attributes": {"name": "Ada"}}, "events": events},
    )
    assert status == 200
    assert [(move["at"], move["step"], move["reason"]) for move in done["moves"]] == [
        (at(), "hello", "entered"),
        (at(), "bought", "next"),
        (at(days=3), "nudge", "timeout"),
        (at(days=3), "end", "next"),
        (at(days=3), "end", "finished"),
    ]
    assert [(each["at"], each["step"], each["channel"], each["rendered"]) for each in done["messages"]] == [
        (at(), "hello", "email", {"subject": "Hi Ada", "text": "You said yes."}),
        (at(days=3), "nudge", "email", {"subject": "Well?", "text": "Come back."}),
    ]
    assert done["ignored"] == [{"at": at(days=1), "event": "signed_up", "reason": "already-entered"}]
    assert call("GET", "/api/messages")[1]["items"] == []
    assert answered("GET", "/api/customers", query={"primaryKey": "ada@example.com"})["statusCode"] == 404


def test_a_dry_run_knows_the_customer_and_what_it_is_told() -> None:
    """Stored attributes, over them the given ones, over them what the events set."""
    ada(identify("ada@example.com", name="Stored", city="Paris"))
    for given, events, subject in [
        ({}, [], "Hi Stored"),
        ({"name": "Given"}, [], "Hi Given"),
        ({"name": "Given"}, [{"event": "$set", "payload": {"name": "Set"}, "at": at(seconds=-1)}], "Hi Set"),
    ]:
        body = {
            "customer": {"primaryKey": "Ada@example.com", "attributes": given},
            "events": [*events, {"event": "signed_up", "at": at()}],
        }
        assert call("POST", "/api/journeys/welcome/simulate", body)[1]["messages"][0]["rendered"]["subject"] == subject


def ada(raw: dict[str, Any]) -> None:
    """Carries out an `$identify` in the workspace of the admin key."""
    admitted = wiring.access().admit(f"Api-Key {ADMIN}", "admin", NOW).workspace
    identifying.identify_customer(wiring.managing().customers, admitted, event_of(raw))


def test_a_dry_run_plays_recorded_events(workspace: str) -> None:
    """Those of the customer, of a span of time, in their order."""
    ada(identify("ada@example.com", name="Ada"))
    customer = json.loads(answered("GET", "/api/customers", query={"primaryKey": "ada@example.com"})["body"])["id"]
    log = DynamoLog(DynamoReceipts(Table("EventsTable"), timedelta(days=90)))
    for days, name in [(-9, "signed_up"), (0, "signed_up"), (2, "purchase")]:
        event = replace(event_of(wire(name, uuid=f"e{days}")), facts={})
        log.write(Page(workspace, customer, NOW + timedelta(days=days), f"s{days}", (event,)), [])
    body = {"customer": {"primaryKey": "ada@example.com"}, "recorded": {"since": at(days=-1), "until": at(days=5)}}
    done = call("POST", "/api/journeys/welcome/simulate", body)[1]
    assert [(move["at"], move["step"]) for move in done["moves"]][1:3] == [(at(), "bought"), (at(days=2), "end")]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"customer": {"primaryKey": "no e-mail"}}, 422),
        ({"customer": {"primaryKey": "bob@example.com"}, "recorded": {"since": "2026-11-01"}}, 422),
        ({"events": [{"event": "x"}]}, 422),
        ({"events": [{"event": "x", "at": "soon"}]}, 422),
        ({"events": [{"event": "$identify", "at": "2026-11-23T05:17:13Z"}]}, 422),
        ({"events": []}, 200),
        ({"nonsense": 1}, 422),
    ],
)
def test_what_cannot_be_played_is_refused(body: Any, status: int) -> None:
    """Never a 500."""
    assert call("POST", "/api/journeys/welcome/simulate", body)[0] == status


def test_a_draft_that_cannot_run_is_not_simulated() -> None:
    """The answer is the one that publishing would give."""
    call("PUT", "/api/journeys/rough", {"entry": {"event": "x"}, "steps": []})
    status, problem = call("POST", "/api/journeys/rough/simulate", {})
    assert (status, problem["errors"][0]["pointer"]) == (422, "/steps")
    assert call("POST", "/api/journeys/nowhere/simulate", {})[0] == 404


def test_a_journey_is_drawn_with_and_without_counts() -> None:
    """As text that Mermaid draws."""
    answer = answered("GET", "/api/journeys/welcome/diagram")
    assert answer["headers"]["Content-Type"].startswith("text/plain")
    assert answer["body"].startswith("flowchart TD\n")
    assert "0 here" in answered("GET", "/api/journeys/welcome/diagram", query={"counts": "true"})["body"]
    call("PUT", "/api/journeys/rough", {"entry": {"event": "x"}, "steps": [{"id": "a", "type": "jumpTo", "next": "nowhere"}]})
    assert call("GET", "/api/journeys/rough/diagram")[0] == 422
