"""The address that people and tests talk to: it stands where API Gateway stands, and answers the `_local` routes itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final, Protocol

import httpx
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from functions.local import clock, gateway

AT_ONCE: Final = 4  # requests in MiniStack's hands: each one more would start one more worker
HOP_BY_HOP: Final = frozenset(
    {"connection", "content-length", "date", "host", "keep-alive", "server", "te", "transfer-encoding", "upgrade"}
)
METHODS: Final = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


class Local(Protocol):
    """What the `_local` routes ask of the running stack."""

    def settle(self) -> bool:
        """Whether everything due was done within a minute."""

    def now(self) -> datetime:
        """What the stack's clock shows."""

    def advance(self, by: timedelta) -> bool:
        """Pushes the clock; whether everything that became due was done in time."""

    def mails(self) -> list[dict[str, Any]]:
        """Mails sent, newest first."""

    def new_workspace(self, name: str) -> dict[str, str]:
        """A second workspace: its id, name and admin key."""


def proxy_app(stack: Local, api: str) -> Starlette:
    """The ASGI application in front of the API at the address `api`."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        limits = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE)
        timeout = httpx.Timeout(60, pool=None)
        async with httpx.AsyncClient(limits=limits, timeout=timeout, trust_env=False) as app.state.client:
            yield

    async def forward(request: Request) -> Response:
        return await _forwarded(request, httpx.URL(api))

    async def settle(_: Request) -> Response:
        _check(settled=await run_in_threadpool(stack.settle))
        return JSONResponse({"settled": True})

    async def show_clock(_: Request) -> Response:
        return JSONResponse({"now": _iso(await run_in_threadpool(stack.now))})

    async def push_clock(request: Request) -> Response:
        _check(settled=await run_in_threadpool(stack.advance, await _advance(request)))
        return await show_clock(request)

    async def mails(_: Request) -> Response:
        return JSONResponse({"items": await run_in_threadpool(stack.mails)})

    async def workspaces(request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(stack.new_workspace, await _name(request)), status_code=HTTPStatus.CREATED)

    routes = [
        Route("/_local/settle", settle, methods=["POST"]),
        Route("/_local/clock", show_clock, methods=["GET"]),
        Route("/_local/clock", push_clock, methods=["POST"]),
        Route("/_local/mails", mails, methods=["GET"]),
        Route("/_local/workspaces", workspaces, methods=["POST"]),
        Route("/{path:path}", forward, methods=METHODS),
    ]
    app = Starlette(routes=routes, lifespan=lifespan, exception_handlers={gateway.ProblemError: _problem})
    app.router.redirect_slashes = False
    return app


def _check(*, settled: bool) -> None:
    if not settled:
        raise gateway.ProblemError(HTTPStatus.GATEWAY_TIMEOUT, "not-settled", "Something was still to be done after 60 seconds.")


def _iso(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def _advance(request: Request) -> timedelta:
    try:
        return clock.span((await request.json())["advance"])
    except (ValueError, KeyError, TypeError) as error:
        raise gateway.ProblemError(HTTPStatus.BAD_REQUEST, "bad-request", f'Send {{"advance": "P3D"}}: {error}.') from error


async def _name(request: Request) -> str:
    try:
        name = (await request.json())["name"]
    except (ValueError, KeyError, TypeError) as error:
        raise gateway.ProblemError(HTTPStatus.BAD_REQUEST, "bad-request", 'Send {"name": "..."}.') from error
    return str(name)


async def _problem(_: Request, error: Exception) -> Response:
    if not isinstance(error, gateway.ProblemError):
        raise error
    return Response(error.body(), status_code=error.status, headers=error.headers())


async def _forwarded(request: Request, api: httpx.URL) -> Response:
    body = gateway.received(await _body(request), request.headers.get("content-encoding", ""))
    headers = [(name, value) for name, value in request.headers.raw if name.lower().decode("latin-1") not in HOP_BY_HOP]
    client: httpx.AsyncClient = request.app.state.client
    try:
        answer = await client.send(client.build_request(request.method, _target(request, api), headers=headers, content=body))
    except httpx.TransportError as error:
        raise gateway.ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", "The emulator does not answer.") from error
    return _answered(answer)


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > gateway.GATEWAY_LIMIT:
            raise gateway.too_large(len(body), gateway.GATEWAY_LIMIT)
    return bytes(body)


def _target(request: Request, api: httpx.URL) -> httpx.URL:
    """The same path and query under the stage, byte for byte."""
    query = request.scope["query_string"]
    return api.copy_with(raw_path=api.raw_path + request.scope["raw_path"] + (b"?" + query if query else b""))


def _answered(answer: httpx.Response) -> Response:
    """The function's answer as it is. A function that broke has none: MiniStack says so past the template's gateway responses."""
    if answer.status_code == HTTPStatus.BAD_GATEWAY:
        raise gateway.ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", "No answer came; try again.")
    response = Response(answer.content, status_code=answer.status_code)
    response.raw_headers = [(name.lower(), value) for name, value in answer.headers.raw if name.lower().decode() not in HOP_BY_HOP]
    response.headers["content-length"] = str(len(answer.content))
    return response
