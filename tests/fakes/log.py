"""The log of events in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from tests.fakes.receipts import FakeReceipts
from waypost.domain.intake.event_log import Page
from waypost.domain.intake.receipts import Receipt
from waypost.domain.values.wire_time import iso


@dataclass
class FakeLog:
    """Pages by workspace, customer, time and name. `writes` counts the calls.

    `before_write` runs once, before the next write takes effect.
    """

    receipts: FakeReceipts = field(default_factory=FakeReceipts)
    pages: dict[tuple[str, str, datetime, str], Page] = field(default_factory=dict)
    writes: int = 0
    before_write: Callable[[], object] = lambda: None

    def write(self, workspace: str, pages: Sequence[Page], receipts: Sequence[Receipt], contested: Sequence[Receipt] = ()) -> None:
        before_write, self.before_write = self.before_write, lambda: None
        before_write()
        written = [receipt.uuid for receipt in (*receipts, *contested)]
        assert len(set(written)) == len(written), "DynamoDB refuses a key twice in one batch"
        self.writes += 1
        elsewhere = set()
        for receipt in contested:
            if not self.receipts.knows(workspace, receipt):
                self.receipts.put(workspace, [receipt])
            elif _signal_of(self.receipts.stored[workspace, receipt.uuid]) != _signal_of(receipt):
                elsewhere.add(receipt.uuid)
        for page in pages:
            events = tuple(event for event in page.events if event.uuid not in elsewhere)
            if events:
                self.pages[page.workspace, page.customer, page.received_at, page.name] = replace(page, events=events)
        self.receipts.put(workspace, receipts)

    @property
    def logged(self) -> list[str]:
        """The uuids on all pages, sorted."""
        return sorted(event.uuid for page in self.pages.values() for event in page.events)

    def of_customer(
        self, workspace: str, customer: str, *, limit: int, before: str | None = None, since: datetime | None = None
    ) -> tuple[list[Page], str | None]:
        return _newest(self._pages_of(workspace, customer), limit, before, since)

    def of_day(
        self, workspace: str, day: date, *, limit: int, before: str | None = None, since: datetime | None = None
    ) -> tuple[list[Page], str | None]:
        found = [page for page in self.pages.values() if page.workspace == workspace and page.received_at.date() == day]
        return _newest(found, limit, before, since)

    def between(self, workspace: str, customer: str, since: datetime, until: datetime) -> list[Page]:
        return sorted((page for page in self._pages_of(workspace, customer) if since <= page.received_at <= until), key=_position)

    def _pages_of(self, workspace: str, customer: str) -> list[Page]:
        return [page for page in self.pages.values() if (page.workspace, page.customer) == (workspace, customer)]


def _newest(pages: Sequence[Page], limit: int, before: str | None, since: datetime | None) -> tuple[list[Page], str | None]:
    late_enough = [page for page in pages if since is None or _position(page) >= iso(since)]
    found = sorted((page for page in late_enough if before is None or _position(page) < before), key=_position, reverse=True)
    return found[:limit], _position(found[limit - 1]) if len(found) > limit else None


def _position(page: Page) -> str:
    return f"{iso(page.received_at)}#{page.name}"


def _signal_of(receipt: Receipt) -> tuple[datetime, str]:
    return receipt.received_at, receipt.customer
