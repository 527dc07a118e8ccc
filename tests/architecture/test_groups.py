"""The order and the groups of tests in tests/conftest.py name files that exist."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import GROUPS, INDEPENDENT, WAITING

TESTS = Path(__file__).parents[1]


def test_the_order_and_the_groups_name_files() -> None:
    """A file that was renamed has not lost its place or its group: each path of tests/conftest.py exists."""
    paths = [*WAITING, *(part for part in GROUPS if not part.endswith("]")), *INDEPENDENT]
    assert [path for path in paths if not (TESTS / path).exists()] == []
