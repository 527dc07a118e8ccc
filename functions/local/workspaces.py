"""Creates workspaces with Waypost's own code, in a process of its own.

The code reads the addresses of tables and of AWS from environment variables. Only the child process has those of the emulator, so the
local run itself cannot reach a real account by them.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from functions.local.paths import LAYER, ROOT, LocalError


class WorkspaceCreator:
    """The process that creates one workspace for each line on its standard input."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._lock = threading.Lock()

    def create(self, name: str, key: str | None = None) -> dict[str, str]:
        """Creates a workspace and its first admin key (`key`, or a random one): `id`, `name` and `key`. LocalError if that fails."""
        if not self._process.stdin or not self._process.stdout:
            raise LocalError("the process that creates workspaces has no pipes")
        with self._lock:
            self._process.stdin.write(json.dumps({"name": name, "key": key}) + "\n")
            self._process.stdin.flush()
            created = self._process.stdout.readline()
        if not created:
            raise LocalError("the workspace could not be created; the error is printed above")
        workspace: dict[str, str] = json.loads(created)
        return workspace


@contextmanager
def running_workspace_creator(environment: dict[str, str]) -> Iterator[WorkspaceCreator]:
    """Starts a WorkspaceCreator whose process has the variables of `environment`; at exit ends the process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "functions.local.workspaces"],
        cwd=ROOT,
        env=environment | {"PYTHONPATH": f"{LAYER}"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:  # closes its standard input, at which the process ends, and waits for it
        yield WorkspaceCreator(process)


def _create_requested() -> None:
    """Creates a workspace for each line of standard input and prints it as one line of JSON."""
    from waypost import wiring  # noqa: PLC0415 - the parent process needs nothing of the wiring

    administration = wiring.workspace_administration()
    for line in sys.stdin:
        requested = json.loads(line)
        workspace, key = administration.create_workspace(requested["name"], requested["key"], wiring.now())
        print(json.dumps({"id": workspace, "name": requested["name"], "key": key}), flush=True)


if __name__ == "__main__":
    _create_requested()
