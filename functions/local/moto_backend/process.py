"""Starts moto's server (server.py) as a child process, on a free port of the loopback address."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Final

import httpx

from functions.local import containers
from functions.local.emulator import free_port
from functions.local.paths import ROOT, TOOLS, LocalError

PYTHON: Final = TOOLS / "moto" / "bin" / "python"
ACCOUNT: Final = "000000000000"  # the one of MiniStack; moto's own default is 123456789012
READY: Final = "/moto-api/"  # a page of moto's own
READY_WITHIN: Final = 30.0  # seconds


@dataclass(frozen=True, slots=True)
class Moto:
    """A running server of moto: its URL, its process and a client for it, because making a client takes 25 ms of CPU time."""

    url: str
    process: subprocess.Popen[bytes]
    client: httpx.Client

    def alive(self) -> bool:
        """Whether the process still runs."""
        return self.process.poll() is None


@contextmanager
def running_moto() -> Iterator[Moto]:
    """Starts the server and waits until it answers; at exit ends its process. LocalError if it does not start."""
    if not PYTHON.exists():
        raise LocalError(f"{PYTHON} is missing: `make run BACKEND=moto` and `make test` install it")
    port = free_port()
    with tempfile.TemporaryFile() as log:  # it has no name, so nothing is left even after a kill
        # Its own session: Ctrl-C reaches the local run alone, which ends this process by closing its standard input.
        process = subprocess.Popen(
            [PYTHON, "-m", "functions.local.moto_backend.server", str(port)],
            cwd=ROOT,
            env=_environment(),
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        url = f"http://127.0.0.1:{port}"
        # `with process` closes its standard input, at which the process ends, and waits for it.
        with process, httpx.Client(base_url=url, timeout=10, trust_env=False) as client:
            moto = Moto(url, process, client)
            _wait_until_ready(moto, log)
            yield moto


def _environment() -> dict[str, str]:
    keep = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR"}}
    bridge = {"WAYPOST_BRIDGE_ADDRESS": address} if (address := containers.bridge_address()) else {}
    return keep | {"MOTO_ACCOUNT_ID": ACCOUNT} | bridge


def _wait_until_ready(moto: Moto, log: IO[bytes]) -> None:
    end = time.monotonic() + READY_WITHIN
    while not _is_ready(moto):
        if not moto.alive() or time.monotonic() > end:
            log.seek(0)
            raise LocalError(f"moto did not start:\n{log.read().decode(errors='replace')[-2000:]}")
        time.sleep(0.05)


def _is_ready(moto: Moto) -> bool:
    try:
        moto.client.get(READY).raise_for_status()
    except httpx.HTTPError:
        return False
    return True
