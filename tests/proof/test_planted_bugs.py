"""The proof finds each bug that is planted, one at a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.proof.counted import IS_FULL, count
from tests.proof.planted_bugs import BUGS, ROOT, PlantedBug, crash_points, fails_with, mutated

SHORT = ("acknowledge after a failed save of the record",)
"""The bugs that `make test` plants; `make proof` plants all of them."""


@pytest.mark.parametrize("bug", [bug for bug in BUGS if IS_FULL or bug.name in SHORT], ids=lambda bug: bug.name)
def test_a_planted_bug_is_found(bug: PlantedBug, tmp_path: Path) -> None:
    """With this bug in the code, the tests that prove the promise fail."""
    assert fails_with(bug, tmp_path)
    count("planted bugs found")


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_bug_can_be_planted(bug: PlantedBug) -> None:
    """Each text that a bug changes is in the code, and the code with the bug is Python."""
    for file, text in mutated(bug).items():
        assert text != (ROOT / file).read_text(encoding="utf-8")
        compile(text, file, "exec")


def test_without_a_bug_the_tests_are_green(tmp_path: Path) -> None:
    """The copy of the code in which bugs are planted is complete: it is the bug that turns the tests red."""
    assert not fails_with(PlantedBug("none", (), crash_points("redrive")), tmp_path)
