"""One HTTP request to an address that was checked, in a time that the receiver cannot extend."""

from __future__ import annotations

import itertools
import socket
import ssl
import time
from collections.abc import Callable
from functools import cache
from http.client import HTTPException
from pathlib import Path

import pytest

from tests.fakes.receiver import Receiver, certificate, respond
from waypost.adapters.pinned_http import MAX_RESPONSE_BYTES, AddressRefusedError, HttpResponse, NotConnectedError, PinnedHttp, resolve_host

LOOPBACK = ["127.0.0.1"]


def allow_all(_: object) -> bool:
    """Allows every address."""
    return True


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    """A file with a key and a certificate for hooks.example.com."""
    return certificate("hooks.example.com", tmp_path)


@pytest.fixture
def tls(pem: Path) -> ssl.SSLContext:
    """The TLS context of a receiver with this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


@pytest.fixture
def http(pem: Path) -> PinnedHttp:
    """A client that resolves every host name to this machine and trusts the certificate of the test."""
    tls_context = cache(lambda: ssl.create_default_context(cafile=str(pem)))
    return PinnedHttp(seconds=2, resolve=lambda *_: LOOPBACK, is_allowed=allow_all, tls_context=tls_context)


def test_the_request_names_the_host_and_goes_to_the_checked_address(http: PinnedHttp, tls: ssl.SSLContext) -> None:
    """The TLS handshake, the certificate and the `Host` header use the host name, although the connection goes to an address."""
    receiver = Receiver(respond(200, body=b"thanks"), tls)
    with receiver.serving() as port:
        response = http.request("POST", f"https://hooks.example.com:{port}/a%20b/é?q=1&r=ü", {"X-Who": "Zoë"}, b"{}")
    assert (response.status, response.body) == (200, b"thanks")
    [request] = receiver.received
    assert request.line == "POST /a%20b/%C3%A9?q=1&r=%C3%BC HTTP/1.1"
    assert (request.headers["Host"], request.body) == (f"hooks.example.com:{port}", b"{}")
    assert receiver.server_names == ["hooks.example.com"]


def test_a_certificate_of_another_host_is_not_accepted(http: PinnedHttp, tls: ssl.SSLContext) -> None:
    """A receiver whose certificate is for another host gets no request."""
    receiver = Receiver(respond(200), tls)
    with receiver.serving() as port, pytest.raises(ssl.SSLCertVerificationError):
        http.request("POST", f"https://other.example.com:{port}/", {}, b"secret")
    assert not receiver.received


def test_the_name_is_resolved_once() -> None:
    """A name that resolves to an allowed address first and to a private one later (DNS rebinding) is resolved once only."""
    resolutions = itertools.chain([LOOPBACK], itertools.repeat(["10.0.0.1"]))
    resolved: list[str] = []

    def resolve(host: str, _: int) -> list[str]:
        resolved.append(host)
        return next(resolutions)

    receiver = Receiver(respond(200))
    with receiver.serving() as port:
        http = PinnedHttp(resolve=resolve, is_allowed=lambda address: str(address) == "127.0.0.1")
        assert http.request("GET", f"http://hooks.example.com:{port}/", {}, None).status == 200
    assert resolved == ["hooks.example.com"]


@pytest.mark.parametrize(
    "found", [["10.0.0.1"], ["8.8.8.8", "169.254.169.254"], ["::ffff:10.0.0.1"], ["fe80::1%eth0"], ["64:ff9b::a9fe:a9fe"]]
)
def test_a_name_that_resolves_to_a_private_address_is_refused(found: list[str]) -> None:
    """A name is refused if one of its addresses is private or reserved, whatever the others are."""
    with pytest.raises(AddressRefusedError):
        PinnedHttp(resolve=lambda *_: found).request("POST", "https://hooks.example.com/", {}, b"")


def test_plain_http_reaches_only_loopback_addresses() -> None:
    """`http://127.0.0.1` is reached, and `http://localhost` is refused if it resolves to an address of another machine."""
    receiver = Receiver(respond(204))
    with receiver.serving() as port:
        assert PinnedHttp().request("POST", f"http://127.0.0.1:{port}/", {}, b"").status == 204
    with pytest.raises(AddressRefusedError):
        PinnedHttp(resolve=lambda *_: ["8.8.8.8"]).request("POST", "http://localhost/", {}, b"")


def unknown_host(*_: object) -> list[str]:
    """A resolver that finds no host."""
    raise socket.gaierror(-2, "Name or service not known")


def sleeping_resolver(*_: object) -> list[str]:
    """A resolver that takes a second."""
    time.sleep(1)
    return LOOPBACK


@pytest.mark.parametrize("resolve", [unknown_host, sleeping_resolver])
def test_a_name_that_is_not_resolved_in_time_is_not_connected(resolve: Callable[..., list[str]]) -> None:
    """A name that is unknown, or not resolved within the time limit, raises NotConnectedError within this limit."""
    started = time.monotonic()
    with pytest.raises(NotConnectedError):
        PinnedHttp(seconds=0.2, resolve=resolve).request("POST", "https://hooks.example.com/", {}, b"")
    assert time.monotonic() - started < 0.8


def test_a_refused_connection_is_not_connected() -> None:
    """A port that accepts no connection raises NotConnectedError, so the outcome is not unknown."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(NotConnectedError):
        PinnedHttp().request("POST", f"http://127.0.0.1:{port}/", {}, b"")


def test_a_second_address_is_tried_if_the_first_refuses() -> None:
    """A host with several addresses is reached as long as one of them accepts a connection."""
    receiver = Receiver(respond(200))
    with receiver.serving() as port:
        http = PinnedHttp(resolve=lambda *_: ["127.0.0.2", "127.0.0.1"], is_allowed=allow_all)
        assert http.request("GET", f"http://hooks.example.com:{port}/", {}, None).status == 200


def test_ipv4_addresses_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host with IPv4 and IPv6 addresses is resolved to the IPv4 addresses first."""
    six = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("2606:4700::1111", 443, 0, 0))
    four = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("1.1.1.1", 443))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [six, four])
    assert resolve_host("hooks.example.com", 443) == ["1.1.1.1", "2606:4700::1111"]


def send_slowly(parts: Callable[[int], bytes], start: bytes = b"") -> Callable[[socket.socket], None]:
    """A behaviour that sends one small part after the other, for three seconds."""

    def behave(stream: socket.socket) -> None:
        stream.sendall(start)
        for index in range(60):
            stream.sendall(parts(index))
            time.sleep(0.05)

    return behave


@pytest.mark.parametrize(
    "behaviour",
    [
        pytest.param(lambda _: time.sleep(2), id="no response"),
        pytest.param(send_slowly(lambda _: b"H"), id="slow status line"),
        pytest.param(send_slowly(lambda _: b"HTTP/1.1 100 Continue\r\n\r\n"), id="endless 100 Continue"),
    ],
)
def test_a_slow_receiver_is_aborted_at_the_time_limit(behaviour: Callable[[socket.socket], None]) -> None:
    """The time limit applies to the whole request, and not to each byte."""
    receiver = Receiver(behaviour)
    with receiver.serving() as port:
        started = time.monotonic()
        with pytest.raises((OSError, HTTPException)):
            PinnedHttp(seconds=0.5).request("POST", f"http://127.0.0.1:{port}/", {}, b"")
        assert time.monotonic() - started < 1.2


@pytest.mark.parametrize(
    "behaviour",
    [
        pytest.param(send_slowly(lambda _: b"x", b"HTTP/1.1 503 Busy\r\n\r\n"), id="slow body"),
        pytest.param(send_slowly(lambda index: f"X-{index}: y\r\n".encode(), b"HTTP/1.1 503 Busy\r\n"), id="slow headers"),
    ],
)
def test_a_response_that_is_aborted_after_its_status_keeps_the_status(behaviour: Callable[[socket.socket], None]) -> None:
    """If the status was received before the time limit, it counts, and the rest of the response is aborted at the limit."""
    receiver = Receiver(behaviour)
    with receiver.serving() as port:
        started = time.monotonic()
        response = PinnedHttp(seconds=0.5).request("POST", f"http://127.0.0.1:{port}/", {}, b"")
        assert time.monotonic() - started < 1.2
    assert response.status == 503


def test_a_handshake_that_does_not_end_is_aborted(http: PinnedHttp) -> None:
    """A receiver that accepts the connection and does not speak TLS is aborted at the time limit."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        started = time.monotonic()
        slow = PinnedHttp(seconds=0.5, resolve=http.resolve, is_allowed=allow_all, tls_context=http.tls_context)
        with pytest.raises(OSError, match=r".*"):
            slow.request("POST", f"https://hooks.example.com:{server.getsockname()[1]}/", {}, b"")
        assert time.monotonic() - started < 1.2


@pytest.mark.parametrize("head", [b"Content-Length: 10000000000\r\n", b"Transfer-Encoding: chunked\r\n", b""])
def test_a_body_is_read_up_to_64_kib(head: bytes) -> None:
    """At most 64 KiB of a body are read, with `Content-Length`, in chunks, and until the end of the connection."""
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n" if b"chunked" in head else b"x" * 65536

    def send_endlessly(stream: socket.socket) -> None:
        stream.sendall(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n")
        for _ in range(100):
            stream.sendall(chunk)

    receiver = Receiver(send_endlessly)
    with receiver.serving() as port:
        response = PinnedHttp(seconds=5).request("GET", f"http://127.0.0.1:{port}/", {}, None)
    assert response == HttpResponse(200, response.headers, b"x" * MAX_RESPONSE_BYTES)


def test_a_redirect_is_not_followed() -> None:
    """A redirect is returned as the response, because its address is not checked."""
    receiver = Receiver(respond(302, "Location: http://169.254.169.254/latest/meta-data/"))
    with receiver.serving() as port:
        response = PinnedHttp().request("POST", f"http://127.0.0.1:{port}/", {}, b"")
    assert (response.status, len(receiver.received)) == (302, 1)
