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
    """Runs the tests, prints a table of the counts, and returns the exit code of pytest. With a seed, replays one schedule."""
    if arguments:
        text = replayed(int(arguments[0]))
        sys.stdout.write(f"{text or 'no violation'}\n")
        return 1 if text else 0
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        counts = Path(folder) / "counts"
        environment = os.environ | {"WAYPOST_PROOF": "full", VARIABLE: str(counts)}
        code = _pytest(environment, FOLDER, "-n", WORKERS, "--dist", "worksteal", "--durations=10")
        sys.stdout.write(table(_totals(counts), time.monotonic() - started, code) + "\n")
    return code


def replayed(seed: int) -> str:
    """The shortest list of operations of the schedule with this seed that still violates a promise; empty if none is violated."""
    from tests import conftest  # noqa: F401, PLC0415 - it sets the environment, and has to come first
    from tests.proof.schedules import schedule_of  # noqa: PLC0415 - as above
    from tests.proof.shrinking import carried_out, described, shrunk  # noqa: PLC0415 - as above
    from tests.proof.system import simulated  # noqa: PLC0415 - as above

    with simulated():
        _, failure = carried_out(schedule_of(seed))
        return described(shrunk(failure)) if failure is not None else ""


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
