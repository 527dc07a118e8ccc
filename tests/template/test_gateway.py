"""API Gateway in the template: its routes (docs/events.md#routes) and its own error responses (docs/api.md#errors)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from waypost.domain.values.limits import BODY_BYTES

Resources = dict[str, dict[str, Any]]
EVENTS = {"/events", "/events/{proxy+}"}
API_EVENTS = {"/api/events", "/api/events/{proxy+}"}
OTHER_METHODS = {"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"}


def routes(function: dict[str, Any]) -> set[tuple[str, str]]:
    """The method and the path of each API event of a function."""
    return {(each["Properties"]["Method"], each["Properties"]["Path"]) for each in function.get("Events", {}).values()}


def test_requests_with_events_reach_the_intake(functions: Resources) -> None:
    """The intake gets all requests under /events and the POST requests under /api/events, and no others."""
    assert routes(functions["ingest"]) == {("ANY", path) for path in EVENTS} | {("POST", path) for path in API_EVENTS}


def test_all_other_requests_reach_management(functions: Resources) -> None:
    """Every other method and path reaches the management function, so no request gets the gateway's own 403."""
    others = {(method, path) for method in OTHER_METHODS for path in API_EVENTS}
    assert routes(functions["manage"]) == others | {("ANY", path) for path in ("/", "/{proxy+}", "/api", "/api/{proxy+}")}


def test_no_two_functions_share_a_path_and_method(functions: Resources) -> None:
    """Each method of each path has one function: of a method and an ANY on one path, `sam local` would keep only the later route."""
    owners: dict[tuple[str, str], list[str]] = {}
    for name, function in functions.items():
        for method, path in routes(function):
            for each in {*OTHER_METHODS, "POST"} if method == "ANY" else {method}:
                owners.setdefault((each, path), []).append(name)
    assert {route: names for route, names in owners.items() if len(names) != 1} == {}
    assert {method for method, path in owners if path == "/api/events"} == {*OTHER_METHODS, "POST"}


def test_the_access_log_holds_no_path(resources: Resources) -> None:
    """The access log names the resource of a request and never its path or query, which may hold ids and e-mail addresses of customers."""
    format_ = resources["Api"]["Properties"]["AccessLogSetting"]["Fn::If"][1]["Format"]
    variables = set(json.loads(format_).values())
    assert "$context.resourcePath" in variables
    assert not variables & {"$context.path", "$context.identity.sourceIp", "$context.authorizer.principalId"}
    assert not [each for each in variables if "querystring" in each.lower()]


def test_no_gateway_key_is_needed(resources: Resources) -> None:
    """The functions check the keys. Because the template says so, a guided deployment does not ask about each route."""
    assert resources["Api"]["Properties"]["Auth"] == {"ApiKeyRequired": False}


def test_the_matcher_and_the_sender_have_no_route(functions: Resources) -> None:
    """The API cannot invoke the matcher and the sender."""
    assert routes(functions["match"]) == routes(functions["send"]) == set()


def test_bodies_reach_the_functions_as_base64(resources: Resources) -> None:
    """Every media type is binary, so a compressed body is unchanged, and 4 MB of JSON fit into Lambda's 6 MB."""
    assert resources["Api"]["Properties"]["BinaryMediaTypes"] == ["*~1*"]


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("REQUEST_TOO_LARGE", 413, "body-too-large"),
        ("THROTTLED", 429, "throttled"),
        ("QUOTA_EXCEEDED", 429, "throttled"),
        ("MISSING_AUTHENTICATION_TOKEN", 404, "not-found"),
        ("RESOURCE_NOT_FOUND", 404, "not-found"),
        ("INVALID_SIGNATURE", 404, "not-found"),
        ("UNSUPPORTED_MEDIA_TYPE", 415, "unsupported-media-type"),
        ("DEFAULT_4XX", 400, "bad-request"),
        ("DEFAULT_5XX", 503, "unavailable"),
    ],
)
def test_the_gateways_own_errors_have_the_shape_of_all_errors(kind: str, status: int, code: str, resources: Resources) -> None:
    """An error response of the gateway has the members of every other error response."""
    response = resources["Api"]["Properties"]["GatewayResponses"][kind]
    problem = json.loads(response["ResponseTemplates"]["application/json"])
    assert response["StatusCode"] == str(status)
    assert (problem["type"], problem["status"], problem["code"]) == ("about:blank", status, code)
    assert problem["title"]
    assert problem["detail"]


def test_the_gateways_413_has_the_limit_of_the_intake(resources: Resources) -> None:
    """The gateway's response to a body that is too large names the limit of the intake in bytes."""
    response = resources["Api"]["Properties"]["GatewayResponses"]["REQUEST_TOO_LARGE"]
    problem = json.loads(response["ResponseTemplates"]["application/json"])
    assert problem["limit"] == BODY_BYTES
    assert str(BODY_BYTES) in problem["detail"]


def test_browsers_can_read_the_gateways_own_errors(resources: Resources) -> None:
    """Each of the gateway's error responses has headers for CORS, media type and request id, and each 429 and 503 has Retry-After."""
    for kind, response in resources["Api"]["Properties"]["GatewayResponses"].items():
        headers = response["ResponseParameters"]["Headers"]
        assert headers["Access-Control-Allow-Origin"] == "'*'", kind
        assert headers["Content-Type"] == "'application/problem+json'", kind
        assert headers["X-Request-Id"] == "context.requestId", kind
        assert ("Retry-After" in headers) == (response["StatusCode"] in {"429", "503"}), kind


def test_a_custom_domain_is_optional(resources: Resources) -> None:
    """The domain, its mapping and its DNS record exist only if their parameters are set."""
    conditions = {name: resources[name].get("Condition") for name in ("Domain", "DomainMapping", "DomainRecord")}
    assert conditions == {"Domain": "HasDomain", "DomainMapping": "HasDomain", "DomainRecord": "HasZone"}
