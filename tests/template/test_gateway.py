"""What the gateway promises: the routes of contract 1.1 and answers in our own shape."""

from __future__ import annotations

import json
from typing import Any

import pytest

from waypost.domain.values.limits import BODY_BYTES

Resources = dict[str, dict[str, Any]]
INTAKE = {"/events", "/events/{proxy+}", "/api/events", "/api/events/{proxy+}"}


def routes(function: dict[str, Any]) -> set[tuple[str, str]]:
    """Method and path of every API event of a function."""
    return {(each["Properties"]["Method"], each["Properties"]["Path"]) for each in function.get("Events", {}).values()}


def test_posts_of_events_go_to_the_intake(functions: Resources) -> None:
    """POST on the four paths, and nothing else."""
    assert routes(functions["ingest"]) == {("POST", path) for path in INTAKE}


def test_everything_else_goes_to_management(functions: Resources) -> None:
    """Any path and any method reaches our code, so that no answer is the gateway's bare 403."""
    assert routes(functions["manage"]) == {("ANY", path) for path in INTAKE | {"/", "/{proxy+}", "/api", "/api/{proxy+}"}}


def test_queue_functions_have_no_door_to_the_world(functions: Resources) -> None:
    """Matcher and sender are reached by their queues only."""
    assert routes(functions["match"]) == routes(functions["send"]) == set()


def test_bodies_arrive_as_bytes(resources: Resources) -> None:
    """Every media type is binary: gzip survives, and 4 MB of quotes still fit into Lambda's 6 MB."""
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
def test_the_gateways_own_answers_have_our_shape(kind: str, status: int, code: str, resources: Resources) -> None:
    """A client parses one shape of error, whoever gave it."""
    response = resources["Api"]["Properties"]["GatewayResponses"][kind]
    problem = json.loads(response["ResponseTemplates"]["application/json"])
    assert response["StatusCode"] == str(status)
    assert (problem["type"], problem["status"], problem["code"]) == ("about:blank", status, code)
    assert problem["title"]
    assert problem["detail"]


def test_the_gateways_413_names_our_own_limit(resources: Resources) -> None:
    """What the gateway refuses as too large is told the limit that counts, in bytes."""
    response = resources["Api"]["Properties"]["GatewayResponses"]["REQUEST_TOO_LARGE"]
    problem = json.loads(response["ResponseTemplates"]["application/json"])
    assert problem["limit"] == BODY_BYTES
    assert str(BODY_BYTES) in problem["detail"]


def test_browsers_may_read_the_gateways_own_answers(resources: Resources) -> None:
    """CORS, media type and request id are on each; what may be repeated says when."""
    for kind, response in resources["Api"]["Properties"]["GatewayResponses"].items():
        headers = response["ResponseParameters"]["Headers"]
        assert headers["Access-Control-Allow-Origin"] == "'*'", kind
        assert headers["Content-Type"] == "'application/problem+json'", kind
        assert headers["X-Request-Id"] == "context.requestId", kind
        assert ("Retry-After" in headers) == (response["StatusCode"] in {"429", "503"}), kind


def test_a_custom_domain_is_a_choice(resources: Resources) -> None:
    """Domain, mapping and DNS record exist only when the parameters name them."""
    conditions = {name: resources[name].get("Condition") for name in ("Domain", "DomainMapping", "DomainRecord")}
    assert conditions == {"Domain": "HasDomain", "DomainMapping": "HasDomain", "DomainRecord": "HasZone"}
