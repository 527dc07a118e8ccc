"""A server for webhooks on this machine, with or without TLS, that behaves as a test needs it."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message as Headers
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Behaviour = Callable[[socket.socket], None]
"""What a receiver does with a connection once it has read the request."""


def respond(status: int, *headers: str, body: bytes = b"") -> Behaviour:
    """A behaviour that sends one complete response."""
    head = "\r\n".join([f"HTTP/1.1 {status} Whatever", *headers, f"Content-Length: {len(body)}", "", ""])
    return lambda stream: stream.sendall(head.encode() + body)


@dataclass
class ReceivedRequest:
    """One request as it was received; `line` is its first line."""

    line: str
    headers: Headers
    body: bytes


@dataclass
class Receiver:
    """A server on a free port of 127.0.0.1 that treats all requests alike and records them.

    `server_names` are the host names that clients named in their TLS handshakes.
    """

    behaviour: Behaviour
    tls: ssl.SSLContext | None = None
    received: list[ReceivedRequest] = field(default_factory=list)
    server_names: list[str | None] = field(default_factory=list)

    @contextmanager
    def serving(self) -> Iterator[int]:
        """Serves until the block ends; yields the port."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            thread = threading.Thread(target=self._serve, args=[server])
            thread.start()
            try:
                yield server.getsockname()[1]
            finally:
                with suppress(OSError):
                    server.shutdown(socket.SHUT_RDWR)
                thread.join(timeout=10)

    def _serve(self, server: socket.socket) -> None:
        while True:
            try:
                plain, _ = server.accept()
            except OSError:
                return
            plain.settimeout(5)
            with plain, suppress(OSError):
                self._serve_connection(plain)

    def _serve_connection(self, plain: socket.socket) -> None:
        stream = plain
        if self.tls is not None:
            self.tls.sni_callback = lambda _, name, __: self.server_names.append(name)
            stream = self.tls.wrap_socket(plain, server_side=True)
        with stream:
            self.received.append(_read_request(stream))
            self.behaviour(stream)


def _read_request(stream: socket.socket) -> ReceivedRequest:
    read = b""
    while b"\r\n\r\n" not in read:
        read += _receive(stream)
    head, _, body = read.partition(b"\r\n\r\n")
    line, _, rest = head.partition(b"\r\n")
    headers = message_from_bytes(rest)
    while len(body) < int(headers.get("Content-Length") or 0):
        body += _receive(stream)
    return ReceivedRequest(line.decode(), headers, body)


def _receive(stream: socket.socket) -> bytes:
    part = stream.recv(65536)
    if not part:
        raise ConnectionError("the client closed the connection")
    return part


def certificate(host: str, folder: Path) -> Path:
    """A PEM file with a private key and a self-signed certificate for a host."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    certificate_of_host = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - timedelta(days=1), now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    file = folder / "receiver.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
        + certificate_of_host.public_bytes(serialization.Encoding.PEM)
    )
    return file
