"""Functions that are killed: how a test finds their processes, and gets their records back soon."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from functions.local.stack import Stack


@contextmanager
def short_visibility_timeout(stack: Stack, name: str = "SignalsQueue") -> Iterator[None]:
    """Lets the records of a killed function become visible again after two seconds instead of six minutes."""
    queue, sqs = stack.deployment.resources[name], stack.cloud.client("sqs")
    before = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["VisibilityTimeout"])["Attributes"]
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "2"})
    yield
    sqs.set_queue_attributes(QueueUrl=queue, Attributes=before)


def workers(stack: Stack, function: str) -> list[int]:
    """The ids of the processes that run a function of this stack."""
    lines = subprocess.run(
        ["ps", "-e", "-ww", "-o", "pid=", "-o", "pgid=", "-o", "args="], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    processes = [line.split(None, 2) for line in lines]
    return [int(pid) for pid, group, command in processes if int(group) == stack.emulator.process.pid and f"-{function}-" in command]
