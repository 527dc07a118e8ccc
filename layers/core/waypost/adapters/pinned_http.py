"""One HTTP request to an IP address that is checked before the connection, in limited time.

Between a check of a host name and a later connection to it, the owner of the name can change where it resolves to: from a public address to
169.254.169.254, the metadata service of a cloud (DNS rebinding). `PinnedHttp` therefore resolves the name once, checks every address that
it gets, and connects to one of these addresses and not to the name. TLS and the `Host` header still use the name.
"""

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

from waypost.domain.messages.webhook_addresses import Address, is_local, is_public
from waypost.domain.values.host_names import ascii_name

MAX_RESPONSE_BYTES: Final = 64 * 1024
"""How much of the body of a response is read. A receiver can send without end, and a batch shares one function's memory."""

_DEFAULT_PORTS: Final = {"https": 443, "http": 80}
_UNQUOTED_CHARACTERS: Final = "%/:@!$&'()*+,;=~?"


class AddressRefusedError(Exception):
    """The host name resolves to an address that no webhook may reach."""


class NotConnectedError(Exception):
    """No connection was made, so certainly nothing was sent."""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A response: the names of the headers in lower case, and at most `MAX_RESPONSE_BYTES` of the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def resolve_host(host: str, port: int) -> list[str]:
    """The IP addresses of a host name, IPv4 first: a Lambda function without IPv6 would wait for the others in vain. OSError if none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in sorted(found, key=lambda entry: entry[0] != socket.AF_INET)]


@cache
def _default_tls_context() -> ssl.SSLContext:
    return ssl.create_default_context()


@dataclass(frozen=True, slots=True)
class PinnedHttp:
    """Makes one request in at most `seconds`, from the resolution of the name to the last byte; follows no redirect.

    `resolve`, `is_allowed` and `tls_context` are arguments so that a test can resolve a name to its own server and trust its certificate.
    """

    seconds: float = 15
    resolve: Callable[[str, int], list[str]] = resolve_host
    is_allowed: Callable[[Address], bool] = is_public
    tls_context: Callable[[], ssl.SSLContext] = field(default=_default_tls_context)

    def request(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> HttpResponse:
        """Makes the request and returns the response.

        Raises NotConnectedError or AddressRefusedError if nothing was sent, and OSError or HTTPException (of http.client) if there was a
        connection and no complete response.
        """
        deadline = time.monotonic() + self.seconds
        parts = urlsplit(url)
        host = ascii_name(parts.hostname or "") or ""
        with self._connected(url, host, parts.port or _DEFAULT_PORTS[parts.scheme], deadline) as plain:
            stream = self._stream(plain, host) if parts.scheme == "https" else plain
            # A socket timeout starts again with each byte, so a receiver that sends one byte a second would hold the function for ever. The
            # watchdog shuts the socket down at the deadline, whatever the thread is waiting for: handshake, headers, or body.
            watchdog = threading.Timer(max(deadline - time.monotonic(), 0), _abort, [stream])
            watchdog.start()
            with stream:
                try:
                    return _exchange(stream, method, parts, {"Host": _host_header(parts, host), **headers}, body)
                finally:
                    watchdog.cancel()

    def _stream(self, plain: socket.socket, host: str) -> ssl.SSLSocket:
        # The handshake follows in _exchange, because here the watchdog has not started.
        return self.tls_context().wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)

    def _connected(self, url: str, host: str, port: int, deadline: float) -> socket.socket:
        is_allowed = _is_loopback if is_local(url) else self.is_allowed
        addresses = self._addresses(host, port, deadline)
        # One refused address is enough: a name that mixes public and private addresses has no good purpose.
        if not all(is_allowed(ipaddress.ip_address(address.partition("%")[0])) for address in addresses):
            raise AddressRefusedError("the host name resolves to a private or reserved address")
        for address in addresses:
            with suppress(OSError):
                return socket.create_connection((address, port), timeout=max(deadline - time.monotonic(), 0.001))
        raise NotConnectedError("no address of the host accepts a connection")

    def _addresses(self, host: str, port: int, deadline: float) -> list[str]:
        # The resolver of the system has no timeout, so it runs in a thread that is abandoned at the deadline.
        pool = ThreadPoolExecutor(max_workers=1)
        try:
            return pool.submit(self.resolve, host, port).result(timeout=max(deadline - time.monotonic(), 0))
        except (OSError, UnicodeError) as error:
            raise NotConnectedError("the host name cannot be resolved") from error
        finally:
            pool.shutdown(wait=False)


def _is_loopback(address: Address) -> bool:
    return address.is_loopback


def _abort(stream: socket.socket) -> None:
    # SSLSocket.shutdown replaces the TLS state of the socket while another thread reads from it, so this is the method of the plain socket.
    with suppress(OSError):
        socket.socket.shutdown(stream, socket.SHUT_RDWR)


def _host_header(parts: SplitResult, host: str) -> str:
    name = f"[{host}]" if ":" in host else host
    return name if parts.port in (None, _DEFAULT_PORTS[parts.scheme]) else f"{name}:{parts.port}"


def _exchange(stream: socket.socket, method: str, parts: SplitResult, headers: Mapping[str, str], body: bytes | None) -> HttpResponse:
    if isinstance(stream, ssl.SSLSocket):
        stream.do_handshake()
    connection = HTTPConnection(parts.hostname or "")
    connection.sock = stream  # a connection that has a socket does not resolve the name again
    target = quote(parts.path or "/", safe=_UNQUOTED_CHARACTERS)
    target += f"?{quote(parts.query, safe=_UNQUOTED_CHARACTERS)}" if parts.query else ""
    connection.request(method, target, body, {name: value.encode("utf-8", "replace") for name, value in headers.items()})
    response = connection.getresponse()
    return HttpResponse(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read(MAX_RESPONSE_BYTES))
