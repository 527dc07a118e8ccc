"""A webhook's receiver on this machine: plain or with TLS, well-behaved or as nasty as a test needs it."""

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


def answering(status: int, *headers: str, body: bytes = b"") -> Behaviour:
    """Answers properly."""
    head = "\r\n".join([f"HTTP/1.1 {status} Whatever", *headers, f"Content-Length: {len(body)}", "", ""])
    return lambda stream: stream.sendall(head.encode() + body)


@dataclass
class Received:
    """One request as it came."""

    line: str
    headers: Headers
    body: bytes


@dataclass
class Receiver:
    """A server on a free port of 127.0.0.1 that behaves the same to every request and keeps what it got."""

    behaviour: Behaviour
    tls: ssl.SSLContext | None = None
    received: list[Received] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)

    @contextmanager
    def serving(self) -> Iterator[int]:
        """The port, while it serves."""
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
                self._talk(plain)

    def _talk(self, plain: socket.socket) -> None:
        stream = plain
        if self.tls is not None:
            self.tls.sni_callback = lambda _, name, __: self.names.append(name)
            stream = self.tls.wrap_socket(plain, server_side=True)
        with stream:
            self.received.append(_request(stream))
            self.behaviour(stream)


def _request(stream: socket.socket) -> Received:
    read = b""
    while b"\r\n\r\n" not in read:
        read += _some(stream)
    head, _, body = read.partition(b"\r\n\r\n")
    line, _, rest = head.partition(b"\r\n")
    headers = message_from_bytes(rest)
    while len(body) < int(headers.get("Content-Length") or 0):
        body += _some(stream)
    return Received(line.decode(), headers, body)


def _some(stream: socket.socket) -> bytes:
    part = stream.recv(65536)
    if not part:
        raise ConnectionError("the sender went away")
    return part


def certificate(host: str, folder: Path) -> Path:
    """A file with a key and a certificate for a host, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - timedelta(days=1), now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    file = folder / "receiver.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return file
