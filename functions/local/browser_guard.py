"""Refuses what web pages in a browser on this machine send to the servers of the local run.

A server at the loopback address is not private: every page that is open in a browser on the machine can send requests to it. The local run
has keys that everybody knows, and an emulator that creates and runs functions for any signature. Two checks keep pages out:

- `Host` has to be a name of this machine. A page whose own domain name resolves to 127.0.0.1 (DNS rebinding) counts for the browser as a
  page of this server and may read its responses. Its requests still carry its domain name as the host.
- `Origin` has to be absent, or to be one that the server serves; only the page behind the links of messages takes any. Browsers send it
  with every request from another origin that has a body, and with every request whose response a page may read. A page cannot change it.

Programs that are no browsers send no `Origin` and the host that they connect to. This module is imported by the interpreters of MiniStack
and moto too, so it needs the standard library only.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Awaitable, Callable, Collection, MutableMapping, Sequence
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

from functions.local import containers
from functions.local.gateway import ProblemError

BROWSER_HEADERS: Final = frozenset({"origin", "sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest", "sec-fetch-user"})
"""What the API server does not forward to the emulator, which refuses every request with them. No function reads them."""

_INTAKE: Final = re.compile(r"(/api)?/events(/batch)?/?")
_INTAKE_METHODS: Final = frozenset({"POST", "OPTIONS"})
_LINK: Final = re.compile(r"/u/[^/]+/?")
_CONSOLE_FILE: Final = re.compile(r"/console/[0-9a-f]+/[a-z_]+\.[a-z]+")

AsgiScope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
AsgiApplication = Callable[[AsgiScope, Receive, Send], Awaitable[None]]


def api_refusal(method: str, path: str, hosts: Sequence[str], origins: Collection[str]) -> ProblemError | None:
    """Why the API server refuses a request; None for a request that it serves.

    `path` is the path as sent, `hosts` and `origins` are the values of these headers. The server's own pages may call every route. Pages of
    other servers on this machine, such as a web app in development, may only send events.
    """
    # The page has `Referrer-Policy: no-referrer`, so that its token reaches nobody, and a browser then sends `Origin: null` with its forms.
    # The token is what protects the page: who has it needs no browser.
    is_link = _LINK.fullmatch(path) is not None
    # The frame in which the console shows a mail has an origin of its own, and Chromium sends `Origin: null` with the request for its
    # script. The files of the console hold no data.
    is_console_file = method in ("GET", "HEAD") and _CONSOLE_FILE.fullmatch(path) is not None
    is_intake = method in _INTAKE_METHODS and _INTAKE.fullmatch(path) is not None
    if not _is_this_machine(hosts):
        return _foreign_host(hosts)
    if is_link or is_console_file:
        return None
    foreign = [origin for origin in origins if origin.lower() != f"http://{hosts[0].lower()}" and not (is_intake and _is_local(origin))]
    return _foreign_origin(foreign[0], "pages of this machine may send events, and other pages nothing") if foreign else None


def emulator_refusal(hosts: Sequence[str], origins: Sequence[str], sites: Collection[str], *, at_bridge: bool) -> ProblemError | None:
    """Why a server that no page needs refuses a request: the emulator of AWS, and the REST API behind the API server. None if it does not.

    `sites` are the values of `Sec-Fetch-Site`. `at_bridge` says that the request came over Docker's bridge, where every container
    connects; only those of `sam local` know the host name.
    """
    # A page needs no Origin to send a GET, for example as the address of an image, and AWS's query protocol and presigned addresses do
    # everything by GET. Current browsers add Sec-Fetch-Site to all requests to the loopback address; `none` is an address that a person
    # typed.
    if [_name(host) for host in hosts] != [containers.HOST] if at_bridge else not _is_this_machine(hosts):
        return _foreign_host(hosts)
    if origins:
        return _foreign_origin(origins[0], "no page may call this server")
    return _foreign_origin("another page", "no page may call this server") if set(sites) - {"none"} else None


def api_guarded(app: AsgiApplication) -> AsgiApplication:
    """The ASGI application of the API server, without what `api_refusal` refuses."""
    return _guarded(app, lambda scope: api_refusal(*_request_line(scope), _values(scope, "host"), _values(scope, "origin")))


def emulator_guarded(app: AsgiApplication, bridge: str | None = None) -> AsgiApplication:
    """An ASGI application without what `emulator_refusal` refuses. `bridge` is the address of Docker's bridge at which it also listens."""

    def refusal(scope: AsgiScope) -> ProblemError | None:
        at_bridge = bool(bridge) and (scope.get("server") or ("",))[0] == bridge
        return emulator_refusal(_values(scope, "host"), _values(scope, "origin"), _values(scope, "sec-fetch-site"), at_bridge=at_bridge)

    return _guarded(app, refusal)


def headers(refusal: ProblemError) -> dict[str, str]:
    """The headers of a refusal: those of every problem without the permission for pages to read it."""
    return {name: value for name, value in refusal.headers().items() if name != "Access-Control-Allow-Origin"}


def _guarded(app: AsgiApplication, refusal_of: Callable[[AsgiScope], ProblemError | None]) -> AsgiApplication:
    async def guarded(scope: AsgiScope, receive: Receive, send: Send) -> None:
        refusal = refusal_of(scope) if scope["type"] in {"http", "websocket"} else None
        if refusal is None:
            await app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})  # before the handshake is accepted: the server answers it with 403
        else:
            lines = [(name.lower().encode(), value.encode()) for name, value in headers(refusal).items()]
            await send({"type": "http.response.start", "status": refusal.status.value, "headers": lines})
            await send({"type": "http.response.body", "body": refusal.body()})

    return guarded


def _request_line(scope: AsgiScope) -> tuple[str, str]:
    return scope.get("method", "GET"), (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")


def _values(scope: AsgiScope, header: str) -> list[str]:
    return [value.decode("latin-1") for name, value in scope.get("headers", ()) if name.lower() == header.encode()]


def _is_this_machine(hosts: Sequence[str]) -> bool:
    """Whether there is exactly one host, and it is a name or an address of this machine."""
    return len(hosts) == 1 and (_is_loopback(_name(hosts[0])) or _name(hosts[0]) == containers.HOST)


def _is_local(origin: str) -> bool:
    """Whether an origin is a server, or an app with a web view, on this machine. Any page can have the origin `null`."""
    scheme, separator, host = origin.partition("://")
    return bool(scheme and separator) and _is_loopback(_name(host))


def _name(host: str) -> str:
    """The name or address in `name:port`, in lower case; empty for what is no host."""
    try:
        parts = urlsplit(f"//{host}")
    except ValueError:  # brackets that hold no address
        return ""
    return parts.hostname or "" if parts.netloc == host and "@" not in host else ""


def _is_loopback(name: str) -> bool:
    if name == "localhost" or name.endswith(".localhost"):  # RFC 6761: no name server is asked for these
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _foreign_host(hosts: Sequence[str]) -> ProblemError:
    detail = f"The local run serves the hosts localhost and 127.0.0.1, not {', '.join(hosts) or 'a request without Host'}."
    return ProblemError(HTTPStatus.FORBIDDEN, "foreign-host", detail)


def _foreign_origin(origin: str, rule: str) -> ProblemError:
    return ProblemError(HTTPStatus.FORBIDDEN, "foreign-origin", f"The request comes from {origin}: {rule}.")
