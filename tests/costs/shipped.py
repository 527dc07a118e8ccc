"""Cold starts of the functions as they are built, beside boto3 with two clients in the same run."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.costs.doors import CONTEXT, ROOT

ROUNDS: Final = 3
ARCHITECTURE: Final = "arm64" if platform.machine() in {"aarch64", "arm64"} else "x86_64"
HEALTH: Final = {"httpMethod": "GET", "path": "/api/health", "headers": {}, "requestContext": {"requestId": "5f3a", "stage": "live"}}


@dataclass(frozen=True, slots=True)
class Start:
    """What a fresh interpreter does: a built function's first event and the answers that AWS gives to it; no event: boto3 alone."""

    function: str
    event: Mapping[str, Any] | None
    answers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Built:
    """The functions and their layer, built as `sam build` would, for this machine."""

    folder: Path
    python: str

    @classmethod
    def into(cls, folder: Path, functions: Sequence[str]) -> Built | None:
        """Builds; None where there is no Python of the runtime's version."""
        python = _make("runtime").strip()
        if not python:
            return None
        for name in ("CoreLayer", *functions):
            (folder / name).mkdir()
            _make(f"build-{name}", f"ARCH={ARCHITECTURE}", f"ARTIFACTS_DIR={folder / name}")
        return cls(folder, python)

    def seconds(self, starts: Sequence[Start]) -> dict[str, tuple[float, float]]:
        """The least, by function, of imports and of all until the first answer; rounds are interleaved, so noise hits all alike."""
        rounds = [[self._once(each) for each in starts] for _ in range(ROUNDS)]
        return {
            each.function: (min(imports for imports, _ in those), min(alls for _, alls in those))
            for each, *those in zip(starts, *rounds, strict=True)
        }

    def _once(self, start: Start) -> tuple[float, float]:
        told = {
            "paths": [str(self.folder / start.function), str(self.folder / "CoreLayer" / "python")],
            "tests": str(ROOT),
            "event": start.event,
            "answers": start.answers,
            "context": vars(CONTEXT),
        }
        command = [self.python, "-I", "-S", "-B", str(Path(__file__).with_name("cold.py"))]
        done = subprocess.run(command, input=json.dumps(told), capture_output=True, text=True, check=True)
        imported, answered = json.loads(done.stderr)
        return imported, answered


def _make(target: str, *settings: str) -> str:
    return subprocess.run(
        ["make", "-s", "--no-print-directory", "-C", str(ROOT), target, *settings], capture_output=True, text=True, check=True
    ).stdout
