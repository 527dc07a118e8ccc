"""What became of events: receipts, the live tracker, and what was refused (contract 1.5, 5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Protocol

from waypost.domain.errors import RefusedError
from waypost.domain.events import Event, Rejected, RejectedEvent
from waypost.domain.identity import fold
from waypost.domain.log import Page
from waypost.domain.receipts import Receipt
from waypost.domain.times import instant, iso
from waypost.manage.lists import Part, by_day, part
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
    """A refused event with its place among the refused ones; `raw` is what was sent, None where it is nested too deeply to be shown."""

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
    def payload(self) -> Any:
        """The event's payload, whatever it was."""
        return self.raw.get("payload") if isinstance(self.raw, Mapping) else None


def receipt(receipts: ReceiptStore, workspace: str, uuid: str, now: datetime) -> Receipt:
    """The receipt of an event. RefusedError 404 until it was matched."""
    found = receipts.read(workspace, [fold(uuid)], now)
    if not found:
        raise RefusedError(404, "not-found", "There is no receipt with this uuid: no such event, or it was not matched yet.")
    return found[fold(uuid)]


def recorded(log: LogStore, receipts: ReceiptStore, workspace: str, query: EventQuery, since: datetime, now: datetime) -> Part[Recorded]:
    """A part of the log, no older than `since`, with receipts."""
    since = max(since, query.since or since)
    source = by_day(lambda day, limit, before: _of_day(log, workspace, day, limit, before), _position, since.date(), now.date())
    found = part(source, _position, workspace, query, lambda each: each.received_at >= since and query.event in (None, each.event.name))
    known = receipts.read(workspace, [each.event.uuid for each in found.items], now) if found.items else {}
    with_receipts = (
        Recorded(each.position, each.received_at, each.customer, each.event, known.get(each.event.uuid)) for each in found.items
    )
    return Part(tuple(with_receipts), found.next)


def _of_day(log: LogStore, workspace: str, day: date, limit: int, before: str | None) -> Sequence[Recorded]:
    """A day's events out of its pages; the first page may have been shown in part, so one page more than events is read."""
    pages = log.of_day(workspace, day, limit=limit + 1, before=before)
    events = [each for page in pages for each in _events(page) if before is None or each.position < before]
    return events[:limit]


def _events(page: Page) -> list[Recorded]:
    place = f"{iso(page.received_at)}#{page.name}"
    events = [Recorded(f"{place}#{n:04}", page.received_at, page.customer, event) for n, event in enumerate(page.events)]
    return events[::-1]


def refused(rejected: RejectedStore, workspace: str, query: EventQuery, since: datetime, now: datetime) -> Part[Refused]:
    """A part of the refused events, which are kept for seven days."""
    since = max(since, now - timedelta(days=REJECTED_DAYS), query.since or since)
    source = by_day(
        lambda day, limit, before: [
            Refused(at, instant(at.partition("#")[0]), each.raw if each.error.code != "too-deep" else None, each.error)
            for at, each in rejected.of_day(workspace, day, limit=limit, before=before)
        ],
        _position,
        since.astimezone(UTC).date(),
        now.date(),
    )
    return part(source, _position, workspace, query, lambda each: each.received_at >= since and query.event in (None, each.name))


def _position(each: Recorded | Refused) -> str:
    return each.position
