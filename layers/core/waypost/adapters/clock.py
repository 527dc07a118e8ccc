"""The clock of the machine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path


def now(offset_file: str = "") -> datetime:
    """The current time (UTC), cut to the millisecond as on the wire.

    If a file is named, the number of seconds that it holds is added; the file is read again at every call. Only the local run names one.
    """
    offset = timedelta(seconds=float(Path(offset_file).read_text(encoding="ascii"))) if offset_file else timedelta(0)
    time = datetime.now(UTC) + offset
    return time.replace(microsecond=time.microsecond // 1000 * 1000)
