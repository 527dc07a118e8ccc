"""`make proof`: runs the long form of the proof and prints what was tried; with a seed, replays one random schedule."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Final

from tests.proof.counted import VARIABLE

FOLDER: Final = "tests/proof"
WORKERS: Final = str(os.cpu_count() or 2)


def main(arguments: list[str]) -> int:
    """Runs the tests, prints a table of the counts, and returns the exit code of pytest."""
    if arguments:
        environment = os.environ | {"WAYPOST_PROOF_SEED": arguments[0]}
        return _pytest(environment, f"{FOLDER}/test_schedules.py", "-s", "-k", "seed")
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        counts = Path(folder) / "counts"
        environment = os.environ | {"WAYPOST_PROOF": "full", VARIABLE: str(counts)}
        code = _pytest(environment, FOLDER, "-n", WORKERS, "--dist", "worksteal", "--durations=10")
        print(table(_totals(counts), time.monotonic() - started, code))
    return code


def _pytest(environment: dict[str, str], *arguments: str) -> int:
    return subprocess.run([sys.executable, "-m", "pytest", "-q", *arguments], env=environment, check=False).returncode


def _totals(path: Path) -> Counter[str]:
    """The sum of the counts of each name."""
    totals: Counter[str] = Counter()
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        counted = json.loads(line)
        totals[counted["name"]] += counted["number"]
    return totals


def table(totals: Counter[str], seconds: float, code: int) -> str:
    """The counts, each as the tests have added it up, and whether a promise was violated."""
    width = max(map(len, totals), default=0)
    lines = [f"{name.ljust(width)}  {number:>10,}" for name, number in sorted(totals.items())]
    result = "no violation" if code == 0 else "VIOLATED: see the failures above"
    return "\n".join(["", *lines, "", f"{result}, in {seconds:.0f} seconds"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
