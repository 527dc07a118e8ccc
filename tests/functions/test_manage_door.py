"""The management door on the template's tables: what a caller is answered."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.manage import app
from tests.fakes.ingest_harness import ADA, event_of, identify, wire
from waypost import identify as identifying
from waypost import wiring
from waypost.adapters.dynamodb.events import Log, Receipts
from waypost.adapters.dynamodb.rejected_events import DynamoRejectedEvents
from waypost.adapters.dynamodb.table import Table
from waypost.domain.api_keys import key_hash
from waypost.domain.errors import StaleError, UnavailableError
from waypost.domain.intake.event_log import Page
from waypost.domain.intake.events import Rejected, RejectedEvent
from waypost.domain.intake.receipts import JourneyOutcome, Receipt
from waypost.web.routes import ROUTES, Route

EVENTS = Path(__file__).parents[2] / "events"
ADMIN = "waypost-local-admin-key"
NOW = datetime.now(UTC)
EVENTS_TABLE = Table("EventsTable")

pytestmark = pytest.mark.usefixtures("workspace")


@pytest.fixture
def workspace(tables: None) -> str:
    """The id of a new workspace that has the local run's admin key."""
    wiring.managing().keys.remove(key_hash(ADMIN))
    wiring.access.cache_clear()
    return wiring.new_workspace("acme", ADMIN)[0]


class Context(LambdaContext):
    """What Lambda tells a function of its call."""

    _aws_request_id = "lambda-request"


def call(method: str, path: str, body: Any = None, query: dict[str, str] | None = None, key: str | None = ADMIN) -> tuple[int, Any]:
    """Status and JSON of an answer."""
    answer = answered(method, path, None if body is None else json.dumps(body), query, key)
    return answer["statusCode"], json.loads(answer["body"] or "null")


def answered(
    method: str, path: str, body: str | None = None, query: dict[str, str] | None = None, key: str | None = ADMIN
) -> dict[str, Any]:
    """The whole answer."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Api-Key {key}"} if key else {})
    request = {"httpMethod": method, "path": path, "headers": headers, "queryStringParameters": query, "body": body}
    return app.lambda_handler(request | {"requestContext": {"requestId": "request-1"}}, Context())


def from_folder(name: str) -> tuple[int, Any]:
    """Status and JSON of the answer to a request of the folder of events."""
    answer = app.lambda_handler(json.loads((EVENTS / f"manage-{name}.json").read_text()), Context())
    return answer["statusCode"], json.loads(answer["body"] or "null")


def named(raw: dict[str, Any]) -> None:
    """Carries out an `$identify` in the workspace of the admin key."""
    workspace = wiring.access().admit(f"Api-Key {ADMIN}", "admin", NOW).workspace
    identifying.identify_customer(wiring.managing().customers, workspace, event_of(raw))


def test_a_team_sets_up_its_workspace_with_the_folders_requests() -> None:
    """Schema, key, journey, publish: each example that the README names works as it stands."""
    assert from_folder("save-schema")[1]["primaryKey"] == {"name": "email", "type": "Email"}
    status, key = from_folder("add-key")
    assert (status, key["key"], key["prefix"]) == (201, "M4jxXt6diYz1Dds1YmhHe93KGPAUi24PlXgaiRXi", "M4jxXt6d")
    assert from_folder("save-journey")[0] == 201
    status, journey = from_folder("publish-journey")
    assert (status, journey["status"], journey["publishedVersion"]) == (200, "published", 1)
    assert from_folder("find-customer")[0] == 404
    assert from_folder("list-events") == (200, {"items": [], "next": None})
    assert from_folder("redrive") == (200, {"redriven": 0})


def test_both_gateways_find_the_same_customer(workspace: str) -> None:
    """Payload formats 1.0 and 2.0, with a plus and an at sign in the address."""
    call("PUT", "/api/schema", {"primaryKey": {"name": "email", "type": "Email"}})
    named(identify("ada+news@example.com"))
    status, customer = from_folder("find-customer-http-api")
    assert (status, customer["primaryKey"], customer["correlationIds"]) == (200, "ada+news@example.com", ["device-1"])
    assert call("GET", "/api/customers", query={"primaryKey": "ada+news@example.com"}) == (200, customer)
    assert call("GET", f"/api/customers/{customer['id']}") == (200, customer)


def test_the_key_is_never_shown_again() -> None:
    """Neither in the list nor anywhere else; its id is good for revoking it."""
    key = call("POST", "/api/keys", {"scopes": ["events"], "name": "app"})[1]
    status, listed = call("GET", "/api/keys")
    assert status == 200
    assert key["key"] not in json.dumps(listed)
    assert [(each["name"], each["scopes"]) for each in listed["items"]] == [("app", ["events"]), ("first admin key", ["admin"])]
    assert call("DELETE", f"/api/keys/{key['id']}") == (204, None)
    assert call("DELETE", f"/api/keys/{key['id']}")[0] == 404


def test_an_events_key_manages_nothing() -> None:
    """403, while a key that is no key at all is 401."""
    key = call("POST", "/api/keys", {"scopes": ["events"]})[1]["key"]
    assert call("GET", "/api/schema", key=key)[0] == 403
    assert call("GET", "/api/schema", key="wrong" * 5)[0] == 401
    assert call("GET", "/api/schema", key=None)[0] == 401


@pytest.mark.parametrize("route", [each for each in ROUTES if each.scope == "admin"], ids=lambda each: each.name)
def test_no_route_of_management_works_without_a_key(route: Route) -> None:
    """Each of them, and the answer says how to come in."""
    answer = answered(route.method, route.path.replace("{", "").replace("}", ""), key=None)
    assert (answer["statusCode"], answer["headers"]["WWW-Authenticate"]) == (401, "Api-Key")


@pytest.mark.parametrize(("method", "path"), [("GET", "/api/health"), ("GET", "/api/openapi.json"), ("OPTIONS", "/api/events/")])
def test_some_answers_need_no_key(method: str, path: str) -> None:
    """Health, the document, and what a browser asks first."""
    assert answered(method, path, key=None)["statusCode"] in (200, 204)


@pytest.mark.parametrize(
    ("method", "path", "body", "query", "status", "code", "place"),
    [
        ("PUT", "/api/schema", {"primarykey": {}}, None, 422, "invalid", "/primarykey"),
        ("PUT", "/api/schema", {"primaryKey": {"name": "_id"}}, None, 422, "invalid", "/primaryKey/name"),
        ("PUT", "/api/schema", {"attributes": {"n": "Int"}}, None, 422, "invalid", "/attributes/n"),
        ("PUT", "/api/schema", {"timezone": "Mars/Base"}, None, 422, "invalid", "/timezone"),
        ("PUT", "/api/schema", [], None, 422, "invalid", ""),
        ("POST", "/api/keys", {}, None, 422, "invalid", "/scopes"),
        ("POST", "/api/keys", {"scopes": ["root"]}, None, 422, "invalid", "/scopes/0"),
        ("POST", "/api/keys", {"scopes": ["events"], "key": "short"}, None, 422, "invalid", "/key"),
        ("POST", "/api/keys", {"scopes": ["events"], "expiresAt": "2030-01-01"}, None, 422, "invalid", "/expiresAt"),
        ("POST", "/api/keys", {"scopes": ["events"], "name": "\ud800"}, None, 422, "bad-text", None),
        ("GET", "/api/keys", None, {"limit": "0"}, 400, "bad-parameter", "limit"),
        ("GET", "/api/keys", None, {"limit": "201"}, 400, "bad-parameter", "limit"),
        ("GET", "/api/keys", None, {"limit": "many"}, 400, "bad-parameter", "limit"),
        ("GET", "/api/keys", None, {"page": "2"}, 400, "bad-parameter", "page"),
        ("GET", "/api/keys", None, {"cursor": "nonsense"}, 400, "bad-cursor", None),
        ("GET", "/api/events", None, {"since": "yesterday"}, 400, "bad-parameter", "since"),
        ("GET", "/api/events", None, {"status": "lost"}, 400, "bad-parameter", "status"),
        ("GET", "/api/messages", None, {"status": "lost"}, 400, "bad-parameter", "status"),
        ("GET", "/api/customers", None, None, 400, "one-parameter", None),
        ("POST", "/api/dead-letters/redrive", {"ids": []}, None, 422, "invalid", "/ids"),
        ("GET", "/api/journeys/" + "x" * 2000, None, None, 404, "not-found", None),
        ("GET", "/api/customers/" + "語" * 250, None, None, 404, "not-found", None),
        ("PUT", "/api/journeys/schema", {}, None, 405, "method-not-allowed", None),
        ("GET", "/api/unknown", None, None, 404, "not-found", None),
        ("POST", "/api/journeys/welcome/pause", None, None, 404, "not-found", None),
    ],
)
def test_what_is_wrong_is_named(
    method: str, path: str, body: Any, query: dict[str, str] | None, status: int, code: str, place: str | None
) -> None:
    """A stable code, and where it is: a pointer into the body, or the parameter."""
    got, problem = call(method, path, body, query)
    assert (got, problem["code"], problem["requestId"]) == (status, code, "request-1")
    if place is not None:
        assert [each.get("pointer", each.get("parameter")) for each in problem["errors"]] == [place]


@pytest.mark.parametrize(
    ("body", "status"), [("{", 400), ("", 400), ('"' + "x" * 1024 * 1024 + '"', 413), ("[" * 5_000 + "]" * 5_000, 422)]
)
def test_no_body_takes_the_door_down(body: str, status: int) -> None:
    """Broken, missing, too large, or nested without end."""
    assert answered("PUT", "/api/journeys/welcome", body)["statusCode"] == status


def test_a_bug_is_a_500_that_tells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """No trace and no text of the exception, but the request's id, under which our log has it."""
    monkeypatch.setattr(wiring, "managing", lambda: 1 / 0)
    status, problem = call("GET", "/api/schema")
    assert (status, problem["code"], problem["requestId"]) == (500, "internal-error", "request-1")
    assert "division" not in json.dumps(problem)


@pytest.mark.parametrize(
    ("error", "status", "code"), [(UnavailableError("throttled"), 503, "unavailable"), (StaleError("late"), 409, "changed-meanwhile")]
)
def test_a_world_that_is_down_and_a_lost_race_are_told_apart(
    monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, code: str
) -> None:
    """503 with `Retry-After` for the one, 409 for the other."""

    def managing() -> None:
        raise error

    monkeypatch.setattr(wiring, "managing", managing)
    answer = answered("GET", "/api/schema")
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (status, code)
    assert ("Retry-After" in answer["headers"]) is (status == 503)


def test_a_journey_answers_with_its_definition() -> None:
    """As it was saved, with its status and both versions."""
    draft = {"name": "Later", "steps": [], "odd": 2.5}
    assert call("PUT", "/api/journeys/later", draft)[0] == 201
    status, journey = call("PUT", "/api/journeys/later", draft)
    assert (status, journey["version"], journey["publishedVersion"], journey["status"]) == (200, 2, None, "draft")
    assert journey["definition"] == {"id": "later", **draft}
    assert call("GET", "/api/journeys/later")[1] == journey
    assert "definition" not in call("GET", "/api/journeys")[1]["items"][0]
    status, problem = call("POST", "/api/journeys/later/publish")
    assert status == 422
    assert {each["pointer"] for each in problem["errors"]} >= {"/entry", "/odd"}


def test_the_live_tracker_shows_receipts_with_payloads(workspace: str) -> None:
    """The newest first, one page's events apart, filtered by name and time."""
    events = [event_of(wire("bought", uuid=f"e{number}", payload={"total": number})) for number in range(3)]
    receipt = Receipt("e2", "bought", NOW, "c_1", (JourneyOutcome("welcome", "entered", None, "r_1"),), ("msg_1",))
    Log(Receipts(EVENTS_TABLE, timedelta(days=90))).write(Page(workspace, "c_1", NOW, "s1", tuple(events)), [receipt])
    status, first = call("GET", "/api/events", query={"limit": "2"})
    assert (status, [each["uuid"] for each in first["items"]]) == (200, ["e2", "e1"])
    assert first["items"][0]["journeys"] == [{"journey": "welcome", "outcome": "entered", "reason": None, "run": "r_1"}]
    assert (first["items"][0]["messages"], first["items"][0]["payload"]) == (["msg_1"], {"total": 2})
    rest = call("GET", "/api/events", query={"cursor": first["next"]})[1]
    assert ([each["uuid"] for each in rest["items"]], rest["next"]) == (["e0"], None)
    assert call("GET", "/api/events", query={"event": "other"})[1]["items"] == []
    assert call("GET", "/api/events", query={"since": "2100-01-01T00:00:00Z"})[1]["items"] == []
    assert call("GET", "/api/events/e2")[1]["journeys"] == first["items"][0]["journeys"]
    assert call("GET", "/api/events/e1")[0] == 404


def test_a_refused_event_is_shown_as_it_was_sent(workspace: str) -> None:
    """With its error; even one that quotes half a surrogate pair, and without its body one that is nested too deeply."""
    rejected = DynamoRejectedEvents(EVENTS_TABLE)
    deep: Any = []
    for _ in range(400):
        deep = [deep]
    sent = [
        RejectedEvent(0, {"event": "\ud800", "payload": 3}, Rejected("bad-text", "half a pair", "/batch/0/event")),
        RejectedEvent(1, {"event": "deep", "payload": deep}, Rejected("too-deep", "16 levels", "/batch/1/payload")),
    ]
    rejected.keep(workspace, NOW, "request-0", sent)
    rejected.count(workspace, NOW, 2)
    status, tracked = call("GET", "/api/events", query={"status": "rejected"})
    assert (status, tracked["next"]) == (200, None)
    newest, oldest = tracked["items"]
    assert (newest["error"]["code"], newest["sent"]) == ("too-deep", None)
    assert (oldest["status"], oldest["event"], oldest["payload"], oldest["error"]["pointer"]) == ("rejected", "\ud800", 3, "/batch/0/event")
    only = call("GET", "/api/events", query={"status": "rejected", "event": "deep"})[1]["items"]
    assert [each["event"] for each in only] == ["deep"]


def test_the_primary_key_stays_once_somebody_has_one() -> None:
    """However the customer came: the marker is written before the first named customer."""
    schema = {"primaryKey": {"name": "email", "type": "Email"}}
    assert call("PUT", "/api/schema", schema)[0] == 200
    assert call("PUT", "/api/schema", {"primaryKey": {"name": "id", "type": "String"}})[0] == 200
    call("PUT", "/api/schema", schema)
    named(identify())
    assert call("PUT", "/api/schema", {"primaryKey": {"name": "id", "type": "String"}})[1]["code"] == "primary-key-in-use"
    assert call("PUT", "/api/schema", schema | {"attributes": {"plan": "String"}})[1]["attributes"] == {"plan": "String"}


def test_a_workspace_reads_nothing_of_its_neighbours() -> None:
    """Journeys, customers, keys: all of another workspace is absent."""
    other = wiring.new_workspace("other")[1]
    call("PUT", "/api/schema", {"primaryKey": {"name": "email", "type": "Email"}})
    call("PUT", "/api/journeys/welcome", {})
    named(identify())
    customer = call("GET", "/api/customers", query={"primaryKey": ADA})[1]["id"]
    for path in ("/api/journeys/welcome", f"/api/customers/{customer}"):
        assert call("GET", path)[0] == 200
        assert call("GET", path, key=other)[0] == 404
    assert call("GET", "/api/customers", query={"correlationId": "device-1"}, key=other)[0] == 404
    assert call("GET", "/api/journeys", key=other)[1]["items"] == []
    assert len(call("GET", "/api/keys", key=other)[1]["items"]) == 1


def test_a_rotated_secret_leaves_the_old_one_good_for_a_while() -> None:
    """Receivers can take both until they have the new one."""
    secret = call("GET", "/api/webhooks/secret")[1]["secret"]
    status, rotated = call("POST", "/api/webhooks/secret")
    assert (status, rotated["previous"]) == (201, secret)
    assert rotated["secret"] != secret
    assert call("GET", "/api/webhooks/secret")[1] == rotated
