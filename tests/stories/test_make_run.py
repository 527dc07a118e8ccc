"""`make run` as a process: its output, and what is left after it ends."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from functions.local.banner import BATCH
from functions.local.emulator import free_port
from functions.local.paths import LAYER, ROOT
from functions.local.seed import EVENTS_KEY
from tests.stories.http_client import http

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts the local run on a port as `make run` does, with its temporary files in this test's folder."""
    started: list[subprocess.Popen[str]] = []

    def run(port: int | str, backend: str = "ministack") -> subprocess.Popen[str]:
        environment = os.environ | {"TMPDIR": str(tmp_path), "PYTHONPATH": str(LAYER)}
        command = [sys.executable, "-m", "functions.local", "--port", str(port), "--backend", backend]
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def becomes_true(condition: Callable[[], bool], seconds: float = 10) -> bool:
    """Whether a condition becomes true within some seconds."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


def refuses(url: str) -> bool:
    """Whether no process listens at the port of a URL."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", httpx.URL(url).port or 80)) != 0


def wait_until_ready(url: str) -> None:
    """Waits until the local run listens and `/api/health` responds."""
    assert becomes_true(lambda: not refuses(url), seconds=60)
    assert http.get(f"{url}/api/health", timeout=60).status_code == 200


def children(parent: int) -> list[int]:
    """The ids of the processes that a process has started."""
    lines = subprocess.run(["ps", "-e", "-o", "pid=", "-o", "ppid="], capture_output=True, text=True, check=True).stdout.splitlines()
    return [int(pid) for pid, parent_pid in map(str.split, lines) if int(parent_pid) == parent]


def exists(pid: int) -> bool:
    """Whether a process exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(
    ("backend", "kind"),
    [
        ("ministack", signal.SIGINT),
        ("ministack", signal.SIGTERM),
        ("ministack", signal.SIGKILL),
        ("moto", signal.SIGINT),
        ("moto", signal.SIGKILL),
    ],
)
def test_it_prints_each_event_and_leaves_nothing_behind(start: Start, tmp_path: Path, backend: str, kind: signal.Signals) -> None:
    """It prints a line for each thing that happens to an event; after Ctrl-C, SIGTERM and SIGKILL no process and no folder is left."""
    port = free_port()
    process = start(port, backend)
    url = f"http://127.0.0.1:{port}"
    wait_until_ready(url)
    http.post(f"{url}/api/events/batch/", json=BATCH, headers={"Authorization": f"Api-Key {EVENTS_KEY}"}, timeout=30)
    http.post(f"{url}/_local/settle", timeout=70)
    time.sleep(1)
    started = children(process.pid)
    assert started
    process.send_signal(kind)
    output, errors = process.communicate(timeout=30)
    if kind is not signal.SIGKILL:
        assert (process.returncode, errors) == (0, "")
    for word in ("accepted", "entered", "sent"):
        assert re.search(rf"^\d\d:\d\d:\d\d .*\b{word}\b", output, re.MULTILINE), output
    emulator = re.search(r"AWS: (\S+),", output)
    assert emulator
    assert becomes_true(lambda: refuses(emulator[1]))
    assert becomes_true(lambda: not any(exists(pid) for pid in started))
    assert becomes_true(lambda: not list(tmp_path.iterdir()))


def test_a_port_in_use_is_an_error_of_one_line(start: Start) -> None:
    """If another process listens on the port, the run ends at once with one line that names the port and the remedy."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        process = start(other.getsockname()[1])
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert re.fullmatch(r"waypost: port \d+ is in use; .*PORT=.*\n", errors)


@pytest.mark.parametrize("port", ["80000", "65536", "-1", "http", "3000/"])
def test_what_is_no_port_is_an_error_of_one_sentence(start: Start, port: str) -> None:
    """The run ends at once, without a traceback, and names the value and the remedy."""
    process = start(port)
    _, errors = process.communicate(timeout=30)
    assert process.returncode in {1, 2}
    assert "Traceback" not in errors
    assert port in errors.splitlines()[-1]
    assert "make run PORT=3001" in errors.splitlines()[-1]
