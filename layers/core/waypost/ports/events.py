"""Ports of the events table: rejected events, receipts, and the event log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Protocol

from waypost.domain.customers.consents import ConsentChange, RecordedConsent
from waypost.domain.intake.event_log import LoggedCounts, Page
from waypost.domain.intake.events import RejectedEvent
from waypost.domain.intake.receipts import Receipt


class RejectedEvents(Protocol):
    """Rejected events, kept for 7 days so that the sender can find out what is wrong (docs/events.md#rejected-events)."""

    def count(self, workspace: str, received_at: datetime, number: int) -> int:
        """Adds `number` to the counter of this minute and returns its value from before."""

    def keep(self, workspace: str, received_at: datetime, invocation_id: str, events: Sequence[RejectedEvent]) -> None:
        """Stores rejected events. Only the index tells events of one time and invocation from each other, so the id must never repeat."""


class RejectedEventHistory(Protocol):
    """Stored rejected events, by day."""

    def of_day(
        self, workspace: str, day: date, *, limit: int, before: str | None = None, since: datetime | None = None
    ) -> tuple[Sequence[tuple[str, RejectedEvent]], str | None]:
        """At most `limit` rejected events of one day (UTC) with their positions, newest first, all before the position `before`.

        Also the position after them (None: no more). What was received before `since` is not read.
        """


class RejectedCounts(Protocol):
    """The counters of rejected events."""

    def counts(self, workspace: str, since: datetime, until: datetime) -> Mapping[datetime, int]:
        """How many events were rejected in each minute from that of `since` to that of `until`, without minutes that had none."""


class ManagedRejectedEvents(RejectedEventHistory, RejectedCounts, Protocol):
    """The rejected events as the management API lists and counts them."""


class Receipts(Protocol):
    """Receipts, by which the matcher recognizes duplicate events (docs/events.md#receipts)."""

    def read(self, workspace: str, uuids: Iterable[str], now: datetime) -> dict[str, Receipt]:
        """The receipts that exist and have not expired, by event uuid."""


class EventLog(Protocol):
    """The event log."""

    def write(self, workspace: str, pages: Sequence[Page], receipts: Sequence[Receipt], contested: Sequence[Receipt] = ()) -> None:
        """Writes the pages of a signal, and the receipts of its events that had no effect. Writing the same again changes nothing.

        `contested` are further such receipts, which never replace another one: another signal may have the same event with an effect.
        Where an event has a receipt of another signal already, that one stays, and the event is left out of the pages.
        """

    def between(self, workspace: str, customer: str, since: datetime, until: datetime) -> list[Page]:
        """The pages of a customer of signals that were received between two instants, both included, oldest first."""


class ConsentHistory(Protocol):
    """The changes of customers' consents, kept until the customer is erased (docs/customers.md#consent)."""

    def add(self, workspace: str, customer: str, changes: Sequence[ConsentChange], received_at: datetime) -> None:
        """Stores changes that were received at this time. Storing a change again changes nothing."""

    def page(self, workspace: str, customer: str, *, limit: int, before: str | None = None) -> tuple[Sequence[RecordedConsent], str | None]:
        """At most `limit` changes before the position `before`, newest first, and the position after them (None: no more)."""


class EventHistory(Protocol):
    """The pages of the event log, newest first. A page's position is `<receivedAt>#<name>`.

    Each method returns at most `limit` pages before the position `before`, and the position after them (None: no more). Pages of signals
    that were received before `since` are not read.
    """

    def of_day(
        self, workspace: str, day: date, *, limit: int, before: str | None = None, since: datetime | None = None
    ) -> tuple[Sequence[Page], str | None]:
        """Pages of one day (UTC)."""

    def of_customer(
        self, workspace: str, customer: str, *, limit: int, before: str | None = None, since: datetime | None = None
    ) -> tuple[Sequence[Page], str | None]:
        """Pages of one customer."""


class EventCounts(Protocol):
    """How many events the log has."""

    def counts(self, workspace: str, since: datetime, until: datetime) -> LoggedCounts:
        """The number of events by their time of receipt, from `since` to `until`, in a bounded number of reads for each day."""


class ManagedLog(EventHistory, EventCounts, Protocol):
    """The event log as the management API lists and counts it."""
