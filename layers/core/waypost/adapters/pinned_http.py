"""HTTP to an address that was looked up once, checked, and connected to: a name that changes its mind in between changes nothing."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from http.client import HTTPConnection
from typing import Final
from urllib.parse import SplitResult, quote, urlsplit

from waypost.domain.messages.webhook_addresses import Address, ascii_name, is_local, is_public

BODY_BYTES: Final = 64 * 1024
_PORTS: Final = {"https": 443, "http": 80}
_UNQUOTED: Final = "%/:@!$&'()*+,;=~?"


class AddressRefusedError(Exception):
    """The host's name leads to an address that no webhook may reach."""


class NotConnectedError(Exception):
    """Nobody was reached, so certainly nothing was sent."""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """What a receiver answered: header names in lower case, at most 64 KiB of its body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def looked_up(host: str, port: int) -> list[str]:
    """The addresses of a host, IPv4 first, because a function without IPv6 has no other."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in sorted(found, key=lambda entry: entry[0] != socket.AF_INET)]


@cache
def _trust() -> ssl.SSLContext:
    return ssl.create_default_context()


@dataclass(frozen=True, slots=True)
class PinnedHttp:
    """Makes one request in at most `seconds`, all in all, however slowly the other side drips; follows no redirect."""

    seconds: float = 15
    look_up: Callable[[str, int], list[str]] = looked_up
    allowed: Callable[[Address], bool] = is_public
    trust: Callable[[], ssl.SSLContext] = field(default=_trust)

    def request(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> HttpResponse:
        """The receiver's answer. NotConnectedError, AddressRefusedError, or what socket and http.client raise (OSError, HTTPException)."""
        deadline = time.monotonic() + self.seconds
        parts = urlsplit(url)
        host = ascii_name(parts.hostname or "") or ""
        with self._connected(url, host, parts.port or _PORTS[parts.scheme], deadline) as plain:
            stream = self._stream(plain, host) if parts.scheme == "https" else plain
            watchdog = threading.Timer(max(deadline - time.monotonic(), 0), _cut, [stream])
            watchdog.start()
            with stream:
                try:
                    return _exchange(stream, method, parts, {"Host": _host_header(parts, host), **headers}, body)
                finally:
                    watchdog.cancel()

    def _stream(self, plain: socket.socket, host: str) -> ssl.SSLSocket:
        # The handshake comes later, under the watchdog's eye.
        return self.trust().wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)

    def _connected(self, url: str, host: str, port: int, deadline: float) -> socket.socket:
        allowed = _is_loopback if is_local(url) else self.allowed
        addresses = self._addresses(host, port, deadline)
        if not all(allowed(ipaddress.ip_address(address.partition("%")[0])) for address in addresses):
            raise AddressRefusedError("the host's name leads to a private or reserved address")
        for address in addresses:
            with suppress(OSError):
                return socket.create_connection((address, port), timeout=max(deadline - time.monotonic(), 0.001))
        raise NotConnectedError("no address of the host accepts a connection")

    def _addresses(self, host: str, port: int, deadline: float) -> list[str]:
        # The system's resolver takes no timeout, so it is waited for from outside.
        pool = ThreadPoolExecutor(max_workers=1)
        try:
            return pool.submit(self.look_up, host, port).result(timeout=max(deadline - time.monotonic(), 0))
        except (OSError, UnicodeError) as error:
            raise NotConnectedError("the host's name is not known") from error
        finally:
            pool.shutdown(wait=False)


def _is_loopback(address: Address) -> bool:
    return address.is_loopback


def _cut(stream: socket.socket) -> None:
    with suppress(OSError):
        socket.socket.shutdown(stream, socket.SHUT_RDWR)  # not SSLSocket's own, which swaps the stream under its reader


def _host_header(parts: SplitResult, host: str) -> str:
    name = f"[{host}]" if ":" in host else host
    return name if parts.port in (None, _PORTS[parts.scheme]) else f"{name}:{parts.port}"


def _exchange(stream: socket.socket, method: str, parts: SplitResult, headers: Mapping[str, str], body: bytes | None) -> HttpResponse:
    if isinstance(stream, ssl.SSLSocket):
        stream.do_handshake()
    connection = HTTPConnection(parts.hostname or "")
    connection.sock = stream  # so that it looks nothing up itself
    target = quote(parts.path or "/", safe=_UNQUOTED) + (f"?{quote(parts.query, safe=_UNQUOTED)}" if parts.query else "")
    connection.request(method, target, body, {name: value.encode("utf-8", "replace") for name, value in headers.items()})
    answer = connection.getresponse()
    return HttpResponse(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read(BODY_BYTES))
