"""Events: the receipt of one, the list of accepted ones, and the list of rejected ones (docs/api.md#events)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, TypeVar

from waypost.domain.customers.identifiers import normalize
from waypost.domain.errors import RefusedError
from waypost.domain.intake.event_log import Page
from waypost.domain.intake.events import Event, Rejected
from waypost.domain.intake.receipts import Receipt
from waypost.domain.values.wire_time import instant, iso
from waypost.manage.api import ApiRequest
from waypost.manage.pagination import ListPage, Source, first_day, read_page, source_by_day, source_from
from waypost.manage.requests import EventQuery, NoQuery
from waypost.manage.responses.events import JourneyOutcomeResponse, ListedEventResponse, ReceiptResponse, RejectionResponse
from waypost.manage.responses.lists import ListResponse
from waypost.manage.time_limit import HasTime, time_limit, unlimited
from waypost.ports import EventHistory, Receipts, RejectedEventHistory

REJECTED_DAYS: Final = 7
E = TypeVar("E", "LoggedEvent", "RejectedRecord")


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
        name = self.raw.get("event") if isinstance(self.raw, Mapping) else None
        return name if isinstance(name, str) else None

    @property
    def sent(self) -> Any:
        """What was sent; None if it is nested too deeply to be returned as JSON."""
        return self.raw if self.error.code != "too-deep" else None

    @property
    def payload(self) -> Any:
        """The payload, whatever it is."""
        return self.sent.get("payload") if isinstance(self.sent, Mapping) else None


def receipt(receipts: Receipts, workspace: str, uuid: str, now: datetime) -> Receipt:
    """The receipt of an event. RefusedError 404 until the event has been matched."""
    found = receipts.read(workspace, [normalize(uuid)], now)
    if not found:
        raise RefusedError(404, "not-found", "There is no receipt with this uuid: no such event, or it was not matched yet.")
    return found[normalize(uuid)]


def logged_page(
    log: EventHistory,
    receipts: Receipts,
    workspace: str,
    query: EventQuery,
    first: date,
    now: datetime,
    has_time: HasTime = unlimited,
) -> ListPage[LoggedEvent]:
    """A page of the event log with receipts, back to the workspace's first day."""
    source = source_by_day(
        lambda day, limit, before: _logged_on(log, workspace, day, limit, before), _position, _first(query, first), now.date()
    )
    source = _since(query, source)
    found = read_page(source, _position, workspace, query, lambda each: _is_selected(query, each.received_at, each.event.name), has_time)
    known = receipts.read(workspace, [each.event.uuid for each in found.items], now) if found.items else {}
    with_receipts = (replace(each, receipt=known.get(each.event.uuid)) for each in found.items)
    return ListPage(tuple(with_receipts), found.next)


def rejected_page(
    rejected: RejectedEventHistory, workspace: str, query: EventQuery, first: date, now: datetime, has_time: HasTime = unlimited
) -> ListPage[RejectedRecord]:
    """A page of the rejected events, which are kept for seven days."""
    first = max(_first(query, first), now.date() - timedelta(days=REJECTED_DAYS))
    source = source_by_day(lambda day, limit, before: _rejected_on(rejected, workspace, day, limit, before), _position, first, now.date())
    source = _since(query, source)
    return read_page(source, _position, workspace, query, lambda each: _is_selected(query, each.received_at, each.name), has_time)


def list_events(request: ApiRequest[EventQuery, None]) -> ListResponse[ListedEventResponse]:
    """`GET /api/events`."""
    dependencies, workspace, query = request.dependencies, request.workspace, request.query
    has_time = time_limit(dependencies.monotonic)
    first = first_day(dependencies.workspaces, workspace)
    if query.status == "rejected":
        return ListResponse.of(rejected_page(dependencies.rejected, workspace, query, first, request.now, has_time), _rejected_response)
    found = logged_page(dependencies.log, dependencies.receipts, workspace, query, first, request.now, has_time)
    return ListResponse.of(found, _logged_response)


def read_receipt(request: ApiRequest[NoQuery, None]) -> ReceiptResponse:
    """`GET /api/events/{uuid}`."""
    found = receipt(request.dependencies.receipts, request.workspace, request.variables["uuid"], request.now)
    return ReceiptResponse.model_validate(found, from_attributes=True)


def _first(query: EventQuery, first: date) -> date:
    """The oldest day to read."""
    return max(first, query.since.astimezone(UTC).date()) if query.since else first


def _since(query: EventQuery, source: Source[E]) -> Source[E]:
    """The source without what is older than the query wants: a busy day may have a million events before `since`."""
    return source if query.since is None else source_from(source, _position, iso(query.since))


def _is_selected(query: EventQuery, received_at: datetime, name: str | None) -> bool:
    return (query.since is None or received_at >= query.since) and query.event in (None, name)


def _logged_on(log: EventHistory, workspace: str, day: date, limit: int, before: str | None) -> tuple[Sequence[LoggedEvent], str | None]:
    """The events of one day. The list may have ended within a page of the log, so one page more than events is read."""
    pages, position = log.of_day(workspace, day, limit=limit + 1, before=before)
    events = [each for page in pages for each in _events(page) if before is None or each.position < before]
    return events[:limit], events[limit - 1].position if len(events) >= limit else position


def _events(page: Page) -> list[LoggedEvent]:
    position = f"{iso(page.received_at)}#{page.name}"
    events = [LoggedEvent(f"{position}#{n:04}", page.received_at, page.customer, event) for n, event in enumerate(page.events)]
    return events[::-1]


def _rejected_on(
    rejected: RejectedEventHistory, workspace: str, day: date, limit: int, before: str | None
) -> tuple[Sequence[RejectedRecord], str | None]:
    found, last = rejected.of_day(workspace, day, limit=limit, before=before)
    records = [RejectedRecord(position, instant(position.partition("#")[0]), each.raw, each.error) for position, each in found]
    return records, last


def _position(each: LoggedEvent | RejectedRecord) -> str:
    return each.position


def _logged_response(logged: LoggedEvent) -> ListedEventResponse:
    event, known = logged.event, logged.receipt
    return ListedEventResponse(
        uuid=event.uuid,
        event=event.name,
        source=event.source,
        timestamp=event.at,
        received_at=logged.received_at,
        customer=known.customer if known else logged.customer,
        status="accepted",
        journeys=tuple(JourneyOutcomeResponse.model_validate(each, from_attributes=True) for each in known.journeys) if known else (),
        messages=known.messages if known else (),
        reason=known.reason if known else None,
        payload=event.payload,
    )


def _rejected_response(record: RejectedRecord) -> ListedEventResponse:
    return ListedEventResponse(
        event=record.name,
        received_at=record.received_at,
        status="rejected",
        payload=record.payload,
        error=RejectionResponse.model_validate(record.error, from_attributes=True),
        sent=record.sent,
    )
