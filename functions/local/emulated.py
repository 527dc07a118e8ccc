"""Runs in MiniStack's own interpreter: MiniStack, plus one question that its API cannot answer, and an end when the local run ends."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sys
import threading
import time
from typing import Any

from ministack import app as gateway
from ministack.services import lambda_svc, sqs

PENDING = "/_local/pending"  # stack.py asks it


def _queues_with_a_consumer() -> list[dict[str, Any]]:
    names = {esm["EventSourceArn"].rsplit(":", 1)[-1] for _, _, esm in lambda_svc._iter_all_esms()}
    return [queue for queue in sqs._queues._data.values() if queue["name"] in names]


def _unsettled(queue: dict[str, Any], now: float) -> int:
    """In a FIFO queue every message; in a standard one those that are due or were just taken, but no retry that is due later."""
    if queue["is_fifo"]:
        return len(queue["messages"])
    just_taken = now + int(queue["attributes"]["VisibilityTimeout"]) - 1
    return sum(not now < message["visible_at"] <= just_taken for message in queue["messages"])


def pending() -> int:
    """Messages that wait for a function, and batches that a function holds; nil when the stack is at rest."""
    with sqs._queues_lock:
        waiting = sum(_unsettled(queue, time.time()) for queue in _queues_with_a_consumer())
    with lambda_svc._esm_inflight_lock:
        held = sum(lambda_svc._esm_inflight.values())
    return int(waiting + held)


_ministack = gateway.app


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """MiniStack's ASGI application with one route more."""
    if scope.get("path") != PENDING:
        await _ministack(scope, receive, send)
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": json.dumps({"pending": pending()}).encode()})


def _end_with_the_local_run() -> None:
    """Standard input closes when the local run ends, however it ends; then nothing may stay behind."""
    sys.stdin.read()
    shutil.rmtree(os.environ["TMPDIR"], ignore_errors=True)
    os.killpg(os.getpgrp(), signal.SIGKILL)  # its workers are in its group, and no one else


if __name__ == "__main__":
    gateway.app = app
    threading.Thread(target=_end_with_the_local_run, daemon=True).start()
    with contextlib.suppress(KeyboardInterrupt):
        gateway.main()
