"""The pages of the event log in memory."""

from __future__ import annotations

from datetime import date

from waypost.domain.intake.event_log import Page
from waypost.domain.values.wire_time import iso


class FakeEventHistory:
    """Pages in a list, newest first."""

    def __init__(self, *pages: Page) -> None:
        self._pages = sorted(pages, key=_position, reverse=True)

    def of_day(self, workspace: str, day: date, *, limit: int, before: str | None = None) -> list[Page]:
        return self._before(before, [page for page in self._pages if page.workspace == workspace and page.received_at.date() == day], limit)

    def of_customer(self, workspace: str, customer: str, *, limit: int, before: str | None = None) -> list[Page]:
        return self._before(before, [page for page in self._pages if (page.workspace, page.customer) == (workspace, customer)], limit)

    @staticmethod
    def _before(position: str | None, pages: list[Page], limit: int) -> list[Page]:
        return [page for page in pages if position is None or _position(page) < position][:limit]


def _position(page: Page) -> str:
    return f"{iso(page.received_at)}#{page.name}"
