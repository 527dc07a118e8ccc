"""The build for AWS: single resources by the make targets that `sam build` runs, and Lambda's version of Python."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
FUNCTIONS = {"ingest": "IngestFunction", "match": "MatchFunction", "send": "SendFunction", "manage": "ManageFunction"}


def build(target: str, folder: Path, *options: str) -> str:
    """Builds one resource into a folder and returns the output of make."""
    folder.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "ARTIFACTS_DIR": str(folder)}
    command = ["make", "--no-print-directory", "--makefile", str(ROOT / "Makefile"), f"build-{target}", *options]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


def runtime() -> str | None:
    """The interpreter of Lambda's Python version that the Makefile finds; None if there is none."""
    command = ["make", "--no-print-directory", "--makefile", str(ROOT / "Makefile"), "runtime"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip() or None
