"""The processes of functions as forks of one process that has their imports (`fork_server.py`): none of them imports everything again.

A function then starts in a fifth of the time: the first request of a `make run`, and each further process under load, need not wait for the
imports. This works on Linux only: on macOS, libraries of the system do not survive a fork.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final, Self

SERVER: Final = Path(__file__).with_name("fork_server.py")
WORKER: Final = "_worker.py"  # the file with MiniStack's loop around a handler


class Fork:
    """A process of a function, with the part of the interface of subprocess.Popen that MiniStack uses."""

    def __init__(self, connection: socket.socket, stdin: IO[str], stdout: IO[str], stderr: IO[str]) -> None:
        self.stdin, self.stdout, self.stderr = stdin, stdout, stderr
        self._connection = connection
        first = connection.recv(20)
        if not first:
            raise RuntimeError("the process that forks functions has ended")
        self.pid = int(first)

    def poll(self) -> int | None:
        """0 if the process has ended, None while it runs."""
        return 0 if self._has_ended(0) else None

    def wait(self, timeout: float | None = None) -> int:
        """Waits until the process has ended, and returns 0. TimeoutExpired if it still runs after `timeout` seconds."""
        if not self._has_ended(timeout):
            raise subprocess.TimeoutExpired(WORKER, timeout or 0)
        return 0

    def _has_ended(self, timeout: float | None) -> bool:
        """Only the process holds the other end of the connection, so the connection ends with it."""
        if self._connection.fileno() >= 0 and select.select([self._connection], [], [], timeout)[0]:
            self._connection.close()
        return self._connection.fileno() < 0

    def terminate(self) -> None:
        """Asks the process to end."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """Ends the process."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


class ForkingSubprocess:
    """The module `subprocess` as MiniStack's runtime of functions sees it: what would run a worker of Python becomes a fork.

    `packages` are the requirements of the layer, `layer` is the folder that holds the package `waypost`.
    """

    def __init__(self, packages: Path, layer: Path) -> None:
        self._layer = layer
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            # -P: a function must not find the folder of that file in its path, which holds the modules of the local run.
            command = [sys.executable, "-P", str(SERVER), str(theirs.fileno())]
            self.server = subprocess.Popen(
                command, env=os.environ | {"PYTHONPATH": str(packages)}, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()]
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Ends the process that forks, which takes the end of this connection as its own."""
        self._control.close()
        self.server.wait()

    def __getattr__(self, name: str) -> Any:
        """Any other attribute is that of the module `subprocess`."""
        return getattr(subprocess, name)

    def Popen(self, command: Sequence[str], *, cwd: str, env: Mapping[str, str], **options: Any) -> Any:  # noqa: N802 - as subprocess
        """Starts a process in the folder `cwd` with these variables; as a fork, if it is a worker of Python."""
        if command[0] != sys.executable or Path(command[-1]).name != WORKER:
            return subprocess.Popen(command, cwd=cwd, env=env, **options)
        (stdin, to_fork), (from_fork, stdout), (errors, stderr) = os.pipe(), os.pipe(), os.pipe()
        ours, theirs = socket.socketpair()
        request = {"script": command[-1], "folder": cwd, "environment": dict(env), "layer": str(self._layer)}
        socket.send_fds(self._control, [json.dumps(request).encode()], [stdin, stdout, stderr, theirs.fileno()])
        for descriptor in (stdin, stdout, stderr):
            os.close(descriptor)
        theirs.close()
        # Each line is written and read at once, as with the options `text` and `bufsize=1` of Popen.
        return Fork(ours, os.fdopen(to_fork, "w", buffering=1), os.fdopen(from_fork), os.fdopen(errors))
