"""The HTTP server of the local run."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import Any

from functions.local.stack import SHUTDOWN_SECONDS, listening, serving


async def never_answers(scope: Any, receive: Any, send: Any) -> None:
    """An application that gets a request and never responds."""
    if scope["type"] == "http":
        await asyncio.Event().wait()


def test_the_server_ends_although_a_request_is_open() -> None:
    """A client that waits for a response for ever does not keep the local run from ending."""
    with listening(0) as listener, socket.socket() as client:
        with serving(never_answers, listener):
            client.connect(listener.getsockname())
            client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            time.sleep(0.3)
            started = time.monotonic()
        assert time.monotonic() - started < SHUTDOWN_SECONDS + 2
