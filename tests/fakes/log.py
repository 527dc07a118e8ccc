"""The log of events in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from tests.fakes.receipts import FakeReceipts
from waypost.domain.intake.event_log import Page
from waypost.domain.intake.receipts import Receipt


@dataclass
class FakeLog:
    """Pages by workspace, customer, time and name. `writes` counts the calls."""

    receipts: FakeReceipts = field(default_factory=FakeReceipts)
    pages: dict[tuple[str, str, datetime, str], Page] = field(default_factory=dict)
    writes: int = 0

    def write(self, page: Page, receipts: Sequence[Receipt]) -> None:
        assert len({receipt.uuid for receipt in receipts}) == len(receipts), "DynamoDB refuses a key twice in one batch"
        self.writes += 1
        if page.events:
            self.pages[page.workspace, page.customer, page.received_at, page.name] = page
        self.receipts.put(page.workspace, receipts)

    @property
    def logged(self) -> list[str]:
        """The uuids on all pages, sorted."""
        return sorted(event.uuid for page in self.pages.values() for event in page.events)
