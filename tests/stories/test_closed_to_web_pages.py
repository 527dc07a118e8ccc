"""No web page that is open in a browser on this machine can use a server of the local run (docs/local.md#web-pages)."""

from __future__ import annotations

import itertools
import re
import socket
from typing import Any, NamedTuple

import httpx
import pytest

from functions.local.moto_backend.stack import MotoStack
from functions.local.seed import ADMIN_KEY, EVENTS_KEY
from functions.local.stack import Stack
from tests.stories.backends import AnyStack, both_backends

REBOUND = "rebound.example.com"  # a name whose owner lets it resolve to 127.0.0.1 after the page has loaded
FOREIGN = "https://page.example.com"
DEVELOPMENT = "http://localhost:5173"
EVENT = {"correlationKey": "_id", "correlationValue": "page", "event": "seen"}
ADMIN = {"Authorization": f"Api-Key {ADMIN_KEY}"}
INTAKE = [
    "/api/events/batch/",
    "/api/events/batch",
    "/events/batch/",
    "/events/batch",
    "/api/events/",
    "/api/events",
    "/events/",
    "/events",
]
AWS_BY_GET = (
    "/?Action=ListQueues&Version=2012-11-05&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20261127T000000Z&X-Amz-Expires=300"
    "&X-Amz-Credential=test%2F20261127%2Fus-east-1%2Fsqs%2Faws4_request&X-Amz-SignedHeaders=host&X-Amz-Signature=0"
)
CLIENT = httpx.Client(timeout=30, trust_env=False)


class Server(NamedTuple):
    """A server of the local run, and a path at which it answers."""

    url: str
    path: str

    def request(self, method: str, headers: dict[str, str], path: str = "", **body: Any) -> httpx.Response:
        """Sends a request, by default to the path of the server."""
        return CLIENT.request(method, self.url + (path or self.path), headers=headers, **body)


def emulators(stack: AnyStack) -> list[Server]:
    """The servers that no page needs: the emulator of AWS, the provider emulator, and on moto the REST API behind the API server."""
    providers = Server(stack.providers.url, "/v2/email/account")
    if isinstance(stack, MotoStack):
        return [Server(stack.moto.url, AWS_BY_GET), Server(stack.api, "/api/health"), providers]
    return [
        providers,
        Server(stack.emulator.url, AWS_BY_GET),
        Server(stack.deployment.api, "/api/health"),
        Server(stack.emulator.url, "/_local/clock"),
    ]


def servers(stack: AnyStack) -> list[Server]:
    """All servers of a stack."""
    return [Server(stack.url, "/api/health"), Server(stack.url, "/_local/mails"), *emulators(stack)]


def host(server: Server) -> str:
    """Host and port of a server."""
    return httpx.URL(server.url).netloc.decode()


@both_backends
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_a_name_that_was_rebound_to_this_machine_is_refused(stack: AnyStack, method: str) -> None:
    """A page under a domain name that resolves to 127.0.0.1 gets 403 from every server for each method, also with the known admin key."""
    for server in servers(stack):
        port = httpx.URL(server.url).port
        for name in (f"{REBOUND}:{port}", REBOUND, f"localhost.{REBOUND}:{port}", f"127.0.0.1.{REBOUND}", f"0.0.0.0:{port}", "localhost@x"):
            response = server.request(method, {"Host": name, **ADMIN})
            assert (response.status_code, response.json()["code"]) == (403, "foreign-host"), (server, name)
            assert "access-control-allow-origin" not in response.headers


@both_backends
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_a_page_of_another_origin_is_refused(stack: AnyStack, method: str) -> None:
    """Every server answers 403 without the header that lets a page read it; a preflight request fails in the same way."""
    preflight = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"} if method == "OPTIONS" else {}
    for server in servers(stack):
        for origin in (FOREIGN, DEVELOPMENT, "null", "http://127.0.0.1:1", f"http://localhost.{REBOUND}"):
            response = server.request(method, {"Origin": origin, **ADMIN, **preflight})
            assert (response.status_code, response.json()["code"]) == (403, "foreign-origin"), (server, origin)
            assert "access-control-allow-origin" not in response.headers


@both_backends
def test_a_page_cannot_act_through_the_address_of_an_image(stack: AnyStack) -> None:
    """The emulators of AWS refuse a GET that a browser sends for a page without an Origin, and serve an address that a person typed."""
    for server in emulators(stack):
        for site in ("cross-site", "same-site", "same-origin"):
            assert server.request("GET", {"Sec-Fetch-Site": site}).status_code == 403, (server, site)
        assert server.request("GET", {"Sec-Fetch-Site": "none"}).status_code == 200, server


@both_backends
def test_a_page_cannot_create_a_function(stack: AnyStack) -> None:
    """A page's request to create a function or a user is refused, whatever signature it has."""
    emulator = emulators(stack)[0]
    signature = "AWS4-HMAC-SHA256 Credential=test/20261127/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=0"
    for service, method, path in (("lambda", "POST", "/2015-03-31/functions"), ("iam", "POST", "/?Action=CreateUser&UserName=page")):
        for headers in ({"Origin": FOREIGN}, {"Origin": "null"}, {"Host": REBOUND}):
            response = emulator.request(
                method, {**headers, "Authorization": signature.format(service)}, path, json={"FunctionName": "page"}
            )
            assert response.status_code == 403


@both_backends
def test_a_web_app_in_development_may_send_events(stack: AnyStack) -> None:
    """The intake routes answer pages of this machine, and their preflight requests, as they answer any page on AWS."""
    api = Server(stack.url, "")
    key = {"Authorization": f"Api-Key {EVENTS_KEY}"}
    origins = itertools.cycle(
        [DEVELOPMENT, "http://127.0.0.1:8080", "http://[::1]:8080", "https://shop.localhost", "capacitor://localhost"]
    )
    for path, origin in zip(INTAKE, origins, strict=False):
        preflight = api.request("OPTIONS", {"Origin": origin, "Access-Control-Request-Method": "POST"}, path)
        assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (204, "*"), path
        body = {"batch": [EVENT]} if "batch" in path else EVENT
        sent = api.request("POST", {"Origin": origin, "Sec-Fetch-Site": "cross-site", **key}, path, json=body)
        assert (sent.status_code, sent.headers["access-control-allow-origin"]) == (201, "*"), (path, sent.text)


@both_backends
def test_the_frame_of_a_mail_loads_its_script(stack: AnyStack) -> None:
    """The frame, whose origin is `null`, gets the files of the console, which hold no data, and nothing else."""
    api = Server(stack.url, "")
    build = re.search(r"console/([0-9a-f]+)/main\.js", api.request("GET", {}, "/console").text)
    assert build is not None
    paths = {"mail.js": 200, "mail.html": 200, "../api/keys": 403, "nothing.txt": 404}
    for name, status in paths.items():
        assert api.request("GET", {"Origin": "null", **ADMIN}, f"/console/{build[1]}/{name}").status_code == status, name
    assert api.request("POST", {"Origin": "null"}, f"/console/{build[1]}/mail.js").status_code == 403


@both_backends
def test_a_web_app_in_development_may_do_nothing_else(stack: AnyStack) -> None:
    """Pages of this machine get no management route, also with the admin key, and no path that only starts as an intake route."""
    api = Server(stack.url, "")
    paths = ["/api/events/../keys", "/api/events/%2e%2e/keys", "/api/events/batch/../../keys", "/api/keys", "/_local/workspaces"]
    for method, path in [("GET", "/api/events"), ("PUT", "/api/events"), ("DELETE", "/api/keys/1"), *(("POST", path) for path in paths)]:
        with socket.create_connection(("127.0.0.1", httpx.URL(stack.url).port or 80), timeout=30) as connection:  # httpx removes the dots
            lines = [f"{method} {path} HTTP/1.1", f"Host: {host(api)}", f"Origin: {DEVELOPMENT}", *(f"{k}: {v}" for k, v in ADMIN.items())]
            connection.sendall("\r\n".join([*lines, "Content-Length: 0", "Connection: close", "", ""]).encode())
            assert connection.makefile("rb").readline().split()[1] == b"403", (method, path)


@both_backends
@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "host.docker.internal"])
def test_programs_of_this_machine_are_served(stack: AnyStack, name: str) -> None:
    """Without an Origin every server answers under each name of this machine, and pages of the API server itself may call it."""
    for server in servers(stack):
        assert server.request("GET", {"Host": f"{name}:{httpx.URL(server.url).port}"}).status_code == 200, server
    own = {"Host": f"{name}:{httpx.URL(stack.url).port}", "Origin": f"http://{name}:{httpx.URL(stack.url).port}", **ADMIN}
    assert Server(stack.url, "/api/journeys").request("GET", own).status_code == 200


def test_a_page_cannot_open_a_websocket_to_the_emulator(ministack: Stack) -> None:
    """The handshake of a page is answered with 403, before MiniStack looks at it."""
    url = httpx.URL(ministack.emulator.url)
    with socket.create_connection(("127.0.0.1", url.port or 80), timeout=30) as connection:
        upgrade = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="]
        path = "/_aws/execute-api/x/live"
        lines = [f"GET {path} HTTP/1.1", f"Host: {url.netloc.decode()}", f"Origin: {FOREIGN}", *upgrade, "", ""]
        connection.sendall("\r\n".join(lines).encode())
        assert connection.makefile("rb").readline().split()[1] == b"403"
