"""The template's REST API: which function gets a request, the event that it gets, and the HTTP response made from what it returns.

The events are those of API Gateway's Lambda proxy integration, payload format 1.0. Bodies are base64, because the template declares every
media type binary. gateway_proxy.py forwards to this application, and does what else API Gateway does: limits, inflating, error responses.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl
from uuid import uuid4

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as AnyRoute

from functions.local import template
from functions.local.gateway_proxy import METHODS
from functions.local.moto_backend.consumer import Invoke
from functions.local.moto_backend.function_process import FunctionError, log
from functions.local.moto_backend.process import ACCOUNT

STAGE: Final = "live"
GREEDY: Final = "{proxy+}"


class Method(NamedTuple):
    """A method on a resource of the API, with the logical id of its function."""

    resource: str
    http_method: str
    function: str


def methods(stack: dict[str, Any]) -> list[Method]:
    """All methods that the template declares."""
    return [
        Method(event["Properties"]["Path"], event["Properties"]["Method"], name)
        for name, function in template.resources(stack, "AWS::Serverless::Function").items()
        for event in function.get("Events", {}).values()
        if event["Type"] == "Api"
    ]


def find(declared: list[Method], http_method: str, path: str) -> Method | None:
    """The method that a request reaches, or None.

    As in API Gateway, the path chooses the resource first, an exact one before the longest greedy one, and then the method is looked up
    in that resource, by its name before `ANY`.
    """
    trimmed = "/" + path.strip("/")
    fitting = {method.resource for method in declared if _fits(method.resource, trimmed)}
    if not fitting:
        return None
    resource = max(fitting, key=lambda each: (GREEDY not in each, len(each)))
    by_name = {method.http_method: method for method in declared if method.resource == resource}
    return by_name.get(http_method) or by_name.get("ANY")


def _fits(resource: str, path: str) -> bool:
    if resource.endswith(GREEDY):
        prefix = resource.removesuffix(GREEDY)
        return path.startswith(prefix) and path != prefix
    return path == resource


def rest_api(stack: dict[str, Any], functions: Mapping[str, Invoke]) -> Starlette:
    """The ASGI application of the API under its stage. `functions` are by logical id."""
    declared = methods(stack)

    async def answer(request: Request) -> Response:
        path = request.scope["raw_path"].decode("latin-1").removeprefix(f"/{STAGE}")
        method = find(declared, request.method, path)
        if method is None:
            return Response(status_code=HTTPStatus.FORBIDDEN)
        event = event_of(request, await request.body(), path, method.resource)
        try:
            return response_of(await run_in_threadpool(functions[method.function], event))
        except FunctionError as error:
            log.error("%s %s failed: %s", request.method, loggable(path), error)
            return Response(status_code=HTTPStatus.BAD_GATEWAY)

    app = Starlette(routes=[AnyRoute("/{path:path}", answer, methods=METHODS)])
    app.router.redirect_slashes = False
    return app


def loggable(path: str) -> str:
    """A path without the token of a link, which is a secret of the customer."""
    return "/u/..." if path.startswith("/u/") else path


def event_of(request: Request, body: bytes, path: str, resource: str) -> dict[str, Any]:
    """The event of a request to a path (without the stage) of a resource."""
    query = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    proxy = ("/" + path.strip("/")).removeprefix(resource.removesuffix(GREEDY)) if GREEDY in resource else None
    return {
        "resource": resource,
        "path": path,
        "httpMethod": request.method,
        "headers": dict(request.headers),
        "multiValueHeaders": _grouped(request.headers.items()),
        "queryStringParameters": dict(query) or None,
        "multiValueQueryStringParameters": _grouped(query) or None,
        "pathParameters": {"proxy": proxy} if proxy is not None else None,
        "stageVariables": None,
        "requestContext": _context(request, path, resource),
        "body": base64.b64encode(body).decode() if body else None,
        "isBase64Encoded": bool(body),
    }


def _grouped(pairs: Any) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for name, value in pairs:
        grouped.setdefault(name, []).append(value)
    return grouped


def _context(request: Request, path: str, resource: str) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "accountId": ACCOUNT,
        "apiId": "local",
        "httpMethod": request.method,
        "identity": {"sourceIp": "127.0.0.1", "userAgent": request.headers.get("user-agent")},
        "path": f"/{STAGE}{path}",
        "protocol": "HTTP/1.1",
        "requestId": str(uuid4()),
        "requestTime": f"{now:%d/%b/%Y:%H:%M:%S +0000}",
        "requestTimeEpoch": int(now.timestamp() * 1000),
        "resourcePath": resource,
        "stage": STAGE,
    }


def response_of(result: dict[str, Any]) -> Response:
    """The HTTP response of what a function returned."""
    body = result.get("body") or ""
    content = base64.b64decode(body) if result.get("isBase64Encoded") else body.encode()
    return Response(content, status_code=result["statusCode"], headers=result.get("headers"))
