"""What tests may replace while they run: a worker of a test run has servers in other threads, which other tests use afterwards."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]

# `module.time.sleep` is the function of the module `time` itself: with it the whole process is patched.
OF_THE_PROCESS = re.compile(r"""(setattr|patch)\((f?["'][\w.]*\btime\.\w+["']|time,)|patch\.object\(time,""")


def test_no_test_replaces_the_time_of_the_whole_process() -> None:
    """A server that reads a replaced clock plans its next step for a time that never comes, and does not end with its test run."""
    files = sorted(TESTS.rglob("*.py"))
    assert len(files) > 100
    assert [str(file.relative_to(TESTS)) for file in files if OF_THE_PROCESS.search(file.read_text(encoding="utf-8"))] == []
