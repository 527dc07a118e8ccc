"""What became of events: receipts, the live tracker, and what was refused (contract 1.5, 5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Protocol

from waypost.domain.customers.identifiers import normalize
from waypost.domain.errors import RefusedError
from waypost.domain.intake.event_log import Page
from waypost.domain.intake.events import Event, Rejected, RejectedEvent
from waypost.domain.intake.receipts import Receipt
from waypost.domain.values.wire_time import instant, iso
from waypost.manage.pagination import Part, by_day, part
from waypost.manage.requests import EventQuery

REJECTED_DAYS: Final = 7


class ReceiptStore(Protocol):
    """Receipts by uuid."""

    def read(self, workspace: str, uuids: Iterable[str], now: datetime) -> dict[str, Receipt]:
        """The receipts that there are, by uuid."""


class LogStore(Protocol):
    """The log of events, by day."""

    def of_day(self, workspace: str, day: date, *, limit: int, before: str | None = None) -> list[Page]:
        """At most `limit` pages of one day (UTC), newest first, at positions before this one (`<receivedAt>#<name>`)."""


class RejectedStore(Protocol):
    """Refused events, by day."""

    def of_day(self, workspace: str, day: date, *, limit: int, before: str | None = None) -> list[tuple[str, RejectedEvent]]:
        """At most `limit` refused events of one day (UTC), newest first, before this position, each with its own."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event of the log with its place in it, and its receipt if there is one."""

    position: str
    received_at: datetime
    customer: str
    event: Event
    receipt: Receipt | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """A refused event as it was sent, with its place among the refused ones."""

    position: str
    received_at: datetime
    raw: Any
    error: Rejected

    @property
    def name(self) -> str | None:
        """The event's name, if it had one."""
        name = self.raw.get("event") if isinstance(self.raw, Mapping) else None
        return name if isinstance(name, str) else None

    @property
    def sent(self) -> Any:
        """What was sent, as far as it can be shown: None where it is nested too deeply."""
        return self.raw if self.error.code != "too-deep" else None

    @property
    def payload(self) -> Any:
        """The event's payload, whatever it was."""
        return self.sent.get("payload") if isinstance(self.sent, Mapping) else None


def receipt(receipts: ReceiptStore, workspace: str, uuid: str, now: datetime) -> Receipt:
    """The receipt of an event. RefusedError 404 until it was matched."""
    found = receipts.read(workspace, [normalize(uuid)], now)
    if not found:
        raise RefusedError(404, "not-found", "There is no receipt with this uuid: no such event, or it was not matched yet.")
    return found[normalize(uuid)]


def recorded(log: LogStore, receipts: ReceiptStore, workspace: str, query: EventQuery, first: date, now: datetime) -> Part[Recorded]:
    """A part of the log, back to the workspace's first day, with receipts."""
    source = by_day(lambda day, limit, before: _of_day(log, workspace, day, limit, before), _position, _first(query, first), now.date())
    found = part(source, _position, workspace, query, lambda each: _asked_for(query, each.received_at, each.event.name))
    known = receipts.read(workspace, [each.event.uuid for each in found.items], now) if found.items else {}
    with_receipts = (replace(each, receipt=known.get(each.event.uuid)) for each in found.items)
    return Part(tuple(with_receipts), found.next)


def _first(query: EventQuery, first: date) -> date:
    """The day behind which nothing is looked for."""
    return max(first, query.since.astimezone(UTC).date()) if query.since else first


def _asked_for(query: EventQuery, received_at: datetime, name: str | None) -> bool:
    return (query.since is None or received_at >= query.since) and query.event in (None, name)


def _of_day(log: LogStore, workspace: str, day: date, limit: int, before: str | None) -> Sequence[Recorded]:
    """A day's events out of its pages; the first page may have been shown in part, so one page more than events is read."""
    pages = log.of_day(workspace, day, limit=limit + 1, before=before)
    events = [each for page in pages for each in _events(page) if before is None or each.position < before]
    return events[:limit]


def _events(page: Page) -> list[Recorded]:
    place = f"{iso(page.received_at)}#{page.name}"
    events = [Recorded(f"{place}#{n:04}", page.received_at, page.customer, event) for n, event in enumerate(page.events)]
    return events[::-1]


def refused(rejected: RejectedStore, workspace: str, query: EventQuery, first: date, now: datetime) -> Part[Refused]:
    """A part of the refused events, which are kept for seven days."""
    first = max(_first(query, first), now.date() - timedelta(days=REJECTED_DAYS))
    source = by_day(lambda day, limit, before: _refused_of_day(rejected, workspace, day, limit, before), _position, first, now.date())
    return part(source, _position, workspace, query, lambda each: _asked_for(query, each.received_at, each.name))


def _refused_of_day(rejected: RejectedStore, workspace: str, day: date, limit: int, before: str | None) -> Sequence[Refused]:
    return [
        Refused(at, instant(at.partition("#")[0]), each.raw, each.error)
        for at, each in rejected.of_day(workspace, day, limit=limit, before=before)
    ]


def _position(each: Recorded | Refused) -> str:
    return each.position
