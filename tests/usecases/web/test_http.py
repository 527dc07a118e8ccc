"""HTTP as API Gateway passes it on, in both payload formats and on any domain."""

from __future__ import annotations

import base64
import gzip
from typing import Any

import pytest

from waypost.domain.errors import RefusedError, StaleError, UnavailableError
from waypost.domain.values import exact_json
from waypost.web import http


def format_1(path: str, resource: str | None = None, proxy: str | None = None, stage: str = "prod") -> dict[str, Any]:
    """A request in payload format 1.0."""
    parameters = {"proxy": proxy} if proxy else None
    return {"httpMethod": "get", "path": path, "resource": resource, "pathParameters": parameters, "requestContext": {"stage": stage}}


def format_2(path: str, stage: str = "$default") -> dict[str, Any]:
    """A request in payload format 2.0."""
    return {"rawPath": path, "requestContext": {"stage": stage, "http": {"method": "GET", "path": path}}}


@pytest.mark.parametrize(
    ("event", "path"),
    [
        (format_1("/api/events/batch/", "/api/events/{proxy+}", "batch"), "/api/events/batch"),
        (format_1("/prod/api/schema"), "/api/schema"),
        (format_1("/waypost/v1/api/schema", "/api/{proxy+}", "schema"), "/api/schema"),
        (format_1("/waypost/events/", "/events"), "/events"),
        (format_1("/production/api/schema"), "/production/api/schema"),
        (format_1("/api/schema", "/api/{proxy+}", "schema", stage="api"), "/api/schema"),
        (format_1("/events/batch", "/events/{proxy+}", "batch", stage="events"), "/events/batch"),
        (format_1("/", "/"), "/"),
        (format_1("/prod"), "/"),
        (format_2("/api/schema"), "/api/schema"),
        (format_2("/prod/api/schema", "prod"), "/api/schema"),
        (format_2("/prod", "prod"), "/"),
        ({}, "/"),
    ],
)
def test_a_path_has_neither_a_stage_nor_a_base_path(event: dict[str, Any], path: str) -> None:
    """The stage and the base path of a custom domain are removed, even if the stage has the name of a segment of the path."""
    assert http.read(event).path.rstrip("/") == path.rstrip("/")


def test_headers_and_query_are_read_alike_in_both_formats() -> None:
    """Header names come in lower case and query values decoded."""
    one = http.read(format_1("/x") | {"headers": {"X-Thing": "1"}, "queryStringParameters": {"a": "b c", "d": ""}})
    two = http.read(format_2("/x") | {"headers": {"x-thing": "1"}, "rawQueryString": "a=b%20c&d="})
    assert (one.headers, one.query, one.method) == (two.headers, two.query, two.method) == ({"x-thing": "1"}, {"a": "b c", "d": ""}, "GET")


@pytest.mark.parametrize(
    "media", ["", "application/json", "Application/JSON; charset=utf-8", "application/problem+json", "application/vnd.x+json"]
)
def test_a_json_body_may_have_any_json_media_type(media: str) -> None:
    """A body is read as JSON under each media type of JSON, and if it declares none."""
    request = http.read(format_1("/x") | {"headers": {"content-type": media}, "body": "{}"})
    assert http.json_body(request) == {}


@pytest.mark.parametrize("encoding", ["identity", "GZIP", "x-gzip", "deflate", ""])
def test_an_inflated_body_may_still_declare_its_encoding(encoding: str) -> None:
    """A body that the gateway has inflated is read although its header still names the encoding."""
    request = http.read(format_1("/x") | {"headers": {"Content-Encoding": encoding}, "body": ' {"a":"é"}'})
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
def test_every_error_becomes_one_problem_and_one_line_of_log(error: Exception, status: int, code: str) -> None:
    """Each kind of error has its status and stable code, is logged once, and reveals no text of an unexpected exception."""
    logged: list[str] = []

    def fail() -> http.Response:
        raise error

    response = http.respond(fail, "r-1", lambda text, **_: logged.append(text), lambda text, **_: logged.append(text))
    assert (response.status, response.body["code"], response.body["requestId"]) == (status, code, "r-1")
    assert "secret" not in exact_json.dumps(response.body)
    assert len(logged) == 1


def test_a_response_that_quotes_a_lone_surrogate_is_escaped() -> None:
    """A body with half of a surrogate pair is sent as ASCII; any other body stays readable."""
    assert http.write(http.Response(200, {"a": "é"}), "r")["body"] == '{"a":"é"}'
    assert http.write(http.Response(200, {"a": "é\ud800"}), "r")["body"] == '{"a":"\\u00e9\\ud800"}'


def gzip_request(raw: bytes) -> http.Request:
    """A request whose body is this gzip file."""
    return http.read(
        format_1("/x") | {"headers": {"Content-Encoding": "gzip"}, "body": base64.b64encode(raw).decode(), "isBase64Encoded": True}
    )


def members(*texts: bytes) -> bytes:
    """A gzip file with one member for each text."""
    return b"".join(gzip.compress(text) for text in texts)


def test_a_gzip_body_may_have_several_members() -> None:
    """The contents of all members of a gzip file are one text, as with `cat a.gz b.gz`; some of them may be empty."""
    assert http.json_body(gzip_request(members(b'{"a":', b"", b"1", b"}"))) == {"a": 1}


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (members(b'{"a":1}') + b"rest", "bad-compression"),
        (members(b'{"a":', b"1}")[:-1], "bad-compression"),
        (members(*[b""] * 1_001), "bad-compression"),
        (members(b'["' + b"x" * 60, b"x" * 60 + b'"]'), "body-too-large"),
        (members(b"[" * 101), "body-too-large"),
        (members(b"[" * 100, b"["), "body-too-large"),
    ],
    ids=["rest after the end", "last member too short", "too many members", "too large together", "too large", "one byte too many"],
)
def test_the_members_of_a_gzip_body_are_limited_together(raw: bytes, code: str) -> None:
    """The limit of bytes counts all members, and what is damaged in any member is refused."""
    with pytest.raises(RefusedError) as refused:
        http.json_body(gzip_request(raw), max_bytes=100)
    assert refused.value.code == code
