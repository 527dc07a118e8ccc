"""One request to an address that was checked, in a time that the receiver cannot stretch."""

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

HERE = ["127.0.0.1"]


def anywhere(_: object) -> bool:
    """Lets every address pass."""
    return True


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    """A certificate for hooks.example.com."""
    return certificate("hooks.example.com", tmp_path)


@pytest.fixture
def tls(pem: Path) -> ssl.SSLContext:
    """The receiver's side of it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


@pytest.fixture
def http(pem: Path) -> PinnedHttp:
    """Our client, which finds every host on this machine and trusts the test's certificate."""
    trust = cache(lambda: ssl.create_default_context(cafile=str(pem)))
    return PinnedHttp(seconds=2, resolve=lambda *_: HERE, is_allowed=anywhere, tls_context=trust)


def test_the_host_is_asked_for_under_its_own_name_at_the_checked_address(http: PinnedHttp, tls: ssl.SSLContext) -> None:
    """TLS, certificate and Host header carry the name; the socket goes to the address."""
    receiver = Receiver(respond(200, body=b"thanks"), tls)
    with receiver.serving() as port:
        answer = http.request("POST", f"https://hooks.example.com:{port}/a%20b/é?q=1&r=ü", {"X-Who": "Zoë"}, b"{}")
    assert (answer.status, answer.body) == (200, b"thanks")
    [request] = receiver.received
    assert request.line == "POST /a%20b/%C3%A9?q=1&r=%C3%BC HTTP/1.1"
    assert (request.headers["Host"], request.body) == (f"hooks.example.com:{port}", b"{}")
    assert receiver.server_names == ["hooks.example.com"]


def test_a_certificate_of_another_host_is_not_accepted(http: PinnedHttp, tls: ssl.SSLContext) -> None:
    """Whoever owns the address must prove to own the name; nothing is sent before."""
    receiver = Receiver(respond(200), tls)
    with receiver.serving() as port, pytest.raises(ssl.SSLCertVerificationError):
        http.request("POST", f"https://other.example.com:{port}/", {}, b"secret")
    assert not receiver.received


def test_the_name_is_resolve_host_once() -> None:
    """A name that leads to a public address first and to a private one later (DNS rebinding) is asked for the first only."""
    answers = itertools.chain([HERE], itertools.repeat(["10.0.0.1"]))
    asked: list[str] = []

    def look_up(host: str, _: int) -> list[str]:
        asked.append(host)
        return next(answers)

    receiver = Receiver(respond(200))
    with receiver.serving() as port:
        http = PinnedHttp(resolve=look_up, is_allowed=lambda address: str(address) == "127.0.0.1")
        assert http.request("GET", f"http://hooks.example.com:{port}/", {}, None).status == 200
    assert asked == ["hooks.example.com"]


@pytest.mark.parametrize(
    "found", [["10.0.0.1"], ["8.8.8.8", "169.254.169.254"], ["::ffff:10.0.0.1"], ["fe80::1%eth0"], ["64:ff9b::a9fe:a9fe"]]
)
def test_a_name_that_leads_to_a_private_address_is_refused(found: list[str]) -> None:
    """One bad address among good ones is enough."""
    with pytest.raises(AddressRefusedError):
        PinnedHttp(resolve=lambda *_: found).request("POST", "https://hooks.example.com/", {}, b"")


def test_the_local_run_reaches_this_machine_and_no_name_that_pretends_to() -> None:
    """`http://localhost` must really lead to loopback."""
    receiver = Receiver(respond(204))
    with receiver.serving() as port:
        assert PinnedHttp().request("POST", f"http://127.0.0.1:{port}/", {}, b"").status == 204
    with pytest.raises(AddressRefusedError):
        PinnedHttp(resolve=lambda *_: ["8.8.8.8"]).request("POST", "http://localhost/", {}, b"")


def unknown_host(*_: object) -> list[str]:
    """A resolver that knows nobody."""
    raise socket.gaierror(-2, "Name or service not known")


def sleeping_resolver(*_: object) -> list[str]:
    """A resolver that takes its time."""
    time.sleep(1)
    return HERE


@pytest.mark.parametrize("look_up", [unknown_host, sleeping_resolver])
def test_a_name_that_is_not_found_in_time_was_not_reached(look_up: Callable[..., list[str]]) -> None:
    """Certainly nothing was sent."""
    started = time.monotonic()
    with pytest.raises(NotConnectedError):
        PinnedHttp(seconds=0.2, resolve=look_up).request("POST", "https://hooks.example.com/", {}, b"")
    assert time.monotonic() - started < 0.8


def test_a_port_where_nobody_listens_was_not_reached() -> None:
    """Connection refused is no unknown."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(NotConnectedError):
        PinnedHttp().request("POST", f"http://127.0.0.1:{port}/", {}, b"")


def test_a_second_address_is_tried_when_the_first_is_dead() -> None:
    """Hosts with several addresses are reached while one of them lives."""
    receiver = Receiver(respond(200))
    with receiver.serving() as port:
        http = PinnedHttp(resolve=lambda *_: ["127.0.0.2", "127.0.0.1"], is_allowed=anywhere)
        assert http.request("GET", f"http://hooks.example.com:{port}/", {}, None).status == 200


def test_ipv4_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """A function without IPv6 would wait for the other address in vain."""
    six = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("2606:4700::1111", 443, 0, 0))
    four = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("1.1.1.1", 443))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [six, four])
    assert resolve_host("hooks.example.com", 443) == ["1.1.1.1", "2606:4700::1111"]


def drip(parts: Callable[[int], bytes], start: bytes = b"") -> Callable[[socket.socket], None]:
    """A receiver that sends a little at a time, for three seconds."""

    def behave(stream: socket.socket) -> None:
        stream.sendall(start)
        for index in range(60):
            stream.sendall(parts(index))
            time.sleep(0.05)

    return behave


@pytest.mark.parametrize(
    "behaviour",
    [
        pytest.param(lambda _: time.sleep(2), id="says nothing"),
        pytest.param(drip(lambda _: b"H"), id="drips its first line"),
        pytest.param(drip(lambda _: b"HTTP/1.1 100 Continue\r\n\r\n"), id="says wait for ever"),
    ],
)
def test_a_receiver_that_drips_is_cut_off_in_time(behaviour: Callable[[socket.socket], None]) -> None:
    """The limit is for all of it, not for each byte."""
    receiver = Receiver(behaviour)
    with receiver.serving() as port:
        started = time.monotonic()
        with pytest.raises((OSError, HTTPException)):
            PinnedHttp(seconds=0.5).request("POST", f"http://127.0.0.1:{port}/", {}, b"")
        assert time.monotonic() - started < 1.2


@pytest.mark.parametrize(
    "behaviour",
    [
        pytest.param(drip(lambda _: b"x", b"HTTP/1.1 503 Busy\r\n\r\n"), id="drips its body"),
        pytest.param(drip(lambda index: f"X-{index}: y\r\n".encode(), b"HTTP/1.1 503 Busy\r\n"), id="drips headers"),
    ],
)
def test_once_the_status_has_come_the_rest_is_only_waited_for_in_time(behaviour: Callable[[socket.socket], None]) -> None:
    """The answer counts; the rest of it is cut off with the clock."""
    receiver = Receiver(behaviour)
    with receiver.serving() as port:
        started = time.monotonic()
        answer = PinnedHttp(seconds=0.5).request("POST", f"http://127.0.0.1:{port}/", {}, b"")
        assert time.monotonic() - started < 1.2
    assert answer.status == 503


def test_a_handshake_that_never_ends_is_cut_off(http: PinnedHttp) -> None:
    """A receiver that takes the connection and speaks no TLS holds nobody up."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        started = time.monotonic()
        slow = PinnedHttp(seconds=0.5, resolve=http.resolve, is_allowed=anywhere, tls_context=http.tls_context)
        with pytest.raises(OSError, match=r".*"):
            slow.request("POST", f"https://hooks.example.com:{server.getsockname()[1]}/", {}, b"")
        assert time.monotonic() - started < 1.2


@pytest.mark.parametrize("head", [b"Content-Length: 10000000000\r\n", b"Transfer-Encoding: chunked\r\n", b""])
def test_a_body_is_read_up_to_64_kib(head: bytes) -> None:
    """However much the receiver sends, in whatever framing."""
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n" if b"chunked" in head else b"x" * 65536

    def pour(stream: socket.socket) -> None:
        stream.sendall(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n")
        for _ in range(100):
            stream.sendall(chunk)

    receiver = Receiver(pour)
    with receiver.serving() as port:
        answer = PinnedHttp(seconds=5).request("GET", f"http://127.0.0.1:{port}/", {}, None)
    assert answer == HttpResponse(200, answer.headers, b"x" * MAX_RESPONSE_BYTES)


def test_a_redirect_is_an_answer_and_not_followed() -> None:
    """Following it would reach an address that nobody checked."""
    receiver = Receiver(respond(302, "Location: http://169.254.169.254/latest/meta-data/"))
    with receiver.serving() as port:
        answer = PinnedHttp().request("POST", f"http://127.0.0.1:{port}/", {}, b"")
    assert (answer.status, len(receiver.received)) == (302, 1)
