"""The lists behind `GET /api/events`: accepted events from the event log with their receipts, and rejected events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from waypost.domain.intake.event_log import Page
from waypost.domain.intake.events import Event, Rejected
from waypost.domain.intake.receipts import Receipt
from waypost.domain.values.wire_time import instant, iso
from waypost.manage.pagination import ListPage, Source, merged_source, read_page, source_by_day
from waypost.manage.requests import EventQuery
from waypost.manage.time_limit import HasTime, unlimited
from waypost.ports import EventHistory, Receipts, RejectedEventHistory

REJECTED_DAYS: Final = 7


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """An event of the event log with its position there, and its receipt if there is one."""

    position: str
    received_at: datetime
    customer: str
    event: Event
    receipt: Receipt | None = None


@dataclass(frozen=True, slots=True)
class RejectedRecord:
    """A rejected event as it was sent, with its position among the rejected ones."""

    position: str
    received_at: datetime
    raw: Any
    error: Rejected

    @property
    def name(self) -> str | None:
        """The name of the event, None if it had none."""
        return self._text("event")

    @property
    def correlation_key(self) -> str | None:
        """The `correlationKey` that was sent, None if it was no text."""
        return self._text("correlationKey")

    @property
    def correlation_value(self) -> str | None:
        """The `correlationValue` that was sent, None if it was no text."""
        return self._text("correlationValue")

    @property
    def sent(self) -> Any:
        """What was sent; None if it is nested too deeply to be returned as JSON."""
        return self.raw if self.error.code != "too-deep" else None

    @property
    def payload(self) -> Any:
        """The payload, whatever it is."""
        return self.sent.get("payload") if isinstance(self.sent, Mapping) else None

    def _text(self, member: str) -> str | None:
        value = self.raw.get(member) if isinstance(self.raw, Mapping) else None
        return value if isinstance(value, str) else None


def logged_page(
    log: EventHistory,
    receipts: Receipts,
    workspace: str,
    query: EventQuery,
    first: date,
    now: datetime,
    customer_ids: Sequence[str] = (),
    has_time: HasTime = unlimited,
) -> ListPage[LoggedEvent]:
    """A page of the event log with receipts, back to the workspace's first day.

    `customer_ids` are all ids of the customer that the query names; without them, the events of all customers are listed.
    """
    source = _source(log, workspace, query, first, now, customer_ids)
    if query.effect is None:
        found = read_page(source, _position, workspace, query, lambda each: _is_selected(query, each), has_time)
        return ListPage(_with_receipts(found.items, receipts, workspace, now), found.next)

    def source_with_receipts(limit: int, before: str | None) -> tuple[Sequence[LoggedEvent], str | None]:
        events, position = source(limit, before)
        return _with_receipts([each for each in events if _is_selected(query, each)], receipts, workspace, now), position

    return read_page(source_with_receipts, _position, workspace, query, lambda each: _had_effect(each) is query.effect, has_time)


def rejected_page(
    rejected: RejectedEventHistory, workspace: str, query: EventQuery, first: date, now: datetime, has_time: HasTime = unlimited
) -> ListPage[RejectedRecord]:
    """A page of the rejected events, which are kept for seven days."""

    def read(day: date, limit: int, before: str | None) -> tuple[Sequence[RejectedRecord], str | None]:
        found, last = rejected.of_day(workspace, day, limit=limit, before=before, since=query.since)
        records = [RejectedRecord(position, instant(position.partition("#")[0]), each.raw, each.error) for position, each in found]
        return records, last

    first = max(_first(query, first), now.date() - timedelta(days=REJECTED_DAYS))
    source = source_by_day(read, _position, first, now.date())
    return read_page(source, _position, workspace, query, lambda each: _is_selected(query, each), has_time)


def _source(
    log: EventHistory, workspace: str, query: EventQuery, first: date, now: datetime, customer_ids: Sequence[str]
) -> Source[LoggedEvent]:
    """The events of the customer that the query names, because each customer's pages are together; else day by day."""
    if customer_ids:
        return merged_source([_of_customer(log, workspace, query, each) for each in customer_ids], _position)

    def read(day: date, limit: int, before: str | None) -> tuple[Sequence[LoggedEvent], str | None]:
        pages, position = log.of_day(workspace, day, limit=limit + 1, before=before, since=query.since)
        return _events_before(before, pages, position, limit)

    return source_by_day(read, _position, _first(query, first), now.date())


def _of_customer(log: EventHistory, workspace: str, query: EventQuery, customer: str) -> Source[LoggedEvent]:
    def read(limit: int, before: str | None) -> tuple[Sequence[LoggedEvent], str | None]:
        pages, position = log.of_customer(workspace, customer, limit=limit + 1, before=before, since=query.since)
        return _events_before(before, pages, position, limit)

    return read


def _events_before(before: str | None, pages: Sequence[Page], position: str | None, limit: int) -> tuple[Sequence[LoggedEvent], str | None]:
    """The events of these pages, and the position after them. The list may have ended within a page, which is therefore read again."""
    events = [each for page in pages for each in _events(page) if before is None or each.position < before]
    return events[:limit], events[limit - 1].position if len(events) >= limit else position


def _events(page: Page) -> list[LoggedEvent]:
    position = f"{iso(page.received_at)}#{page.name}"
    events = [LoggedEvent(f"{position}#{n:04}", page.received_at, page.customer, event) for n, event in enumerate(page.events)]
    return events[::-1]


def _with_receipts(events: Sequence[LoggedEvent], receipts: Receipts, workspace: str, now: datetime) -> tuple[LoggedEvent, ...]:
    known = receipts.read(workspace, [each.event.uuid for each in events], now) if events else {}
    return tuple(replace(each, receipt=known.get(each.event.uuid)) for each in events)


def _had_effect(logged: LoggedEvent) -> bool:
    return logged.receipt is not None and logged.receipt.had_effect


def _first(query: EventQuery, first: date) -> date:
    """The oldest day to read."""
    return max(first, query.since.astimezone(UTC).date()) if query.since else first


def _is_selected(query: EventQuery, each: LoggedEvent | RejectedRecord) -> bool:
    """Whether the query's name and time select an event. Stores compare times to the millisecond, so `since` is compared again."""
    name = each.event.name if isinstance(each, LoggedEvent) else each.name
    return (query.since is None or each.received_at >= query.since) and query.event in (None, name)


def _position(each: LoggedEvent | RejectedRecord) -> str:
    return each.position
