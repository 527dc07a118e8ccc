"""The management function on the template's tables: what a caller gets."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from functions.manage import app
from tests.fakes.api_client import Context, call, new_workspace, send, status_and_json
from tests.fakes.ingest_harness import ADA, event_of, identify, wire
from tests.fakes.messages import pending_message
from waypost import identify as identifying
from waypost import wiring
from waypost.adapters.dynamodb import message_items
from waypost.adapters.dynamodb.events import DynamoLog, DynamoReceipts
from waypost.adapters.dynamodb.rejected_events import DynamoRejectedEvents
from waypost.adapters.dynamodb.table import Table
from waypost.domain.customers.identifiers import correlation_identifier
from waypost.domain.customers.rows import correlation_key
from waypost.domain.errors import StaleError, UnavailableError
from waypost.domain.intake.event_log import Page
from waypost.domain.intake.events import Rejected, RejectedEvent
from waypost.domain.intake.receipts import JourneyOutcome, Receipt
from waypost.manage.api import Operation
from waypost.manage.operations import ALL_OPERATIONS

EVENTS = Path(__file__).parents[2] / "events"
NOW = datetime.now(UTC)
EVENTS_TABLE = Table("EventsTable")

pytestmark = pytest.mark.usefixtures("workspace")


@pytest.fixture
def workspace(tables: None) -> str:
    """The id of a new workspace that has the admin key of the local run."""
    return new_workspace()


def call_with_event(name: str) -> tuple[int, Any]:
    """Status and JSON of the response to an event of the folder `events/`."""
    return status_and_json(app.lambda_handler(json.loads((EVENTS / f"manage-{name}.json").read_text()), Context()))


def identify_in(workspace: str, raw: dict[str, Any]) -> None:
    """Carries out an `$identify` in the workspace."""
    identifying.identify_customer(wiring.managing().customers, workspace, event_of(raw))


def test_the_events_of_the_folder_set_up_a_workspace() -> None:
    """The example events save a schema, add a key, and save and publish a journey as they stand."""
    assert call_with_event("save-schema")[1]["primaryKey"] == {"name": "email", "type": "Email"}
    status, key = call_with_event("add-key")
    assert (status, key["key"], key["prefix"]) == (201, "M4jxXt6diYz1Dds1YmhHe93KGPAUi24PlXgaiRXi", "M4jxXt6d")
    assert call_with_event("save-journey")[0] == 201
    status, journey = call_with_event("publish-journey")
    assert (status, journey["status"], journey["publishedVersion"]) == (200, "published", 1)
    assert call_with_event("find-customer")[0] == 404
    assert call_with_event("list-events") == (200, {"items": [], "next": None})
    assert call_with_event("redrive") == (200, {"redriven": 0, "next": None})


def test_both_payload_formats_find_the_same_customer(workspace: str) -> None:
    """An address with a plus sign and an at sign is found in payload formats 1.0 and 2.0."""
    call("PUT", "/api/schema", {"primaryKey": {"name": "email", "type": "Email"}})
    identify_in(workspace, identify("ada+news@example.com"))
    status, customer = call_with_event("find-customer-http-api")
    assert (status, customer["primaryKey"], customer["correlationIds"]) == (200, "ada+news@example.com", ["device-1"])
    assert call("GET", "/api/customers", query={"primaryKey": "ada+news@example.com"}) == (200, customer)
    assert call("GET", f"/api/customers/{customer['id']}") == (200, customer)


def test_a_key_is_shown_only_when_it_is_added() -> None:
    """The list of keys does not hold the key itself, and its id is enough to revoke it."""
    key = call("POST", "/api/keys", {"scopes": ["events"], "name": "app"})[1]
    status, listed = call("GET", "/api/keys")
    assert status == 200
    assert key["key"] not in json.dumps(listed)
    assert [(each["name"], each["scopes"]) for each in listed["items"]] == [("app", ["events"]), ("first admin key", ["admin"])]
    assert call("DELETE", f"/api/keys/{key['id']}") == (204, None)
    assert call("DELETE", f"/api/keys/{key['id']}")[0] == 404


def test_an_events_key_cannot_manage_anything() -> None:
    """A key with the scope `events` is 403; an unknown key and a missing one are 401."""
    key = call("POST", "/api/keys", {"scopes": ["events"]})[1]["key"]
    assert call("GET", "/api/schema", key=key)[0] == 403
    assert call("GET", "/api/schema", key="wrong" * 5)[0] == 401
    assert call("GET", "/api/schema", key=None)[0] == 401


@pytest.mark.parametrize("operation", [each for each in ALL_OPERATIONS if each.scope == "admin"], ids=lambda each: each.name)
def test_no_operation_of_management_works_without_a_key(operation: Operation) -> None:
    """Each is 401 without a key, and the response names the scheme of the header."""
    response = send(operation.method, operation.path.replace("{", "").replace("}", ""), key=None)
    assert (response["statusCode"], response["headers"]["WWW-Authenticate"]) == (401, "Api-Key")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/api/health"), ("GET", "/api/openapi.json"), ("GET", "/api/journeys/schema"), ("OPTIONS", "/api/events/")]
)
def test_some_operations_need_no_key(method: str, path: str) -> None:
    """Health, the OpenAPI document, the JSON Schema that editors load by its address, and the CORS preflight need no key."""
    assert send(method, path, key=None)["statusCode"] in (200, 204)


@pytest.mark.parametrize(
    ("method", "path", "body", "query", "status", "code", "fault"),
    [
        ("PUT", "/api/schema", {"primarykey": {}}, None, 422, "invalid", "/primarykey"),
        ("PUT", "/api/schema", {"primaryKey": {"name": "_id"}}, None, 422, "invalid", "/primaryKey/name"),
        ("PUT", "/api/schema", {"attributes": {"n": "Int"}}, None, 422, "invalid", "/attributes/n"),
        ("PUT", "/api/schema", {"timezone": "Mars/Base"}, None, 422, "invalid", "/timezone"),
        ("PUT", "/api/schema", {"timezone": "localtime"}, None, 422, "invalid", "/timezone"),
        ("PUT", "/api/schema", {"timezone": "right/Europe/Paris"}, None, 422, "invalid", "/timezone"),
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
        ("GET", "/api/messages", None, {"customer": "ada@example.com"}, 400, "bad-parameter", "customer"),
        ("GET", "/api/messages", None, {"journey": "Welcome mail"}, 400, "bad-parameter", "journey"),
        ("GET", "/api/customers", None, None, 400, "one-parameter", None),
        ("POST", "/api/dead-letters/redrive", {"ids": []}, None, 422, "invalid", "/ids"),
        ("GET", "/api/journeys/" + "x" * 2000, None, None, 404, "not-found", None),
        ("GET", "/api/customers/" + "語" * 250, None, None, 404, "not-found", None),
        ("PUT", "/api/journeys/schema", {}, None, 405, "method-not-allowed", None),
        ("GET", "/api/unknown", None, None, 404, "not-found", None),
        ("POST", "/api/journeys/welcome/pause", None, None, 404, "not-found", None),
    ],
)
def test_a_wrong_request_gets_a_code_and_the_place_of_the_fault(
    method: str, path: str, body: Any, query: dict[str, str] | None, status: int, code: str, fault: str | None
) -> None:
    """The problem has a stable code, and names the fault by a pointer into the body or by the parameter."""
    got, problem = call(method, path, body, query)
    assert (got, problem["code"], problem["requestId"]) == (status, code, "request-1")
    if fault is not None:
        assert [each.get("pointer", each.get("parameter")) for each in problem["errors"]] == [fault]


@pytest.mark.parametrize(
    ("body", "status"), [("{", 400), ("", 400), ('"' + "x" * 1024 * 1024 + '"', 413), ("[" * 5_000 + "]" * 5_000, 422)]
)
def test_a_body_that_cannot_be_read_is_a_client_error(body: str, status: int) -> None:
    """A broken, missing, too large or very deeply nested body is refused with a status of its own."""
    assert send("PUT", "/api/journeys/welcome", body)["statusCode"] == status


def test_an_unexpected_error_is_a_500_without_details(monkeypatch: pytest.MonkeyPatch) -> None:
    """The response has the request id, under which the log has the error, and no text of the exception."""
    monkeypatch.setattr(wiring, "managing", lambda: 1 / 0)
    status, problem = call("GET", "/api/schema")
    assert (status, problem["code"], problem["requestId"]) == (500, "internal-error", "request-1")
    assert "division" not in json.dumps(problem)


@pytest.mark.parametrize(
    ("error", "status", "code"), [(UnavailableError("throttled"), 503, "unavailable"), (StaleError("late"), 409, "changed-meanwhile")]
)
def test_an_outage_is_503_and_a_lost_race_is_409(monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, code: str) -> None:
    """An unavailable dependency is 503 with `Retry-After`; a write that lost a race is 409 without it."""

    def managing() -> None:
        raise error

    monkeypatch.setattr(wiring, "managing", managing)
    response = send("GET", "/api/schema")
    assert (response["statusCode"], json.loads(response["body"])["code"]) == (status, code)
    assert ("Retry-After" in response["headers"]) is (status == 503)


def test_a_journey_is_returned_with_its_definition() -> None:
    """The definition is returned as it was saved, with the status and both versions; the list leaves it out."""
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


def test_the_list_of_events_shows_receipts_and_payloads(workspace: str) -> None:
    """Events come newest first and page by page, with their receipts and payloads, filtered by name and time."""
    events = [event_of(wire("bought", uuid=f"e{number}", payload={"total": number})) for number in range(3)]
    receipt = Receipt("e2", "bought", NOW, "c_1", (JourneyOutcome("welcome", "entered", None, "r_1"),), ("msg_1",))
    DynamoLog(DynamoReceipts(EVENTS_TABLE, timedelta(days=90))).write(
        workspace, [Page(workspace, "c_1", NOW, "s1", tuple(events))], [receipt]
    )
    status, first = call("GET", "/api/events", query={"limit": "2"})
    assert (status, [each["uuid"] for each in first["items"]]) == (200, ["e2", "e1"])
    assert first["items"][0]["journeys"] == [{"journey": "welcome", "outcome": "entered", "reason": None, "run": "r_1", "branches": []}]
    assert (first["items"][0]["messages"], first["items"][0]["payload"]) == (["msg_1"], {"total": 2})
    rest = call("GET", "/api/events", query={"cursor": first["next"]})[1]
    assert ([each["uuid"] for each in rest["items"]], rest["next"]) == (["e0"], None)
    assert call("GET", "/api/events", query={"event": "other"})[1]["items"] == []
    assert call("GET", "/api/events", query={"since": "2100-01-01T00:00:00Z"})[1]["items"] == []
    assert call("GET", "/api/events/e2")[1]["journeys"] == first["items"][0]["journeys"]
    assert call("GET", "/api/events/e1")[0] == 404


def test_a_rejected_event_is_shown_as_it_was_sent(workspace: str) -> None:
    """It is listed with its error and all that was sent, even with a lone surrogate. One that is nested too deeply has no body."""
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


def test_the_primary_key_is_fixed_once_a_customer_has_one(workspace: str) -> None:
    """Another primary key is 409 after the first identified customer, and saved before; other changes are always saved."""
    schema = {"primaryKey": {"name": "email", "type": "Email"}}
    assert call("PUT", "/api/schema", schema)[0] == 200
    assert call("PUT", "/api/schema", {"primaryKey": {"name": "id", "type": "String"}})[0] == 200
    call("PUT", "/api/schema", schema)
    identify_in(workspace, identify())
    assert call("PUT", "/api/schema", {"primaryKey": {"name": "id", "type": "String"}})[1]["code"] == "primary-key-in-use"
    assert call("PUT", "/api/schema", schema | {"attributes": {"plan": "String"}})[1]["attributes"] == {"plan": "String"}


def test_a_workspace_sees_nothing_of_another_workspace(workspace: str) -> None:
    """The journeys, customers and keys of another workspace are 404 or not listed."""
    _, other = wiring.workspace_administration().create_workspace("other", None, wiring.now())
    call("PUT", "/api/schema", {"primaryKey": {"name": "email", "type": "Email"}})
    call("PUT", "/api/journeys/welcome", {})
    identify_in(workspace, identify())
    customer = call("GET", "/api/customers", query={"primaryKey": ADA})[1]["id"]
    for path in ("/api/journeys/welcome", f"/api/customers/{customer}"):
        assert call("GET", path)[0] == 200
        assert call("GET", path, key=other)[0] == 404
    assert call("GET", "/api/customers", query={"correlationId": "device-1"}, key=other)[0] == 404
    assert call("GET", "/api/journeys", key=other)[1]["items"] == []
    assert len(call("GET", "/api/keys", key=other)[1]["items"]) == 1


def test_a_rotation_keeps_the_old_secret_for_a_while() -> None:
    """The response has a new secret and the old one as `previous`, so that receivers can accept both."""
    secret = call("GET", "/api/webhooks/secret")[1]["secret"]
    status, rotated = call("POST", "/api/webhooks/secret")
    assert (status, rotated["previous"]) == (201, secret)
    assert rotated["secret"] != secret
    assert call("GET", "/api/webhooks/secret")[1] == rotated


def test_a_primary_key_in_the_place_of_a_customer_id_is_explained() -> None:
    """The refusal says how the id of a customer looks and where it is found; an empty list would look like an answer."""
    detail = call("GET", "/api/messages", query={"customer": "ada@example.com"})[1]["detail"]
    assert "begins with `c_`" in detail
    assert "primaryKey=" in detail


READ_PATHS = [each.path.replace("{id}", "welcome").replace("{uuid}", "e1") for each in ALL_OPERATIONS if each.method == "GET"]


@pytest.mark.parametrize("path", READ_PATHS)
def test_head_answers_each_route_of_get_without_a_body(path: str) -> None:
    """HEAD has the status and the headers of GET on every route, also for an error, and an empty body."""
    query = {"correlationId": "device-1"} if path == "/api/customers" else None
    got, head = send("GET", path, query=query), send("HEAD", path, query=query)
    assert (head["statusCode"], head["headers"], head["body"]) == (got["statusCode"], got["headers"], "")
    assert head["statusCode"] != 405


def test_a_405_of_a_route_that_can_be_read_allows_head() -> None:
    """`Allow` names HEAD beside GET, and only there."""
    assert send("POST", "/api/health")["headers"]["Allow"] == "GET, HEAD"
    assert send("GET", "/api/journeys/welcome/publish")["headers"]["Allow"] == "POST"


def test_health_ignores_parameters_that_monitors_add() -> None:
    """A health check with parameters is 200, without a key; other routes refuse a parameter that they do not know."""
    assert call("GET", "/api/health", query={"cachebuster": "1", "utm_source": "monitor"}, key=None) == (200, {"status": "ok"})
    assert call("GET", "/api/schema", query={"cachebuster": "1"})[0] == 400


def test_a_zone_of_a_workspace_is_saved_with_its_own_capitals() -> None:
    """`europe/paris` is saved and answered as `Europe/Paris`."""
    assert call("PUT", "/api/schema", {"timezone": "europe/paris"})[1]["timezone"] == "Europe/Paris"
    assert call("GET", "/api/schema")[1]["timezone"] == "Europe/Paris"


@pytest.mark.parametrize(("zone", "warned"), [("Mars/Base", True), ("localtime", True), (7, True), ("europe/paris", False), (None, False)])
def test_a_customer_whose_zone_is_none_has_a_warning(workspace: str, zone: Any, warned: bool) -> None:
    """The answer about a customer, and the dry run, warn that an attribute `timezone` has no effect, with a pointer to it."""
    call("PUT", "/api/schema", {"primaryKey": {"name": "email", "type": "Email"}})
    identify_in(workspace, identify(timezone=zone))
    warnings = call("GET", "/api/customers", query={"primaryKey": ADA})[1]["warnings"]
    assert [(each["code"], each["pointer"]) for each in warnings] == [("unknown-timezone", "/attributes/timezone")] * warned
    call("PUT", "/api/journeys/welcome", {"entry": {"event": "go"}, "steps": [{"id": "end", "type": "exit"}]})
    body = {"customer": {"attributes": {"timezone": zone}}, "events": [{"event": "go", "at": "2026-11-23T05:17:13Z"}]}
    status, simulated = call("POST", "/api/journeys/welcome/simulate", body)
    assert status == 200, simulated
    assert [each["pointer"] for each in simulated["warnings"]] == ["/customer/attributes/timezone"] * warned


def test_the_messages_of_a_customer_include_those_of_merged_customers(workspace: str) -> None:
    """By either id, the list holds the messages of both customers, newest first and page by page; another customer has none of them."""
    call("PUT", "/api/schema", {"primaryKey": {"name": "email", "type": "Email"}})
    identify_in(workspace, identify())
    known = call("GET", "/api/customers", query={"primaryKey": ADA})[1]["id"]
    anonymous = find_or_create(workspace, "tablet")
    for number in range(6):
        add_message(workspace, f"msg_{number}", anonymous if number % 3 else known, NOW - timedelta(minutes=number))
    identify_in(workspace, identify(value="tablet"))
    assert call("GET", f"/api/customers/{anonymous}")[1]["id"] == known
    expected = [f"msg_{number}" for number in range(6)]
    for asked in (known, anonymous):
        ids: list[str] = []
        cursor = None
        while cursor is not None or not ids:
            query = {"customer": asked, "limit": "2"} | ({"cursor": cursor} if cursor else {})
            status, listed = call("GET", "/api/messages", query=query)
            assert status == 200, listed
            ids, cursor = ids + [each["id"] for each in listed["items"]], listed["next"]
        assert ids == expected
    assert call("GET", "/api/messages", query={"customer": "c_other"})[1]["items"] == []


def find_or_create(workspace: str, correlation_id: str) -> str:
    """The id of the customer with a correlation id, who is anonymous and created here."""
    facts = event_of(wire("$set", correlationValue=correlation_id, payload={"a": 1})).facts
    identifying.write_facts(wiring.managing().customers, correlation_key(workspace, correlation_identifier(correlation_id)), facts)
    found: str = call("GET", "/api/customers", query={"correlationId": correlation_id})[1]["id"]
    return found


def add_message(workspace: str, message_id: str, customer: str, at: datetime) -> None:
    """Stores a message of a customer."""
    Table("MessagesTable").put(message_items.to_item(pending_message(id=message_id, workspace=workspace, customer=customer, created_at=at)))


@pytest.mark.parametrize("length", [1, 250, 251, 255])
@pytest.mark.parametrize("letter", ["x", "語"])
def test_each_correlation_id_that_the_intake_takes_can_be_found(workspace: str, length: int, letter: str) -> None:
    """A customer is found by a correlation id of up to 255 characters; a longer one is nobody's."""
    call("PUT", "/api/schema", {"primaryKey": {"name": "email", "type": "Email"}})
    identify_in(workspace, identify(value=letter * length))
    status, found = call("GET", "/api/customers", query={"correlationId": letter * length})
    assert (status, found["correlationIds"]) == (200, [letter * length])
    assert call("GET", "/api/customers", query={"correlationId": letter * 256})[0] == 404


def test_an_id_in_a_path_is_decoded_once(workspace: str) -> None:
    """The receipt of an event whose uuid holds percent signs and slashes is found by its uuid, encoded once."""
    uuid = "100%25/a b+%2F"
    receipt = Receipt(uuid, "bought", NOW, "c_1", (), ())
    DynamoLog(DynamoReceipts(EVENTS_TABLE, timedelta(days=90))).write(
        workspace, [Page(workspace, "c_1", NOW, "s1", (event_of(wire("bought", uuid=uuid)),))], [receipt]
    )
    assert call("GET", f"/api/events/{quote(uuid, safe='')}")[1]["uuid"] == uuid
