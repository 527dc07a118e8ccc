"""Bugs that the proof has to find: each is a change of the code, carried out in a copy of it, with the tests that turn red."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]


@dataclass(frozen=True)
class PlantedBug:
    """`changes` are files with a text that occurs once in them, and what replaces it. `tests` are arguments of pytest."""

    name: str
    changes: tuple[tuple[str, str, str], ...]
    tests: tuple[str, ...]


def crash_points(scenario: str) -> tuple[str, ...]:
    """The tests of the crash points of one scenario."""
    return ("tests/proof/test_crash_points.py", "-k", f"once and {scenario}")


SENDING: Final = "layers/core/waypost/sending_calls.py"
RUNS: Final = "layers/core/waypost/adapters/dynamodb/runs.py"
ERASURES: Final = "layers/core/waypost/adapters/dynamodb/erasures.py"
UNIT_OF_WORK: Final = "layers/core/waypost/match/unit_of_work.py"
REPORTS: Final = "layers/core/waypost/domain/messages/delivery_reports.py"
CLAIM: Final = """    try:
        if not dependencies.messages.save(claimed, row):
"""
CALL: Final = "_call_provider(claimed, outgoing, now, dependencies)"
EXECUTE: Final = """        messages = [effect.message for effect in version_row.pending_effects if isinstance(effect, SendMessage)]
"""
COMMIT: Final = 'return self.table.put_action(version_row, **if_revision_without(read.version, "version", ERASED))'
RAISE: Final = """            errors[record.message_id] = error
            raise
"""
ENTERED: Final = "(each.version, each.entries_from, None)"
RECORD: Final = """        result = save_outcome(change(row), row, now, dependencies)
        if result is not None:
            return result
        row ="""
RECORD_OR_DROP: Final = """        try:
            result = save_outcome(change(row), row, now, dependencies)
        except UnavailableError:
            return SendResult(row)
        if result is not None:
            return result
        row ="""
PAGES: Final = """            yield items
            if last is None:
"""

BUGS: Final = (
    PlantedBug(
        "send before save",
        ((SENDING, CLAIM, f"    early = {CALL}\n{CLAIM}"), (SENDING, f"_slowed_down({CALL}", "_slowed_down(early")),
        crash_points("documented"),
    ),
    PlantedBug(
        "clear effects before executing them",
        ((UNIT_OF_WORK, EXECUTE, f"        self.runs.clear(self.workspace, self.customer, version_row.version)\n{EXECUTE}"),),
        crash_points("documented"),
    ),
    PlantedBug(
        "no condition on entry",
        ((RUNS, COMMIT, "return self.table.put_action(version_row)"),),
        ("tests/proof/test_interleavings.py",),
    ),
    PlantedBug(
        "acknowledge a failed record",
        (("functions/match/app.py", RAISE, RAISE.replace("            raise\n", "")),),
        crash_points("documented"),
    ),
    PlantedBug(
        "drop the erasure fence from the commit",
        (
            (RUNS, COMMIT, COMMIT.replace("ERASED", '"neverThere"')),
            (ERASURES, ", #to ADD version :one", ", #to"),
            (ERASURES, ', ":one": 1}', "}"),
        ),
        ("tests/proof/test_interleavings.py", "-k", "erasure"),
    ),
    PlantedBug(
        "file a page under the signal's customer",
        (
            (
                "layers/core/waypost/match/events.py",
                "            events[receipt.customer, None].append(",
                "            events[signal.customer, None].append(",
            ),
        ),
        crash_points("join"),
    ),
    PlantedBug(
        "a report over sending",
        ((REPORTS, "reason=None, report_detail=detail)", "reason=None, report_detail=detail, lease=None)"),),
        crash_points("before"),
    ),
    PlantedBug(
        "an entry before entriesFrom",
        (("layers/core/waypost/domain/journeys/published.py", ENTERED, "(each.version, None, None)"),),
        ("tests/proof/test_stale_memories.py",),
    ),
    PlantedBug("acknowledge after a failed save of the record", ((SENDING, RECORD, RECORD_OR_DROP),), crash_points("documented")),
    PlantedBug(
        "one page read as the whole list",
        (("layers/core/waypost/adapters/dynamodb/table.py", PAGES, PAGES.replace("if last", "if items or last")),),
        ("tests/proof/test_pages.py",),
    ),
    PlantedBug(
        "the receive count ignored",
        (("layers/core/waypost/redelivery.py", "return self.receives >= SUSPECT_RECEIVES", "return False"),),
        ("tests/proof/test_processes_that_end.py",),
    ),
)


def mutated(bug: PlantedBug) -> dict[str, str]:
    """The texts of the files with the bug. ValueError if a text that the bug changes does not occur exactly once."""
    texts: dict[str, str] = {}
    for file, old, new in bug.changes:
        text = texts.get(file) or (ROOT / file).read_text(encoding="utf-8")
        if text.count(old) != 1:
            raise ValueError(f"{bug.name}: {old!r} occurs {text.count(old)} times in {file}")
        texts[file] = text.replace(old, new)
    return texts


def fails_with(bug: PlantedBug, folder: Path) -> bool:
    """Whether the tests of a bug fail in a copy of the code, made in an empty folder, that has the bug.

    ValueError as `mutated`; RuntimeError if pytest itself fails, or finds no tests.
    """
    for each in ROOT.iterdir():
        if each.name not in (".git", "layers", "functions", ".pytest_cache", ".mypy_cache", ".ruff_cache"):
            (folder / each.name).symlink_to(each)
    for name in ("layers", "functions"):
        shutil.copytree(ROOT / name, folder / name)
    for file, text in mutated(bug).items():
        (folder / file).write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *bug.tests]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "WAYPOST_PROOF"))}
    environment["WAYPOST_PROOF"] = "full"  # the short form tries a part only
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"pytest ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.returncode == 1
