"""MiniStack with a clock that can be advanced, three more routes, closed to web pages, and with an end together with the local run.

This module runs in MiniStack's own interpreter, as the process that emulator.py starts.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
import os
import re
import shutil
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from hypercorn.config import Config, Sockets
from ministack import app as gateway
from ministack.core import lambda_runtime
from ministack.services import dynamodb, eventbridge, lambda_svc, scheduler, ses_v2, sqs

from functions.local import browser_guard, holds
from functions.local.function_forks import ForkingSubprocess
from functions.local.paths import PACKAGES

PENDING = "/_local/pending"  # requested by stack.py
CLOCK = "/_local/clock"  # requested by clock.py
PAST_DUE = 0.001  # seconds beyond a due time to which the clock is advanced: at exactly that time nothing counts as due yet


class OffsetTime:
    """The module `time` as MiniStack's services see it: its time is `offset` seconds later than the machine's."""

    offset = 0.0

    def __getattr__(self, name: str) -> Any:
        """Any other attribute is that of the module `time`."""
        return getattr(time, name)

    def time(self) -> float:
        """The current time in seconds since 1970."""
        return time.time() + self.offset

    def advance(self, to: float) -> None:
        """Sets the time to `to`, unless it is later already, and writes the offset to the file that the functions read.

        The file is replaced in one step: a function that read it while it is written would find half a number.
        """
        self.offset = max(self.offset, to - time.time())
        file = Path(os.environ["WAYPOST_CLOCK_FILE"])
        written = file.with_suffix(".new")
        written.write_text(repr(self.offset))
        written.replace(file)


clock = OffsetTime()
for service in (dynamodb, eventbridge, scheduler, ses_v2, sqs):
    service.time = clock

_create_schedule = scheduler._create_schedule
KEYWORD = re.compile(r"<aws\.scheduler\.[a-z-]+>")  # what Scheduler replaces in an input


def _create_to_the_second(name: str, body: dict[str, Any]) -> Any:
    """Creates a schedule for the exact due time of its timer, with the keywords in its input replaced, which AWS does at delivery.

    AWS fires a schedule at any second of its minute, so Waypost asks for the first full minute after the due time. Here the clock is
    advanced to the due time itself, and the timer has to fire then.
    """
    signal = body["Target"]["Input"]
    due = json.loads(signal if signal.startswith("{") else gzip.decompress(base64.b64decode(signal)))["due"]
    target = body["Target"] | {"Input": KEYWORD.sub("replaced-by-scheduler", signal)}
    return _create_schedule(name, body | {"ScheduleExpression": f"at({due})", "Target": target})


scheduler._create_schedule = _create_to_the_second
scheduler._SCHEDULE_TICK_INTERVAL = 1


def _queues_with_a_consumer() -> list[dict[str, Any]]:
    """The queues that an event source mapping reads; nothing ever empties a dead-letter queue."""
    names = {esm["EventSourceArn"].rsplit(":", 1)[-1] for _, _, esm in lambda_svc._iter_all_esms()}
    return [queue for queue in sqs._queues._data.values() if queue["name"] in names]


def _unsettled(queue: dict[str, Any], now: float) -> list[str]:
    """The ids of the messages of a queue that are due or being processed.

    In a FIFO queue that is every message. In a standard queue it is every message that is visible, and every message that was received
    just now: its visibility timeout has hardly begun. A message that becomes visible later is a delayed one or a planned retry, which
    settles only when the clock reaches it.
    """
    if queue["is_fifo"]:
        return [message["id"] for message in queue["messages"]]
    just_received = now + int(queue["attributes"]["VisibilityTimeout"]) - 1
    return [
        message["id"]
        for message in queue["messages"]
        if message["visible_at"] <= now or (message["receive_count"] > 0 and message["visible_at"] > just_received)
    ]


def _schedules() -> dict[str, float]:
    """The due time of each one-time EventBridge schedule by its name, in seconds since 1970."""
    schedules = list(scheduler._schedules._data.values())
    times = {schedule["Name"]: scheduler._at_time_epoch(schedule["ScheduleExpression"]) for schedule in schedules}
    return {name: at for name, at in times.items() if at is not None}


def pending() -> dict[str, Any]:
    """What is left to do until the stack is at rest, as `Pending` of settle.py: `left` by queue name, `timers` and `batches`, and `mark`.

    A batch that a function has counts for `left` only: a record that fails again and again would look like progress.
    """
    now = clock.time()
    timers = [name for name, at in _schedules().items() if at <= now]
    with sqs._queues_lock:
        waiting = {queue["name"]: _unsettled(queue, now) for queue in _queues_with_a_consumer()}
    with lambda_svc._esm_inflight_lock:
        in_flight = sum(lambda_svc._esm_inflight.values())
    left = {name: len(ids) for name, ids in waiting.items()} | {"timers": len(timers), "batches": in_flight}
    return {"left": left, "mark": hash(frozenset(timers).union(*waiting.values()))}


def upcoming() -> float | None:
    """The due time of the next timer, retry or delayed message, in seconds since 1970; None if there is none."""
    with sqs._queues_lock:
        delayed = [message["visible_at"] for queue in _queues_with_a_consumer() for message in queue["messages"]]
    return min([at for at in (*_schedules().values(), *delayed) if at > clock.time()], default=None)


def advance(to: float) -> None:
    """Advances the clock to a time in seconds since 1970, then fires what has become due."""
    clock.advance(to + PAST_DUE)
    scheduler._tick_schedules()
    sqs.esm_wake.set()


BRIDGE = os.environ.get("WAYPOST_BRIDGE_ADDRESS")  # emulator.py sets it where Docker's bridge exists

_create_sockets = Config.create_sockets


def _listen_at_the_bridge_too(config: Config) -> Sockets:
    """MiniStack binds one address; containers of `sam local` reach it only at Docker's bridge."""
    if BRIDGE:
        config.bind = [*config.bind, f"{BRIDGE}:{os.environ['GATEWAY_PORT']}"]
    return _create_sockets(config)


Config.create_sockets = _listen_at_the_bridge_too


_ministack = gateway.app
_holds = holds.Holds()


async def _local_response(scope: dict[str, Any], receive: browser_guard.Receive) -> dict[str, Any] | None:
    """The JSON of one of the additional routes; None for every other path."""
    if scope.get("path") == PENDING:
        return pending()
    if scope.get("path") == holds.ROUTE:
        try:
            return _holds.respond(scope["method"], await holds.whole_body(receive))
        except ValueError as error:
            return {"error": str(error)}
    if scope.get("path") != CLOCK:
        return None
    if scope["method"] == "POST":
        advance(float(parse_qs(scope["query_string"].decode())["to"][0]))
    return {"now": clock.time(), "next": upcoming()}


async def app(scope: Any, receive: Any, send: Any) -> None:
    """MiniStack's ASGI application with three more routes: what is left to do, the clock, and the calls that are held back."""
    response = await _local_response(scope, receive)
    if response is None:
        await _ministack(scope, await _holds.when_released(scope, receive), send)
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": json.dumps(response).encode()})


def _exit_with_the_local_run() -> None:
    """Waits for the end of standard input, then deletes the temporary folder and kills this process and its workers.

    Standard input closes when the process of the local run ends, even if it is killed, so no emulator outlives its run.
    """
    sys.stdin.read()
    shutil.rmtree(os.environ["TMPDIR"], ignore_errors=True)
    os.killpg(os.getpgrp(), signal.SIGKILL)  # the group holds this process and its workers, and nothing else


if __name__ == "__main__":
    clock.advance(0)
    if sys.platform == "linux":
        lambda_runtime.subprocess = ForkingSubprocess(PACKAGES, Path(os.environ["WAYPOST_LAYER"]))
    gateway.app = browser_guard.emulator_guarded(app, BRIDGE)
    threading.Thread(target=_exit_with_the_local_run, daemon=True).start()
    with contextlib.suppress(KeyboardInterrupt):
        gateway.main()
