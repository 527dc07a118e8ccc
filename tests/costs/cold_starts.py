"""Cold starts of the functions as they are built for AWS, compared with boto3 and two clients in the same run."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.costs.phases import CONTEXT, ROOT

ROUNDS: Final = 3
HEALTH: Final = {"httpMethod": "GET", "path": "/api/health", "headers": {}, "requestContext": {"requestId": "5f3a", "stage": "live"}}


@dataclass(frozen=True, slots=True)
class ColdStart:
    """A function, its first event, and the recorded responses of AWS by the identity of a request. Without an event it is boto3 alone."""

    function: str
    event: Mapping[str, Any] | None
    responses: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Build:
    """The functions and their layer, built for this machine as `sam build` would, and the interpreter that runs them."""

    folder: Path
    python: str

    @classmethod
    def into(cls, folder: Path, functions: Sequence[str]) -> Build | None:
        """Builds into a folder. Returns None if this machine has no Python of the runtime's version."""
        python = _make("runtime").strip()
        if not python:
            return None
        for name in ("CoreLayer", *functions):
            (folder / name).mkdir()
            _make(f"build-{name}", f"ARTIFACTS_DIR={folder / name}")
        return cls(folder, python)

    def seconds(self, starts: Sequence[ColdStart]) -> dict[str, tuple[float, float]]:
        """The least seconds of the imports, and until the first response, by function.

        Each round starts every function once, so a slow moment of the machine affects all of them alike.
        """
        rounds = [[self._measure(each) for each in starts] for _ in range(ROUNDS)]
        return {
            each.function: (min(imports for imports, _ in results), min(totals for _, totals in results))
            for each, *results in zip(starts, *rounds, strict=True)
        }

    def _measure(self, start: ColdStart) -> tuple[float, float]:
        settings = {
            "paths": [str(self.folder / start.function), str(self.folder / "CoreLayer" / "python")],
            "tests": str(ROOT),
            "event": start.event,
            "responses": start.responses,
            "context": vars(CONTEXT),
        }
        command = [self.python, "-I", "-S", "-B", str(Path(__file__).with_name("cold_start_program.py"))]
        done = subprocess.run(command, input=json.dumps(settings), capture_output=True, text=True, check=True)
        imported, responded = json.loads(done.stderr)
        return imported, responded


def _make(target: str, *settings: str) -> str:
    return subprocess.run(
        ["make", "-s", "--no-print-directory", "-C", str(ROOT), target, *settings], capture_output=True, text=True, check=True
    ).stdout
