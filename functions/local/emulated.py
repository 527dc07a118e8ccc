"""Runs in MiniStack's own interpreter: MiniStack, with a clock that can be pushed, a question that its API cannot answer, and an end."""

from __future__ import annotations

import contextlib
import json
import os
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
from ministack.services import dynamodb, eventbridge, lambda_svc, scheduler, ses_v2, sqs

PENDING = "/_local/pending"  # stack.py asks it
CLOCK = "/_local/clock"  # clock.py asks it, and pushes
A_MOMENT = 0.001  # seconds: what is due at a time is due after it


class PushedTime:
    """The module `time` as queues, schedules, times to live and mails see it: ahead of the machine's by some seconds, never behind."""

    ahead = 0.0

    def __getattr__(self, name: str) -> Any:
        """Whatever else the module can do."""
        return getattr(time, name)

    def time(self) -> float:
        """The seconds since 1970 here."""
        return time.time() + self.ahead

    def push(self, to: float) -> None:
        """Makes it this late, unless it is later, and tells it to the functions, who read the file."""
        self.ahead = max(self.ahead, to - time.time())
        file = Path(os.environ["WAYPOST_CLOCK_FILE"])
        written = file.with_suffix(".new")
        written.write_text(repr(self.ahead))
        written.replace(file)


clock = PushedTime()
for service in (dynamodb, eventbridge, scheduler, ses_v2, sqs):
    service.time = clock

_create_schedule = scheduler._create_schedule


def _create_to_the_second(name: str, body: dict[str, Any]) -> Any:
    """AWS fires a schedule at some second of its minute. Here a timer comes when it is due, so that pushing the clock to that is enough."""
    due = json.loads(body["Target"]["Input"])["due"]
    return _create_schedule(name, body | {"ScheduleExpression": f"at({due})"})


scheduler._create_schedule = _create_to_the_second
scheduler._SCHEDULE_TICK_INTERVAL = 1


def _queues_with_a_consumer() -> list[dict[str, Any]]:
    names = {esm["EventSourceArn"].rsplit(":", 1)[-1] for _, _, esm in lambda_svc._iter_all_esms()}
    return [queue for queue in sqs._queues._data.values() if queue["name"] in names]


def _unsettled(queue: dict[str, Any], now: float) -> int:
    """In a FIFO queue every message; in a standard one those that are due or were just taken, but nothing that is due later."""
    if queue["is_fifo"]:
        return len(queue["messages"])
    just_taken = now + int(queue["attributes"]["VisibilityTimeout"]) - 1
    return sum(
        message["visible_at"] <= now or (message["receive_count"] > 0 and message["visible_at"] > just_taken)
        for message in queue["messages"]
    )


def _schedules() -> list[float]:
    """When each one-time schedule fires."""
    times = [scheduler._at_time_epoch(schedule["ScheduleExpression"]) for schedule in list(scheduler._schedules._data.values())]
    return [at for at in times if at is not None]


def pending() -> int:
    """Timers that are due, messages that wait for a function, and batches that a function holds; nil when the stack is at rest."""
    now = clock.time()
    due = sum(at <= now for at in _schedules())
    with sqs._queues_lock:
        waiting = sum(_unsettled(queue, now) for queue in _queues_with_a_consumer())
    with lambda_svc._esm_inflight_lock:
        held = sum(lambda_svc._esm_inflight.values())
    return int(due + waiting + held)


def upcoming() -> float | None:
    """When the next timer, retry or delayed message is due; None if nothing is to come."""
    with sqs._queues_lock:
        delayed = [message["visible_at"] for queue in _queues_with_a_consumer() for message in queue["messages"]]
    return min([at for at in (*_schedules(), *delayed) if at > clock.time()], default=None)


def push(to: float) -> None:
    """Pushes the clock, then fires what is due by it."""
    clock.push(to + A_MOMENT)
    scheduler._tick_schedules()
    sqs.esm_wake.set()


BRIDGE = os.environ.get("WAYPOST_BRIDGE_ADDRESS")  # emulator.py sets it where Docker's bridge exists
BRIDGE_HOST = b"host.docker.internal"

_create_sockets = Config.create_sockets


def _listen_at_the_bridge_too(config: Config) -> Sockets:
    """MiniStack binds one address; containers of `sam local` reach it only at Docker's bridge."""
    if BRIDGE:
        config.bind = [*config.bind, f"{BRIDGE}:{os.environ['GATEWAY_PORT']}"]
    return _create_sockets(config)


Config.create_sockets = _listen_at_the_bridge_too


def _is_foreign(scope: dict[str, Any]) -> bool:
    """Whether a request came over the bridge under another host name than the one that samconfig.toml gives to containers."""
    if not BRIDGE or scope.get("server", ("",))[0] != BRIDGE:
        return False
    hosts = [value.rpartition(b":")[0] or value for name, value in scope.get("headers", ()) if name.lower() == b"host"]
    return hosts != [BRIDGE_HOST]


_ministack = gateway.app


def _answer(scope: dict[str, Any]) -> dict[str, Any] | None:
    """The answer of a route of ours; None for every other."""
    if scope.get("path") == PENDING:
        return {"pending": pending()}
    if scope.get("path") != CLOCK:
        return None
    if scope["method"] == "POST":
        push(float(parse_qs(scope["query_string"].decode())["to"][0]))
    return {"now": clock.time(), "next": upcoming()}


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """MiniStack's ASGI application with two routes more."""
    if scope["type"] == "http" and _is_foreign(scope):
        await send({"type": "http.response.start", "status": 403, "headers": []})
        await send({"type": "http.response.body", "body": b"This address is for the containers of sam local."})
        return
    answer = _answer(scope)
    if answer is None:
        await _ministack(scope, receive, send)
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": json.dumps(answer).encode()})


def _end_with_the_local_run() -> None:
    """Standard input closes when the local run ends, however it ends; then nothing may stay behind."""
    sys.stdin.read()
    shutil.rmtree(os.environ["TMPDIR"], ignore_errors=True)
    os.killpg(os.getpgrp(), signal.SIGKILL)  # its workers are in its group, and no one else


if __name__ == "__main__":
    clock.push(0)
    gateway.app = app
    threading.Thread(target=_end_with_the_local_run, daemon=True).start()
    with contextlib.suppress(KeyboardInterrupt):
        gateway.main()
