"""The clock of the machine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path


def now(offset_file: str = "") -> datetime:
    """The current time (UTC), cut to the millisecond as on the wire, plus the offset."""
    time = datetime.now(UTC) + offset(offset_file)
    return time.replace(microsecond=time.microsecond // 1000 * 1000)


def offset(offset_file: str) -> timedelta:
    """By how much time was advanced: the number of seconds in a file, which is read again at every call. Only the local run names one."""
    return timedelta(seconds=float(Path(offset_file).read_text(encoding="ascii"))) if offset_file else timedelta(0)
