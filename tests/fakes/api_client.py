"""A client of the management function: requests through its handler, as a REST API passes them on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.manage import app
from tests.fakes.ingest_harness import event_of
from waypost import identify as identifying
from waypost import wiring
from waypost.domain.api_keys import key_hash

ADMIN = "waypost-local-admin-key"


class Context(LambdaContext):
    """What Lambda passes to a function beside the event."""

    _aws_request_id = "lambda-request"


def new_workspace() -> str:
    """The id of a new workspace whose admin key is `ADMIN`, which an earlier test may have had."""
    wiring.managing().keys.remove(key_hash(ADMIN))
    wiring.authenticator.cache_clear()
    workspace, _ = wiring.workspace_administration().create_workspace("acme", ADMIN, wiring.now())
    return workspace


def send(
    method: str,
    path: str,
    body: str | None = None,
    query: dict[str, str] | None = None,
    key: str | None = ADMIN,
    headers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The whole response to a request."""
    all_headers = {"Content-Type": "application/json"} | ({"Authorization": f"Api-Key {key}"} if key else {}) | dict(headers or {})
    event = {"httpMethod": method, "path": path, "headers": all_headers, "queryStringParameters": query, "body": body}
    return app.lambda_handler(event | {"requestContext": {"requestId": "request-1"}}, Context())


def call(method: str, path: str, body: Any = None, query: dict[str, str] | None = None, key: str | None = ADMIN) -> tuple[int, Any]:
    """Status and JSON of the response to a request with a JSON body."""
    return status_and_json(send(method, path, None if body is None else json.dumps(body), query, key))


def status_and_json(response: dict[str, Any]) -> tuple[int, Any]:
    """Status and JSON of a response."""
    return response["statusCode"], json.loads(response["body"] or "null")


def identify_in(workspace: str, raw: dict[str, Any]) -> None:
    """Carries out an `$identify` in the workspace."""
    identifying.identify_customer(wiring.managing().customers, workspace, event_of(raw))
