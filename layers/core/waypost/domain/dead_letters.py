"""Dead letters: records that could not be processed, and failed messages, kept with a reason (docs/operate.md#dead-letters)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from waypost.domain.values.wire_time import iso

ParkedKind = Literal["signal", "message"]

KEPT_DAYS: Final = 30
UNKNOWN_WORKSPACE: Final = "unknown"
"""The workspace of a record that cannot be read."""


@dataclass(frozen=True, slots=True)
class Parked:
    """One record of a queue: `body` is what a redrive puts back on the queue, `subject` the id of the signal or message in it."""

    workspace: str
    kind: ParkedKind
    subject: str
    body: str
    reason: str
    parked_at: datetime

    @property
    def position(self) -> str:
        """The record's id in its workspace, which sorts by time. Parking a record twice with one time keeps it once."""
        return f"{iso(self.parked_at)}#{self.subject}"
