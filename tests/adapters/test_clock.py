"""The time that functions pass to their use cases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from waypost.adapters import clock


def test_without_a_file_the_time_is_that_of_the_machine() -> None:
    """The time is the machine's, cut to the millisecond."""
    before = datetime.now(UTC)
    time = clock.now()
    assert time.microsecond % 1000 == 0
    assert before - timedelta(milliseconds=1) < time <= datetime.now(UTC)


def test_the_seconds_in_the_file_are_added(tmp_path: Path) -> None:
    """The time is later by the seconds in the file, and a change of the file counts from the next call on."""
    file = tmp_path / "clock"
    file.write_text("0.0")
    assert clock.now(str(file)) - datetime.now(UTC) < timedelta(seconds=1)
    file.write_text(repr(3 * 86400.0))
    assert timedelta(days=3) - timedelta(seconds=1) < clock.now(str(file)) - datetime.now(UTC) <= timedelta(days=3)
