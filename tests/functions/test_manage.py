"""Requests to the management function: keys, faults of a request, errors, HEAD and health."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.fakes.api_client import call, send
from waypost import wiring
from waypost.domain.errors import StaleError, UnavailableError
from waypost.manage.api import Operation
from waypost.manage.operations import ALL_OPERATIONS

pytestmark = pytest.mark.usefixtures("workspace")


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
        ("GET", "/api/messages", None, {"since": "2026-11-23"}, 400, "bad-parameter", "since"),
        ("GET", "/api/dead-letters", None, {"kind": "letter"}, 400, "bad-parameter", "kind"),
        ("GET", "/api/dead-letters", None, {"reason": ""}, 400, "bad-parameter", "reason"),
        ("DELETE", "/api/dead-letters/" + "語" * 250, None, None, 404, "not-found", None),
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
