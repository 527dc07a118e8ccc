"""Receivers of webhooks in the simulation give the adapter the outcomes that real servers give it."""

from __future__ import annotations

import socket
import struct
import time
from datetime import UTC, datetime
from random import Random

import pytest

from functions.local.emulator import free_port
from tests.fakes.messages import pending_message
from tests.fakes.receiver import Receiver, respond
from tests.proof.aws import providers as simulated
from tests.proof.queue_backends import (
    ManualClock,
)
from waypost.adapters.pinned_http import PinnedHttp
from waypost.adapters.webhook import WebhookChannel
from waypost.domain.messages.message import PreparedMessage
from waypost.domain.messages.webhook_signatures import WebhookSecrets, secret_of

SHORT_LIMIT = 0.3
"""Seconds that a real server gets for an answer that does not come."""


class OneSecret:
    """The one signing secret of all workspaces."""

    def of(self, workspace: str, now: datetime) -> WebhookSecrets:
        return WebhookSecrets((secret_of(b"o" * 24),), datetime(2026, 1, 1, tzinfo=UTC))


def closed(stream: socket.socket) -> None:
    """Ends the connection with a TCP reset and without an answer."""
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def silent(_: socket.socket) -> None:
    """Gives no answer for longer than the time limit of the caller."""
    time.sleep(2 * SHORT_LIMIT)


def cut_off(stream: socket.socket) -> None:
    """Ends the connection in the middle of the body."""
    stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")


RECEIVERS = {
    "200": (respond(200, body=b"ok"), simulated.http(200, body=b"ok")),
    "500": (respond(500, body=b"broken"), simulated.http(500, body=b"broken")),
    "410": (respond(410), simulated.http(410)),
    "404": (respond(404), simulated.http(404)),
    "429 with Retry-After": (respond(429, "Retry-After: 90"), simulated.http(429, {"retry-after": "90"})),
    "302": (respond(302, "Location: https://example.com"), simulated.http(302, {"location": "https://example.com"})),
    "reset": (closed, simulated.reset(accepts=True)),
    "silent": (silent, simulated.hanging(accepts=True, seconds=simulated.WEBHOOK_TIMEOUT)),
    "truncated": (cut_off, simulated.truncated(body=b"half" * 2)),
}


@pytest.mark.parametrize("case", RECEIVERS)
def test_receivers_behave_as_a_server(case: str) -> None:
    """The adapter of webhooks sees the same outcome of a receiver in the simulation as of a real server, which gets the same request."""
    real, behaviour = RECEIVERS[case]
    limit = SHORT_LIMIT if real is silent else PinnedHttp().seconds
    server, receivers = Receiver(real), simulated.Receivers(ManualClock(), Random(1), lambda _call: behaviour)
    with server.serving() as port:
        prepared = PreparedMessage("x", {"url": f"http://127.0.0.1:{port}/hook", "method": "POST", "headers": {}, "body": "{}"})
        message, now = pending_message(channel="webhook"), datetime.now(UTC)
        outcomes = [
            WebhookChannel(OneSecret(), http, local=True).call_provider(message, prepared, now) for http in (receivers, PinnedHttp(limit))
        ]
    assert outcomes[0] == outcomes[1]
    assert receivers.delivered[0].message == server.received[0].headers["webhook-id"] == message.id
    assert receivers.delivered[0].request["body"] == server.received[0].body


def test_a_receiver_that_refuses_connections_is_not_connected() -> None:
    """No server, and an outcome without a connection, are the same to the adapter."""
    receivers = simulated.Receivers(ManualClock(), Random(1), lambda _call: simulated.unreachable())
    prepared = PreparedMessage("x", {"url": f"http://127.0.0.1:{free_port()}/hook", "method": "POST", "headers": {}, "body": "{}"})
    outcomes = [
        WebhookChannel(OneSecret(), http, local=True).call_provider(pending_message(), prepared, datetime.now(UTC))
        for http in (receivers, PinnedHttp())
    ]
    assert outcomes[0] == outcomes[1]
    assert receivers.delivered == []
