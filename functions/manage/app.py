"""The Lambda function of the management API and of the console: a request becomes one call of an operation's handler (docs/api.md)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from waypost import wiring
from waypost.domain.messages.links import MAX_TOKEN_CHARACTERS
from waypost.manage import console, links, requests
from waypost.manage.api import ApiRequest, Operation
from waypost.manage.operations import ALL_OPERATIONS
from waypost.telemetry import logger
from waypost.web import http, routes
from waypost.web.forms import form_fields
from waypost.web.http import Request, Response

MAX_BODY_BYTES: Final = 1024 * 1024
MAX_ID_CHARACTERS: Final = 250
"""The length of an id in a path. Nothing has a longer id, and a longer one would not fit into the key of a table."""
MAX_CHARACTERS: Final = {"token": MAX_TOKEN_CHARACTERS}
"""The lengths of variables in paths that are no ids, by their names."""
CONSOLE: Final = console.Console(Path(__file__).parent / "console")
ROUTES: Final = (*ALL_OPERATIONS, *CONSOLE.operations)


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> http.LambdaResponse:
    """Answers API Gateway, in payload format 1.0 or 2.0."""
    request = http.read(event)
    request_id = request.id or context.aws_request_id
    response = http.respond(lambda: _respond(request), request_id, logger.info, logger.exception)
    page = console.for_browser(request.path, links.for_person(request.path, response, request.headers))
    return http.write(page, request_id, request.method)


def _respond(request: Request) -> Response:
    """Checks path, method, key, scope, query and body, in this order, and calls the handler."""
    found = routes.match(ROUTES, request.method, request.path)
    operation, now = found.route, wiring.now()
    if operation.name == "preflight":
        return http.PREFLIGHT
    if operation.handler is None or any(len(each) > MAX_CHARACTERS.get(name, MAX_ID_CHARACTERS) for name, each in found.variables.items()):
        raise routes.not_found()
    workspace = ""
    if operation.scope is not None:
        workspace = wiring.authenticator().authenticate(request.headers.get("authorization"), operation.scope, now).workspace
    query = requests.query_of(operation.query, request.query)
    body = _body(request, operation)
    base_url = wiring.public_url() or request.base_url
    result = operation.handler(
        ApiRequest(workspace, now, found.variables, query, body, wiring.managing, request.headers, base_url, request.full_path)
    )
    return _response(operation, result)


def _body(request: Request, operation: Operation) -> Any:
    if operation.has_form:
        return form_fields(request)
    if operation.body is None:
        return None
    is_missing = operation.optional_body and not request.body
    raw = {} if is_missing else requests.storable(http.json_body(request, MAX_BODY_BYTES))
    return raw if operation.raw_body else requests.body_of(operation.body, raw)


def _response(operation: Operation, result: Any) -> Response:
    """The response with the operation's status, unless the handler has chosen another one."""
    response = result if isinstance(result, Response) else Response(operation.status, result, media=operation.media)
    body = response.body
    return replace(response, body=body.model_dump(by_alias=True)) if isinstance(body, BaseModel) else response
