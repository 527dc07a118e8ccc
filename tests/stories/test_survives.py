"""Functions that are killed at any time: no accepted event is lost and no message is sent twice (docs/architecture.md#promises)."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from functions.local.stack import Stack
from tests.stories.killing import kill_workers, short_visibility_timeout
from tests.stories.workspace import Workspace, identify, mailing, trigger

CUSTOMERS = 24
KILLING_SECONDS = 6.0


@contextmanager
def killing(stack: Stack, function: str) -> Iterator[list[int]]:
    """Kills the processes of a function again and again for some seconds; yields how many it has killed each time."""
    end = time.monotonic() + KILLING_SECONDS
    killed: list[int] = []

    def kill() -> None:
        while time.monotonic() < end:
            killed.append(kill_workers(stack, function))
            time.sleep(0.7)

    thread = threading.Thread(target=kill)
    thread.start()
    yield killed
    thread.join()


@pytest.mark.parametrize("function", ["IngestFunction", "MatchFunction"])
def test_a_function_that_is_killed_loses_no_event(ministack: Stack, workspace: Workspace, function: str) -> None:
    """When clients retry until they get a 2xx, each customer exists and gets exactly one e-mail."""
    workspace.publish(mailing("welcome", "joined"))

    def address(number: int) -> str:
        return workspace.email(f"d{number}")

    def join(number: int) -> None:
        events = identify(f"d{number}", address(number)), trigger(f"d{number}", "joined")
        stamped = [event | {"uuid": f"{function}-{number}-{index}"} for index, event in enumerate(events)]
        while workspace.send(*stamped).status_code != 201:
            time.sleep(0.2)

    with short_visibility_timeout(ministack), killing(ministack, function) as killed:
        with ThreadPoolExecutor(8) as clients:
            list(clients.map(join, range(CUSTOMERS)))
        assert workspace.stack.settle()
    assert sum(killed) > 0
    assert workspace.stack.settle()
    assert [len(workspace.mails_to(address(number))) for number in range(CUSTOMERS)] == [1] * CUSTOMERS
    assert {workspace.customer(address(number))["runs"][0]["status"] for number in range(CUSTOMERS)} == {"exited"}
