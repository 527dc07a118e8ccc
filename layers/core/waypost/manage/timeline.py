"""What happened to a customer, newest first: events, what they moved, and messages, under all ids that it ever had."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from waypost.domain.customers.customer import Customer
from waypost.domain.intake.event_log import Page
from waypost.domain.intake.events import Event
from waypost.domain.intake.receipts import JourneyOutcome, Receipt
from waypost.domain.messages.message import Message
from waypost.domain.runs.run import Run
from waypost.domain.values.wire_time import iso
from waypost.manage.events import ReceiptStore
from waypost.manage.messages import MessageStore
from waypost.manage.pagination import Part, part
from waypost.manage.requests import ListQuery
from waypost.manage.timed_steps import TimedStep, timed_steps


class CustomerLog(Protocol):
    """The log of events, by customer."""

    def of_customer(self, workspace: str, customer: str, *, limit: int, before: str | None = None) -> list[Page]:
        """At most `limit` pages of one customer, newest first, at positions before this one (`<receivedAt>#<name>`)."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened: an event (with its receipt), a move that it or time caused, or a message."""

    position: str
    at: datetime
    kind: Literal["event", "move", "message"]
    event: Event | None = None
    receipt: Receipt | None = None
    move: JourneyOutcome | None = None
    message: Message | None = None
    timed_step: TimedStep | None = None


@dataclass(frozen=True, slots=True)
class History:
    """Where a customer's history is kept; `runs` are the customer's."""

    log: CustomerLog
    receipts: ReceiptStore
    messages: MessageStore
    runs: Sequence[Run]


def timeline(history: History, customer: Customer, query: ListQuery, now: datetime) -> Part[Entry]:
    """A part of a customer's timeline."""
    log, receipts, messages = history.log, history.receipts, history.messages
    workspace, ids = customer.workspace, (customer.id, *customer.merged_ids)

    def source(limit: int, before: str | None) -> tuple[Sequence[Entry], str | None]:
        found = [
            *_merged(ids, lambda each: _events(log, receipts, workspace, each, limit, before, now)),
            *_merged(ids, lambda each: _messages(messages, workspace, each, limit, before)),
            *(entry for entry in map(_of_walk, timed_steps(history.runs)) if before is None or entry.position < before),
        ]
        newest = sorted(found, key=lambda entry: entry.position, reverse=True)[:limit]
        return newest, newest[-1].position if len(newest) == limit else None

    return part(source, lambda entry: entry.position, workspace, query)


def _merged(ids: Sequence[str], read: Callable[[str], Iterable[Entry]]) -> list[Entry]:
    return [entry for each in ids for entry in read(each)]


def _events(
    log: CustomerLog, receipts: ReceiptStore, workspace: str, customer: str, limit: int, before: str | None, now: datetime
) -> Iterable[Entry]:
    """Events with their moves. The first page may have been shown in part, so one page more than entries is read."""
    pages = log.of_customer(workspace, customer, limit=limit + 1, before=before)
    known = receipts.read(workspace, [event.uuid for page in pages for event in page.events], now) if pages else {}
    for page in pages:
        for number, event in enumerate(page.events):
            for entry in _of_event(page, number, event, known.get(event.uuid)):
                if before is None or entry.position < before:
                    yield entry


def _of_event(page: Page, number: int, event: Event, receipt: Receipt | None) -> Iterable[Entry]:
    place = f"{iso(page.received_at)}#{page.name}#{number:04}"
    yield Entry(f"{place}#", page.received_at, "event", event, receipt)
    for order, move in enumerate(receipt.journeys if receipt else ()):
        yield Entry(f"{place}#{order:04}", page.received_at, "move", event, receipt, move)


def _messages(messages: MessageStore, workspace: str, customer: str, limit: int, before: str | None) -> Iterable[Entry]:
    """Messages come behind the events of their moment: the `~` in their positions is greater than any name of a page."""
    limit_at, _, rest = (before or "").partition("#")
    position = before and f"{limit_at}#{rest.removeprefix('~') if rest.startswith('~') else ''}"
    found, _ = messages.page(workspace, limit=limit, before=position, customer=customer)
    return [Entry(f"{iso(message.created_at)}#~{message.id}", message.created_at, "message", message=message) for message in found]


def _of_walk(timed_step: TimedStep) -> Entry:
    """What time did comes below the events of its moment."""
    at = timed_step.visited.at
    return Entry(f"{iso(at)}#!{timed_step.run.id}#{timed_step.place:04}", at, "move", timed_step=timed_step)
