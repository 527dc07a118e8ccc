"""The time that doors give to their use cases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from waypost.adapters import clock


def test_the_time_is_the_machine_s_to_the_millisecond() -> None:
    """As all times on the wire; without a file nothing can push it."""
    before = datetime.now(UTC)
    shown = clock.now()
    assert shown.microsecond % 1000 == 0
    assert before - timedelta(milliseconds=1) < shown <= datetime.now(UTC)


def test_a_file_can_push_it(tmp_path: Path) -> None:
    """By the seconds that stand in it, read anew each time."""
    file = tmp_path / "clock"
    file.write_text("0.0")
    assert clock.now(str(file)) - datetime.now(UTC) < timedelta(seconds=1)
    file.write_text(repr(3 * 86400.0))
    assert timedelta(days=3) - timedelta(seconds=1) < clock.now(str(file)) - datetime.now(UTC) <= timedelta(days=3)
