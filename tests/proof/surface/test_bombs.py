"""Requests that try to exhaust time and memory: each is answered within a few seconds and with little memory."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.proof.counted import IS_FULL, count

ROOT = Path(__file__).parents[3]


def test_no_request_exhausts_time_or_memory() -> None:
    """Compressed, deep, long and numerous values, and templates, each take at most 5 seconds of processor time and 256 MB."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT / "layers" / "core"), str(ROOT)))}
    command = [sys.executable, "-m", "tests.proof.surface.bombs", "256", "5", "1" if IS_FULL else "9"]
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    tried = re.search(r"^(\d+) tried$", result.stderr, re.MULTILINE)
    assert (result.stdout.strip(), result.returncode, bool(tried)) == ("", 0, True), result.stderr[-2_000:]
    count("bombs", int(tried[1]) if tried else 0)
