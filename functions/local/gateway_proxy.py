"""The HTTP server of the local run: it forwards requests to the emulated API, and serves the `_local` routes (docs/api.md#local-routes)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final, Protocol

import httpx
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from functions.local import gateway, inbound_texts, reports
from functions.local.browser_guard import BROWSER_HEADERS
from functions.local.idle import IDLE_SECONDS
from waypost.domain.values import durations
from waypost.domain.values.durations import Duration
from waypost.domain.values.wire_time import iso

MAX_CONNECTIONS: Final = 4  # requests that MiniStack processes at the same time: it starts one worker process for each
HOP_BY_HOP: Final = frozenset(
    {"connection", "content-length", "date", "host", "keep-alive", "server", "te", "transfer-encoding", "upgrade"}
)
NOT_FORWARDED: Final = HOP_BY_HOP | BROWSER_HEADERS
METHODS: Final = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


class LocalStack(Protocol):
    """What the `_local` routes need of the running stack."""

    def settle(self) -> bool:
        """Waits until everything that is due is done; False if something is left and nothing moves any more."""

    def left(self) -> dict[str, int]:
        """What is due and not done, by queue name or kind."""

    def now(self) -> datetime:
        """The current time of the stack's clock."""

    def advance(self, duration: Duration) -> bool:
        """Advances the clock; False if something that became due is left and nothing moves any more."""

    def mails(self) -> list[dict[str, Any]]:
        """The e-mails that were sent, newest first."""

    def texts(self) -> list[dict[str, Any]]:
        """The text messages that were sent, newest first."""

    def receive_text(self, number: str, body: str) -> None:
        """Receives a text from a phone."""

    def plan_responses(self, target: str, plans: Sequence[Mapping[str, Any]]) -> None:
        """Plans what the providers answer to the next calls; ValueError for a plan that is none."""

    def holds(self, method: str, body: bytes) -> dict[str, Any]:
        """Begins, shows or ends the hold on calls of AWS; ValueError for a wrong body."""

    def put_report(self, event: dict[str, Any]) -> None:
        """Puts an event of EventBridge, in which a provider reports of a message, on the reports queue."""

    def new_workspace(self, name: str) -> dict[str, str]:
        """Creates a workspace: its id, name and admin key."""


def proxy_app(stack: LocalStack, api: str, *, api_decodes_paths: bool = False) -> Starlette:
    """The ASGI application that forwards requests to the API at the URL `api`.

    `api_decodes_paths`: the API decodes the path for the function, which a REST API of AWS does not do. The path is then encoded once more,
    or the function would decode it a second time and take `%2525` for `%`.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        limits = httpx.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=MAX_CONNECTIONS)
        timeout = httpx.Timeout(60, pool=None)
        async with httpx.AsyncClient(limits=limits, timeout=timeout, trust_env=False) as app.state.client:
            yield

    async def forward(request: Request) -> Response:
        return await _forwarded(request, httpx.URL(api), api_decodes_paths=api_decodes_paths)

    async def require_settled(settling: Awaitable[bool]) -> None:
        if not await settling:
            raise _not_settled(await run_in_threadpool(stack.left))

    async def settle(_: Request) -> Response:
        await require_settled(run_in_threadpool(stack.settle))
        return JSONResponse({"settled": True})

    async def show_clock(_: Request) -> Response:
        return JSONResponse({"now": iso(await run_in_threadpool(stack.now))})

    async def advance_clock(request: Request) -> Response:
        await require_settled(run_in_threadpool(stack.advance, await _duration(request)))
        return await show_clock(request)

    async def workspaces(request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(stack.new_workspace, await _name(request)), status_code=HTTPStatus.CREATED)

    routes = [
        Route("/_local/settle", settle, methods=["POST"]),
        Route("/_local/clock", show_clock, methods=["GET"]),
        Route("/_local/clock", advance_clock, methods=["POST"]),
        *_provider_routes(stack),
        Route("/_local/reports", _put_report(stack), methods=["POST"]),
        Route("/_local/holds", _hold(stack), methods=["GET", "POST", "DELETE"]),
        Route("/_local/workspaces", workspaces, methods=["POST"]),
        Route("/{path:path}", forward, methods=METHODS),
    ]
    app = Starlette(routes=routes, lifespan=lifespan, exception_handlers={gateway.ProblemError: _problem})
    app.router.redirect_slashes = False
    return app


def _provider_routes(stack: LocalStack) -> list[Route]:
    """The routes of the provider emulator: what it accepted, and what it is planned to respond."""

    async def mails(_: Request) -> Response:
        return JSONResponse({"items": await run_in_threadpool(stack.mails)})

    async def texts(_: Request) -> Response:
        return JSONResponse({"items": await run_in_threadpool(stack.texts)})

    async def plan(request: Request) -> Response:
        try:
            body = await request.json()
            stack.plan_responses(str(body["to"]), body["responses"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            detail = f'Send a receiver or an operation, and responses: {{"to": "...", "responses": [{{...}}]}}. {error}'
            raise gateway.ProblemError(HTTPStatus.BAD_REQUEST, "bad-request", detail) from error
        return JSONResponse({"planned": len(body["responses"])})

    async def receive_text(request: Request) -> Response:
        await run_in_threadpool(stack.receive_text, *await inbound_texts.text_in(request))
        return JSONResponse({"queued": True}, status_code=HTTPStatus.ACCEPTED)

    return [
        Route("/_local/texts", receive_text, methods=["POST"]),
        Route("/_local/mails", mails, methods=["GET"]),
        Route("/_local/texts", texts, methods=["GET"]),
        Route("/_local/responses", plan, methods=["POST"]),
    ]


def _put_report(stack: LocalStack) -> Callable[[Request], Awaitable[Response]]:
    """The handler of a report: its body is one event of EventBridge in the form that AWS documents."""

    async def put(request: Request) -> Response:
        await run_in_threadpool(stack.put_report, await reports.event_in(request))
        return JSONResponse({"queued": True}, status_code=HTTPStatus.ACCEPTED)

    return put


def _hold(stack: LocalStack) -> Callable[[Request], Awaitable[Response]]:
    """The handler of the hold on calls of AWS."""

    async def hold(request: Request) -> Response:
        try:
            return JSONResponse(await run_in_threadpool(stack.holds, request.method, await request.body()))
        except ValueError as error:
            detail = f'Send an operation, and texts: {{"operation": "BatchGetItem", "containing": ["..."]}}. {error}'
            raise gateway.ProblemError(HTTPStatus.BAD_REQUEST, "bad-request", detail) from error

    return hold


def _not_settled(left: Mapping[str, int]) -> gateway.ProblemError:
    detail = f"Nothing has moved for {IDLE_SECONDS:.0f} seconds, and this is left: " + ", ".join(f"{n} in {at}" for at, n in left.items())
    return gateway.ProblemError(HTTPStatus.GATEWAY_TIMEOUT, "not-settled", f"{detail}.", {"left": left})


async def _duration(request: Request) -> Duration:
    """The duration in the body `{"advance": "P3D"}`; ProblemError for any other body."""
    try:
        return durations.parse((await request.json())["advance"])
    except (ValueError, KeyError, TypeError) as error:
        detail = 'Send an ISO 8601 duration of at most a year: {"advance": "P3D"}.'
        raise gateway.ProblemError(HTTPStatus.BAD_REQUEST, "bad-request", detail) from error


async def _name(request: Request) -> str:
    """The name in the body `{"name": "..."}`; ProblemError for any other body."""
    try:
        name = (await request.json())["name"]
    except (ValueError, KeyError, TypeError) as error:
        raise gateway.ProblemError(HTTPStatus.BAD_REQUEST, "bad-request", 'Send {"name": "..."}.') from error
    return str(name)


async def _problem(_: Request, error: Exception) -> Response:
    if not isinstance(error, gateway.ProblemError):
        raise error
    return Response(error.body(), status_code=error.status, headers=error.headers())


async def _forwarded(request: Request, api: httpx.URL, *, api_decodes_paths: bool) -> Response:
    body = gateway.body_for_function(await _body(request), request.headers.get("content-encoding", ""))
    headers = [(name, value) for name, value in request.headers.raw if name.lower().decode("latin-1") not in NOT_FORWARDED]
    client: httpx.AsyncClient = request.app.state.client
    try:
        response = await client.send(
            client.build_request(request.method, _target(request, api, api_decodes_paths=api_decodes_paths), headers=headers, content=body)
        )
    except httpx.TransportError as error:
        raise gateway.ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", "The emulator does not respond.") from error
    return _response(response)


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > gateway.GATEWAY_LIMIT:
            raise gateway.body_too_large(len(body), gateway.GATEWAY_LIMIT)
    return bytes(body)


def _target(request: Request, api: httpx.URL, *, api_decodes_paths: bool) -> httpx.URL:
    """The URL of a request at the emulated API stage. Path and query keep the percent-encoding of the client, as in API Gateway."""
    path, query = request.scope["raw_path"], request.scope["query_string"]
    path = path.replace(b"%", b"%25") if api_decodes_paths else path
    return api.copy_with(raw_path=api.raw_path + path + (b"?" + query if query else b""))


def _response(from_api: httpx.Response) -> Response:
    """The response of a function, unchanged.

    When a function fails without a response, API Gateway sends the template's DEFAULT_5XX; MiniStack ignores that and sends a 502, so the
    replacement happens here.
    """
    if from_api.status_code == HTTPStatus.BAD_GATEWAY:
        raise gateway.ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", "No answer came; try again.")
    response = Response(from_api.content, status_code=from_api.status_code)
    response.raw_headers = [(name.lower(), value) for name, value in from_api.headers.raw if name.lower().decode() not in HOP_BY_HOP]
    response.headers["content-length"] = str(len(from_api.content))
    return response
