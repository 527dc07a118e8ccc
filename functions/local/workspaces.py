"""Makes workspaces through Waypost's own wiring, in a process of its own: only there does the environment lead to the emulator."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from functions.local.paths import LAYER, ROOT, LocalError


class WorkspaceCreator:
    """A process that makes one workspace for each line that it is sent."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._one_at_a_time = threading.Lock()

    def create(self, name: str, key: str | None = None) -> dict[str, str]:
        """Makes a workspace and its first admin key (`key`, or a fresh one): id, name and key. LocalError if that fails."""
        if not self._process.stdin or not self._process.stdout:
            raise LocalError("the workspaces' process has no pipes")
        with self._one_at_a_time:
            self._process.stdin.write(json.dumps({"name": name, "key": key}) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        if not answer:
            raise LocalError("the workspace could not be made; the error is above")
        workspace: dict[str, str] = json.loads(answer)
        return workspace


@contextmanager
def workspace_creating(environment: dict[str, str]) -> Iterator[WorkspaceCreator]:
    """A Founder whose AWS and tables are those of `environment`."""
    process = subprocess.Popen(
        [sys.executable, "-m", "functions.local.workspaces"],
        cwd=ROOT,
        env=environment | {"PYTHONPATH": f"{LAYER}"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:  # closes its standard input, at which it ends, and waits
        yield WorkspaceCreator(process)


def _serve() -> None:
    from waypost import wiring  # noqa: PLC0415 - only the child has the layer on its path

    administration = wiring.workspace_administration()
    for line in sys.stdin:
        requested = json.loads(line)
        workspace, key = administration.create_workspace(requested["name"], requested["key"], wiring.now())
        print(json.dumps({"id": workspace, "name": requested["name"], "key": key}), flush=True)


if __name__ == "__main__":
    _serve()
