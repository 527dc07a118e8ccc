"""The event log: one page for each signal, with its events."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from waypost.domain.intake.events import Event


@dataclass(frozen=True, slots=True)
class Page:
    """The events of one signal for one customer.

    `name` is the deduplication name of the signal and part of the page's row key, so a repeated delivery replaces the page.
    """

    workspace: str
    customer: str
    received_at: datetime
    name: str
    events: tuple[Event, ...]
