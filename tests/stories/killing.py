"""Kills the processes of functions in a test, and makes the queue records that they were working on visible again soon."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from functions.local.stack import Stack


@contextmanager
def short_visibility_timeout(stack: Stack, name: str = "SignalsQueue") -> Iterator[None]:
    """Lets the records of a killed function become visible again after two seconds instead of six minutes."""
    queue, sqs = stack.deployment.resources[name], stack.cloud.client("sqs")
    before = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["VisibilityTimeout"])["Attributes"]
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "2"})
    yield
    sqs.set_queue_attributes(QueueUrl=queue, Attributes=before)


def kill_workers(stack: Stack, function: str) -> int:
    """Kills the processes that run a function of this stack. Returns their number."""
    return sum(_killed(pid) for pid in _workers(stack, function))


def _workers(stack: Stack, function: str) -> list[int]:
    lines = subprocess.run(
        ["ps", "-e", "-ww", "-o", "pid=", "-o", "pgid=", "-o", "args="], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    processes = [line.split(None, 2) for line in lines]
    mine = [(int(pid), command) for pid, group, command in processes if int(group) == stack.emulator.process.pid]
    return [pid for pid, command in mine if f"-{function}-" in command + _folder(pid)]


def _folder(pid: int) -> str:
    """The folder of a process, where the system shows it: a fork has the command of the process that it was forked from."""
    try:
        return str(Path(f"/proc/{pid}/cwd").readlink())
    except OSError:
        return ""


def _killed(pid: int) -> bool:
    """Kills a process. False if it has ended by itself."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True
