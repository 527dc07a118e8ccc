"""`settle` waits as long as something moves, and then says what is left."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from functions.local.gateway_proxy import proxy_app
from functions.local.idle import Pending, settle
from waypost.domain.values.durations import Duration

LEFT = {"signals.fifo": 3, "timers": 1}


class Work:
    """Work of which a thing is done every `seconds`; `constant` things seem to be left all the time."""

    def __init__(self, things: int, seconds: float, *, constant: bool = False) -> None:
        self._end = time.monotonic() + things * seconds
        self._seconds = seconds
        self._constant = constant

    def pending(self) -> Pending:
        """What is left at this moment."""
        things = max(self._end - time.monotonic(), 0) / self._seconds
        return Pending({"queue": 1 if self._constant and things else int(things)}, int(things))


@pytest.mark.parametrize("constant", [False, True], ids=["a number that falls", "a number that stays"])
def test_it_waits_longer_than_its_limit_while_something_moves(*, constant: bool) -> None:
    """Work of 0.6 seconds settles with a limit of 0.2 seconds without progress, also if something new is left for each thing done."""
    assert settle(Work(12, 0.05, constant=constant).pending, idle_seconds=0.2)


def test_it_ends_when_nothing_moves() -> None:
    """Work that stands still for the limit ends the wait, and not earlier."""
    started = time.monotonic()
    assert not settle(lambda: Pending(LEFT, "same"), idle_seconds=0.2)
    assert 0.2 < time.monotonic() - started < 2


def test_a_batch_in_a_function_alone_is_waited_for() -> None:
    """Without any message in a queue, a function that still works keeps the stack from being at rest."""
    assert not settle(lambda: Pending({"queue": 0, "batches": 1}, 0), idle_seconds=0.05)


class StuckStack:
    """A stack in which something is left."""

    def settle(self) -> bool:
        """Never."""
        return False

    def left(self) -> dict[str, int]:
        """What is left."""
        return LEFT

    def now(self) -> datetime:
        """Some time."""
        return datetime.now(UTC)

    def advance(self, duration: Duration) -> bool:
        """Never."""
        return False

    def texts(self) -> list[dict[str, Any]]:
        """None."""
        return []

    def receive_text(self, number: str, body: str) -> None:
        """Nothing."""

    def plan_responses(self, target: str, plans: Sequence[Mapping[str, Any]]) -> None:
        """Nothing."""

    def mails(self) -> list[dict[str, Any]]:
        """None."""
        return []

    def holds(self, method: str, body: bytes) -> dict[str, Any]:
        """Fails: the routes of these tests hold no call."""
        raise AssertionError(f"{method} {body!r}")

    def put_report(self, event: dict[str, Any]) -> None:
        """Fails: the routes of these tests put no report."""
        raise AssertionError(f"report {event}")

    def new_workspace(self, name: str) -> dict[str, str]:
        """Fails: the routes of these tests create no workspace."""
        raise AssertionError(f"workspace {name}")


@pytest.mark.parametrize(("path", "body"), [("/_local/settle", None), ("/_local/clock", {"advance": "P1D"})])
def test_the_answer_says_what_is_left(path: str, body: Any) -> None:
    """A stack that is not at rest answers 504 with the number of things by queue, as members and in its sentence."""

    async def post() -> httpx.Response:
        transport = httpx.ASGITransport(proxy_app(StuckStack(), "http://127.0.0.1:1/live"))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:3000") as client:
            return await client.post(path, json=body)

    response = asyncio.run(post())
    assert (response.status_code, response.json()["code"], response.json()["left"]) == (504, "not-settled", LEFT)
    assert "3 in signals.fifo, 1 in timers" in response.json()["detail"]
