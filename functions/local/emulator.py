"""MiniStack as a child process: the AWS of the local run, on a free port of the loopback address."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from functions.local import containers
from functions.local.paths import EMULATOR_PYTHON, ROOT, LocalError

REGION: Final = "us-east-1"
START_TIMEOUT: Final = 30.0  # seconds


@dataclass(frozen=True, slots=True)
class Emulator:
    """A running MiniStack. `clock_file` holds the seconds by which its clock is ahead of the machine's, `layer` the package `waypost`."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path
    clock_file: Path
    layer: Path

    def alive(self) -> bool:
        """Whether the process still runs."""
        return self.process.poll() is None


def free_port() -> int:
    """A TCP port of the loopback address on which no process listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _environment(port: int, folder: str, files: Mapping[str, Path]) -> dict[str, str]:
    """MiniStack's settings. With AUTH it checks each call against the role of the function, so a missing permission fails here first."""
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "LC_ALL"}}
    credentials = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    listeners = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "SFTP_ENABLED": "0", "IOT_MTLS_ENABLED": "0"}
    bridge = {"WAYPOST_BRIDGE_ADDRESS": address} if (address := containers.bridge_address()) else {}
    settings = {"AUTH": "true", "MINISTACK_REGION": REGION, "TMPDIR": folder, "PYTHONDONTWRITEBYTECODE": "1"}
    return kept | credentials | listeners | settings | bridge | {name: str(file) for name, file in files.items()}


def _is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/_ministack/ready").is_success
    except httpx.HTTPError:
        return False


def _wait_until_ready(emulator: Emulator) -> None:
    end = time.monotonic() + START_TIMEOUT
    # One client for all requests: making one takes 25 ms of CPU time, in which MiniStack would start.
    with httpx.Client(base_url=emulator.url, timeout=2, trust_env=False) as client:
        while not _is_ready(client):
            if not emulator.alive() or time.monotonic() > end:
                raise LocalError(f"MiniStack did not start:\n{emulator.log.read_text()[-2000:]}")
            time.sleep(0.05)


@contextmanager
def running_emulator() -> Iterator[Emulator]:
    """Starts MiniStack and waits until it is ready; at exit ends its processes and deletes its folder. LocalError if it does not start."""
    if not EMULATOR_PYTHON.exists():
        raise LocalError(f"{EMULATOR_PYTHON} is missing: `make run` and `make test` install it")
    folder, port = tempfile.mkdtemp(prefix="waypost-local-"), free_port()
    log, clock_file, layer = Path(folder, "ministack.log"), Path(folder, "clock"), Path(folder, "layer")
    with log.open("wb") as output:
        # MiniStack gets a session of its own, so that Ctrl-C reaches this process alone and MiniStack ends last. Its standard input is a
        # pipe that closes when this process ends, however it ends; emulated.py waits for that.
        process = subprocess.Popen(
            [EMULATOR_PYTHON, "-m", "functions.local.emulated"],
            cwd=ROOT,
            env=_environment(port, folder, {"WAYPOST_CLOCK_FILE": clock_file, "WAYPOST_LAYER": layer}),
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    emulator = Emulator(f"http://127.0.0.1:{port}", process, log, clock_file, layer)
    try:
        _wait_until_ready(emulator)
        yield emulator
    finally:
        if process.stdin:
            process.stdin.close()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)
