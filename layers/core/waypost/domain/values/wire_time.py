"""Instants in our own JSON and rows: ISO 8601 in UTC with milliseconds and `Z`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""The instant from which milliseconds are counted where a time is a number."""


def iso(instant: datetime) -> str:
    """An instant, which has a zone of any kind, as a text such as `2026-11-23T05:17:13.001Z`."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def instant(text: str) -> datetime:
    """The instant of a text that `iso` wrote, or of another ISO 8601 text with a zone. ValueError for any other text."""
    parsed = datetime.fromisoformat(text)
    if parsed.tzinfo is None:
        raise ValueError(f"no zone in {text!r}")
    return parsed.astimezone(UTC)
