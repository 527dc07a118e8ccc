"""The machine's clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path


def now(pushed_by: str = "") -> datetime:
    """The time (UTC) to the millisecond, as all times on the wire; later by the seconds that stand in a file, where one is named."""
    real = datetime.now(UTC)
    ahead = timedelta(seconds=float(Path(pushed_by).read_text(encoding="ascii"))) if pushed_by else timedelta(0)
    time = real + ahead
    return time.replace(microsecond=time.microsecond // 1000 * 1000)
