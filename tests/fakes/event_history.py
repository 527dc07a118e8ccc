"""The pages of the event log in memory."""

from __future__ import annotations

from datetime import date, datetime

from waypost.domain.intake.event_log import Page
from waypost.domain.values.wire_time import iso


class FakeEventHistory:
    """Pages in a list, newest first, of which one read returns at most `most`."""

    def __init__(self, *pages: Page, most: int = 1_000) -> None:
        self._pages, self._most = sorted(pages, key=_position, reverse=True), most

    def of_day(
        self, workspace: str, day: date, *, limit: int, before: str | None = None, since: datetime | None = None
    ) -> tuple[list[Page], str | None]:
        pages = [page for page in self._pages if page.workspace == workspace and page.received_at.date() == day]
        return self._between(before, since, pages, limit)

    def of_customer(
        self, workspace: str, customer: str, *, limit: int, before: str | None = None, since: datetime | None = None
    ) -> tuple[list[Page], str | None]:
        pages = [page for page in self._pages if (page.workspace, page.customer) == (workspace, customer)]
        return self._between(before, since, pages, limit)

    def _between(self, before: str | None, since: datetime | None, pages: list[Page], limit: int) -> tuple[list[Page], str | None]:
        oldest = iso(since) if since else ""
        found = [page for page in pages if _position(page) >= oldest and (before is None or _position(page) < before)]
        returned = found[: min(limit, self._most)]
        return returned, _position(returned[-1]) if len(found) > len(returned) else None


def _position(page: Page) -> str:
    return f"{iso(page.received_at)}#{page.name}"
