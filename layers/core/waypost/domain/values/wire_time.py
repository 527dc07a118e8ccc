"""Instants on the wire: ISO 8601, UTC, milliseconds and `Z` (contract, first paragraph)."""

from __future__ import annotations

from datetime import UTC, datetime


def iso(instant: datetime) -> str:
    """An aware instant as the wire writes it: `2026-11-23T05:17:13.001Z`."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def instant(text: str) -> datetime:
    """The reverse of `iso`; ValueError for any other text."""
    parsed = datetime.fromisoformat(text)
    if parsed.tzinfo is None:
        raise ValueError(f"no zone in {text!r}")
    return parsed.astimezone(UTC)
