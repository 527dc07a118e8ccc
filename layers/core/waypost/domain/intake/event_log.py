"""The log of events: one page for each signal, with the events as they were sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from waypost.domain.intake.events import Event


@dataclass(frozen=True, slots=True)
class Page:
    """The events that one signal brought for one customer; `name` is the signal's, so that writing it twice is writing it once."""

    workspace: str
    customer: str
    received_at: datetime
    name: str
    events: tuple[Event, ...]
