"""Kill any function at any time: nothing that was accepted is lost, and nobody hears twice."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from functions.local.stack import Stack
from tests.stories.workspace import Workspace, identify, mailing, trigger

CUSTOMERS = 24
DYING = 6.0  # seconds


@contextmanager
def short_memory(stack: Stack) -> Iterator[None]:
    """Signals of a dead function come back after two seconds instead of six minutes."""
    queue, sqs = stack.deployment.resources["SignalsQueue"], stack.cloud.client("sqs")
    before = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["VisibilityTimeout"])["Attributes"]
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "2"})
    yield
    sqs.set_queue_attributes(QueueUrl=queue, Attributes=before)


def workers(stack: Stack, function: str) -> list[int]:
    """The processes that run a function of this stack now."""
    lines = subprocess.run(
        ["ps", "-e", "-ww", "-o", "pid=", "-o", "pgid=", "-o", "args="], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    mine = [line.split(None, 2) for line in lines]
    return [int(pid) for pid, group, command in mine if int(group) == stack.emulator.process.pid and f"-{function}-" in command]


@contextmanager
def dying(stack: Stack, function: str) -> Iterator[list[int]]:
    """Kills every process of a function again and again for some seconds; tells which died."""
    end = time.monotonic() + DYING
    killed: list[int] = []

    def kill() -> None:
        while time.monotonic() < end:
            for pid in workers(stack, function):
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)
            time.sleep(0.7)

    thread = threading.Thread(target=kill)
    thread.start()
    yield killed
    thread.join()


@pytest.mark.parametrize("function", ["IngestFunction", "MatchFunction"])
def test_a_function_that_dies_again_and_again_loses_nothing(ministack: Stack, workspace: Workspace, function: str) -> None:
    """Clients retry until they get a 2xx; then each customer is there and has exactly one mail."""
    workspace.publish(mailing("welcome", "joined"))

    def address(number: int) -> str:
        return workspace.email(f"d{number}")

    def join(number: int) -> None:
        events = identify(f"d{number}", address(number)), trigger(f"d{number}", "joined")
        stamped = [event | {"uuid": f"{function}-{number}-{index}"} for index, event in enumerate(events)]
        while workspace.send(*stamped).status_code != 201:
            time.sleep(0.2)

    with short_memory(ministack), dying(ministack, function) as killed:
        with ThreadPoolExecutor(8) as clients:
            list(clients.map(join, range(CUSTOMERS)))
        assert workspace.stack.settle()
    assert killed
    assert workspace.stack.settle()
    assert [len(workspace.mails_to(address(number))) for number in range(CUSTOMERS)] == [1] * CUSTOMERS
    assert {workspace.customer(address(number))["runs"][0]["status"] for number in range(CUSTOMERS)} == {"exited"}
