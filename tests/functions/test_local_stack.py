"""The HTTP server of the local run."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import Any

from functions.local.stack import SHUTDOWN_SECONDS, listening, serving


async def never_answers(scope: Any, receive: Any, send: Any) -> None:
    """An application that never responds to a request, and never ends when the server does."""
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
    await asyncio.Event().wait()


def test_the_server_ends_although_a_request_and_the_application_do_not() -> None:
    """Neither a client that waits for a response for ever nor an application that does not end keeps the local run from ending."""
    with listening(0) as listener, socket.socket() as client:
        with serving(never_answers, listener):
            client.connect(listener.getsockname())
            client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            time.sleep(0.3)
            started = time.monotonic()
        assert time.monotonic() - started < 2 * SHUTDOWN_SECONDS + 2
