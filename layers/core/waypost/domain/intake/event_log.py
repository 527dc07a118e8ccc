"""The event log: one page for each signal, with its events."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from waypost.domain.intake.events import Event

SHORT_LIVED: Final = timedelta(hours=1)
"""How long an event that runs may wait for is on a page at least, even if pages are only kept of events with an effect."""


@dataclass(frozen=True, slots=True)
class Page:
    """The events of one signal for one customer.

    `name` is the deduplication name of the signal and part of the page's row key, so a repeated delivery replaces the page. `kept` is how
    long the page is kept, None for as long as receipts are.
    """

    workspace: str
    customer: str
    received_at: datetime
    name: str
    events: tuple[Event, ...]
    kept: timedelta | None = None


@dataclass(frozen=True, slots=True)
class LoggedCounts:
    """How many events the log has at each time of receipt, in no order; a time may come more than once.

    Unless `is_exact`, a number may be less than that of the events. Of the time before `counted_from`, events may be missing altogether.
    """

    counts: tuple[tuple[datetime, int], ...]
    is_exact: bool
    counted_from: datetime
