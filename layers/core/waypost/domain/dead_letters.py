"""What was given up on: kept with its reason until a person sends it on its way again (contract 5)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from waypost.domain.values.wire_time import iso

Kind = Literal["signal", "message"]

KEPT_DAYS: Final = 30


@dataclass(frozen=True, slots=True)
class Parked:
    """One record of a queue: `body` is what goes back on the queue, `subject` the id of the signal or message in it."""

    workspace: str
    kind: Kind
    subject: str
    body: str
    reason: str
    parked_at: datetime

    @property
    def position(self) -> str:
        """Its place among a workspace's parked records, by time, and its id there. Parking it twice at one time is parking it once."""
        return f"{iso(self.parked_at)}#{self.subject}"
