"""The timeline of a customer, newest first: events, run steps, and messages, under all ids that the customer ever had."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from waypost.domain.customers.consents import RecordedConsent
from waypost.domain.customers.customer import Customer
from waypost.domain.intake.event_log import Page
from waypost.domain.intake.events import Event
from waypost.domain.intake.receipts import JourneyOutcome, Receipt
from waypost.domain.messages.message import Message
from waypost.domain.runs.run import Run, StepVisit
from waypost.domain.values.wire_time import iso
from waypost.manage import consents, customers, messages
from waypost.manage.api import ApiRequest
from waypost.manage.pagination import ListPage, read_page
from waypost.manage.requests import ConsentQuery, ListQuery, TimelineQuery
from waypost.manage.responses.consents import ConsentRecordResponse
from waypost.manage.responses.customers import CrossedStepResponse, CustomerResponse, ExportResponse, TimelineEntryResponse
from waypost.manage.responses.lists import ListResponse
from waypost.manage.time_limit import HasTime, time_limit, unlimited
from waypost.manage.timed_steps import TimedStep, crossed_steps, timed_steps
from waypost.ports import EventHistory, ManagedMessages, Receipts


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One entry: an event with its receipt, a move that an event or time caused, or a message."""

    position: str
    at: datetime
    kind: Literal["event", "move", "message"]
    event: Event | None = None
    receipt: Receipt | None = None
    outcome: JourneyOutcome | None = None
    message: Message | None = None
    timed_step: TimedStep | None = None
    visits: tuple[StepVisit, ...] | None = None


@dataclass(frozen=True, slots=True)
class TimelineSources:
    """Where the history of a customer is stored. `runs` are the customer's runs."""

    log: EventHistory
    receipts: Receipts
    messages: ManagedMessages
    runs: Sequence[Run]


def page(
    sources: TimelineSources, customer: Customer, query: ListQuery, now: datetime, has_time: HasTime = unlimited
) -> ListPage[TimelineEntry]:
    """A page of a customer's timeline.

    Each source is read up to the limit and the results are merged by position. What does not fit is read again for the next page, and
    so is what is older than the point at which one of the sources stopped.
    """
    message_store = sources.messages
    workspace, ids = customer.workspace, (customer.id, *customer.merged_ids)

    def source(limit: int, before: str | None) -> tuple[Sequence[TimelineEntry], str | None]:
        read = [_events(sources, workspace, each, limit, before, now) for each in ids]
        read += [_messages(message_store, workspace, each, limit, before) for each in ids]
        timed = [entry for entry in map(_timed_entry, timed_steps(sources.runs)) if before is None or entry.position < before]
        # A source may stop early, for example at 1 MB. What is older than that is not complete yet.
        reached = max((position for _, position in read if position is not None), default=None)
        found = [entry for entry in (*timed, *(entry for entries, _ in read for entry in entries)) if entry.position >= (reached or "")]
        newest = sorted(found, key=_position, reverse=True)[:limit]
        return newest, newest[-1].position if len(newest) == limit else reached

    return read_page(source, _position, workspace, query, has_time=has_time)


def read_timeline(request: ApiRequest[TimelineQuery, None]) -> ListResponse[TimelineEntryResponse]:
    """`GET /api/customers/{id}/timeline`."""
    has_time = time_limit(request.dependencies.monotonic)
    customer = customers.requested(request)
    return ListResponse.of(_requested_page(request, customer, _runs_of(request, customer), has_time), to_response)


def export_customer(request: ApiRequest[TimelineQuery, None]) -> ExportResponse:
    """`GET /api/customers/{id}/export`."""
    dependencies = request.dependencies
    has_time = time_limit(dependencies.monotonic)
    customer = customers.requested(request)
    runs = _runs_of(request, customer)
    found = _requested_page(request, customer, runs, has_time)
    sent = messages.responses(dependencies.messages, [each.message for each in found.items if each.message is not None])
    return ExportResponse(
        customer=CustomerResponse.of(customer, runs),
        history=tuple(to_response(each) for each in found.items),
        messages=sent,
        consents=_exported_consents(request, customer),
        next=found.next,
    )


def _exported_consents(request: ApiRequest[TimelineQuery, None], customer: Customer) -> tuple[ConsentRecordResponse, ...]:
    """All changes of consent, with the first page of the export."""
    if request.query.cursor is not None:
        return ()
    query, found = ConsentQuery(limit=200), list[RecordedConsent]()
    while True:
        changes = consents.history(request.dependencies.consents, customer, query)
        found += changes.items
        if changes.next is None:
            return tuple(map(ConsentRecordResponse.of, found))
        query = ConsentQuery(limit=200, cursor=changes.next)


def _runs_of(request: ApiRequest[TimelineQuery, None], customer: Customer) -> list[Run]:
    return customers.runs_of(request.dependencies.runs, request.dependencies.journeys, customer)


def _requested_page(
    request: ApiRequest[TimelineQuery, None], customer: Customer, runs: Sequence[Run], has_time: HasTime
) -> ListPage[TimelineEntry]:
    dependencies = request.dependencies
    sources = TimelineSources(dependencies.log, dependencies.receipts, dependencies.messages, runs)
    return page(sources, customer, request.query, request.now, has_time)


# Positions of entries are texts, and one comparison of texts gives the order of the whole timeline. After the time comes what kind of
# entry it is: `!` for a timed step, the name of the log's page (letters and digits) for an event and its moves, `~` for a message. These
# sort in this order, so at one instant a message is newer than the event that caused it.


def _position(entry: TimelineEntry) -> str:
    return entry.position


def _events(
    sources: TimelineSources, workspace: str, customer: str, limit: int, before: str | None, now: datetime
) -> tuple[Sequence[TimelineEntry], str | None]:
    """Events with their moves, and the position after them (None: no more).

    The list may have ended within a page of the log, so one page more than entries is read.
    """
    runs = {run.id: run for run in sources.runs}
    pages, position = sources.log.of_customer(workspace, customer, limit=limit + 1, before=before)
    known = sources.receipts.read(workspace, [event.uuid for each in pages for event in each.events], now) if pages else {}
    entries = [
        entry
        for each in pages
        for number, event in enumerate(each.events)
        for entry in _event_entries(each, number, event, known.get(event.uuid), runs)
    ]
    return [entry for entry in entries if before is None or entry.position < before], position


def _event_entries(log_page: Page, number: int, event: Event, receipt: Receipt | None, runs: Mapping[str, Run]) -> Iterable[TimelineEntry]:
    position, at = f"{iso(log_page.received_at)}#{log_page.name}#{number:04}", log_page.received_at
    yield TimelineEntry(f"{position}#", at, "event", event, receipt)
    for order, outcome in enumerate(receipt.journeys if receipt else ()):
        run = runs.get(outcome.run or "")
        visits = crossed_steps(run, at, outcome.outcome) if run else ()
        yield TimelineEntry(f"{position}#{order:04}", at, "move", event, receipt, outcome, visits=visits)


def _messages(
    message_store: ManagedMessages, workspace: str, customer: str, limit: int, before: str | None
) -> tuple[Sequence[TimelineEntry], str | None]:
    """Messages, and the position after them (None: no more).

    Their table knows positions without the `~`; before the position of an event it has none of the same instant.
    """
    time, _, rest = (before or "").partition("#")
    position = before and f"{time}#{rest.removeprefix('~') if rest.startswith('~') else ''}"
    found, last = message_store.page(workspace, limit=limit, before=position, customer=customer)
    entries = [
        TimelineEntry(f"{iso(message.created_at)}#~{message.id}", message.created_at, "message", message=message) for message in found
    ]
    return entries, last and last.replace("#", "#~", 1)


def _timed_entry(timed_step: TimedStep) -> TimelineEntry:
    at = timed_step.visit.at
    return TimelineEntry(f"{iso(at)}#!{timed_step.run.id}#{timed_step.number:04}", at, "move", timed_step=timed_step)


def to_response(entry: TimelineEntry) -> TimelineEntryResponse:
    """An entry as the API shows it."""
    if entry.message is not None:
        return _message_response(entry.at, entry.message)
    if entry.timed_step is not None:
        return _timed_step_response(entry.at, entry.timed_step)
    name, uuid = (entry.event.name, entry.event.uuid) if entry.event else (None, None)
    if entry.outcome is not None:
        return _event_move_response(entry.at, name, uuid, entry.outcome, entry.visits or ())
    reason, payload = entry.receipt.reason if entry.receipt else None, entry.event.payload if entry.event else None
    return TimelineEntryResponse(at=entry.at, kind="event", event=name, uuid=uuid, reason=reason, payload=payload)


def _event_move_response(
    at: datetime, event: str | None, uuid: str | None, outcome: JourneyOutcome, visits: Sequence[StepVisit]
) -> TimelineEntryResponse:
    steps = tuple(CrossedStepResponse.model_validate(visit, from_attributes=True) for visit in visits)
    return TimelineEntryResponse(
        at=at,
        kind="move",
        event=event,
        uuid=uuid,
        journey=outcome.journey,
        outcome=outcome.outcome,
        reason=outcome.reason,
        run=outcome.run,
        steps=steps,
    )


def _timed_step_response(at: datetime, timed_step: TimedStep) -> TimelineEntryResponse:
    run, visit = timed_step.run, timed_step.visit
    place = {"step": visit.step, "branch": visit.branch, "journey": run.journey, "run": run.id}
    return TimelineEntryResponse(at=at, kind="move", reason=visit.reason, **place)


def _message_response(at: datetime, message: Message) -> TimelineEntryResponse:
    return TimelineEntryResponse(
        at=at,
        kind="message",
        reason=message.shown_reason,
        detail=message.shown_detail,
        due=message.pending_until,
        journey=message.journey,
        run=message.run,
        message=message.id,
        channel=message.channel,
        status=message.status,
    )
