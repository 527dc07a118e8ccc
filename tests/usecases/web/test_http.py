"""HTTP as API Gateway speaks it, in both payload formats and on any domain (contract 1.1)."""

from __future__ import annotations

from typing import Any

import pytest

from waypost.domain.errors import RefusedError, StaleError, UnavailableError
from waypost.domain.values import exact_json
from waypost.web import http


def first(path: str, resource: str | None = None, proxy: str | None = None, phase: str = "prod") -> dict[str, Any]:
    """A request in payload format 1.0."""
    parameters = {"proxy": proxy} if proxy else None
    return {"httpMethod": "get", "path": path, "resource": resource, "pathParameters": parameters, "requestContext": {"stage": phase}}


def second(path: str, phase: str = "$default") -> dict[str, Any]:
    """A request in payload format 2.0."""
    return {"rawPath": path, "requestContext": {"stage": phase, "http": {"method": "GET", "path": path}}}


@pytest.mark.parametrize(
    ("event", "path"),
    [
        (first("/api/events/batch/", "/api/events/{proxy+}", "batch"), "/api/events/batch"),
        (first("/prod/api/schema"), "/api/schema"),
        (first("/waypost/v1/api/schema", "/api/{proxy+}", "schema"), "/api/schema"),
        (first("/waypost/events/", "/events"), "/events"),
        (first("/production/api/schema"), "/production/api/schema"),
        (first("/api/schema", "/api/{proxy+}", "schema", phase="api"), "/api/schema"),
        (first("/events/batch", "/events/{proxy+}", "batch", phase="events"), "/events/batch"),
        (first("/", "/"), "/"),
        (first("/prod"), "/"),
        (second("/api/schema"), "/api/schema"),
        (second("/prod/api/schema", "prod"), "/api/schema"),
        (second("/prod", "prod"), "/"),
        ({}, "/"),
    ],
)
def test_a_path_has_neither_stage_nor_base_path(event: dict[str, Any], path: str) -> None:
    """Wherever the API is mounted, and whatever the stage is called."""
    assert http.read(event).path.rstrip("/") == path.rstrip("/")


def test_headers_and_query_are_read_alike_in_both_formats() -> None:
    """Header names in lower case, query values decoded."""
    one = http.read(first("/x") | {"headers": {"X-Thing": "1"}, "queryStringParameters": {"a": "b c", "d": ""}})
    two = http.read(second("/x") | {"headers": {"x-thing": "1"}, "rawQueryString": "a=b%20c&d="})
    assert (one.headers, one.query, one.method) == (two.headers, two.query, two.method) == ({"x-thing": "1"}, {"a": "b c", "d": ""}, "GET")


@pytest.mark.parametrize(
    "media", ["", "application/json", "Application/JSON; charset=utf-8", "application/problem+json", "application/vnd.x+json"]
)
def test_json_has_several_media_types(media: str) -> None:
    """None at all is taken for JSON."""
    request = http.read(first("/x") | {"headers": {"content-type": media}, "body": "{}"})
    assert http.json_body(request) == {}


@pytest.mark.parametrize("encoding", ["identity", "GZIP", "x-gzip", "deflate", ""])
def test_an_inflated_body_may_still_say_how_it_was_packed(encoding: str) -> None:
    """The gateway inflates and leaves the header."""
    request = http.read(first("/x") | {"headers": {"Content-Encoding": encoding}, "body": ' {"a":"é"}'})
    assert http.json_body(request) == {"a": "é"}


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (RefusedError(418, "teapot", "no"), 418, "teapot"),
        (StaleError("old"), 409, "changed-meanwhile"),
        (UnavailableError("down"), 503, "unavailable"),
        (KeyError("secret"), 500, "internal-error"),
    ],
)
def test_every_failure_has_one_answer(error: Exception, status: int, code: str) -> None:
    """A problem with a stable code; what is not meant for callers is logged only."""
    told: list[str] = []

    def fail() -> http.Response:
        raise error

    reply = http.respond(fail, "r-1", lambda text, **_: told.append(text), lambda text, **_: told.append(text))
    assert (reply.status, reply.body["code"], reply.body["requestId"]) == (status, code, "r-1")
    assert "secret" not in exact_json.dumps(reply.body)
    assert len(told) == 1


def test_an_answer_that_quotes_broken_text_can_be_sent() -> None:
    """Half a surrogate pair in a detail is escaped; all else stays readable."""
    assert http.write(http.Response(200, {"a": "é"}), "r")["body"] == '{"a":"é"}'
    assert http.write(http.Response(200, {"a": "é\ud800"}), "r")["body"] == '{"a":"\\u00e9\\ud800"}'
