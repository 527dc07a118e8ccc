"""Calls of AWS that the local run holds back, so that a test can act while a function waits for one (docs/local.md#held-calls).

This module runs in MiniStack's own interpreter (emulated.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Any, Final

from functions.local.browser_guard import Receive

ROUTE: Final = "/_local/holds"
LONGEST: Final = 10.0  # seconds; a hold that nobody ends must not stop the local run


@dataclass
class Holds:
    """At most one hold: the operation whose calls wait, the texts that such a call contains, and how many calls have waited."""

    operation: str = ""
    containing: tuple[str, ...] = ()
    held: int = 0
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def respond(self, method: str, body: bytes) -> dict[str, int]:
        """Begins a hold (POST), ends it (DELETE), or changes nothing; returns how many calls it has held. ValueError for a wrong body."""
        if method in ("POST", "DELETE"):
            self.ended.set()
        if method == "POST":
            plan = json.loads(body)
            if not (isinstance(plan, dict) and isinstance(plan.get("operation"), str) and isinstance(plan.get("containing", []), list)):
                raise ValueError("a hold has the name of an operation and a list of texts")
            self.operation, self.containing = plan["operation"], tuple(map(str, plan.get("containing", [])))
            self.held, self.ended = 0, asyncio.Event()
        elif method == "DELETE":
            self.operation = ""
        return {"held": self.held}

    async def when_released(self, scope: dict[str, Any], receive: Receive) -> Receive:
        """Waits as long as the call is held. Returns what its application reads in place of `receive`."""
        target = dict(scope.get("headers", ())).get(b"x-amz-target", b"").decode("latin-1")
        if not self.operation or target.rpartition(".")[2] != self.operation:
            return receive
        body = await whole_body(receive)
        if all(text.encode() in body for text in self.containing):
            self.held += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.ended.wait(), LONGEST)
        return _repeated(body, receive)


async def whole_body(receive: Receive) -> bytes:
    """The body of a request of ASGI."""
    body, is_more = b"", True
    while is_more:
        message = await receive()
        body, is_more = body + message.get("body", b""), bool(message.get("more_body"))
    return body


def _repeated(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives a body that was read already, and then what follows it, such as the end of the connection."""
    left: list[MutableMapping[str, Any]] = [{"type": "http.request", "body": body, "more_body": False}]

    async def read() -> MutableMapping[str, Any]:
        return left.pop() if left else await receive()

    return read
