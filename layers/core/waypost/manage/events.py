"""Events: the list of accepted or rejected ones, and the receipt of one (docs/api.md#events)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from waypost.domain.customers.identifiers import normalize
from waypost.domain.customers.schema import Schema
from waypost.domain.errors import RefusedError
from waypost.domain.intake.receipts import Receipt
from waypost.manage import customers
from waypost.manage.api import ApiRequest
from waypost.manage.event_lists import LoggedEvent, RejectedRecord, logged_page, rejected_page
from waypost.manage.pagination import DAYS_PER_READ, first_day
from waypost.manage.requests import EventQuery, NoQuery
from waypost.manage.responses.events import JourneyOutcomeResponse, ListedEventResponse, ReceiptResponse, RejectionResponse
from waypost.manage.responses.lists import ListResponse
from waypost.manage.time_limit import time_limit
from waypost.ports import ManagedWorkspaces, Receipts


def receipt(receipts: Receipts, workspace: str, uuid: str, now: datetime) -> Receipt:
    """The receipt of an event. RefusedError 404 until the event has been matched."""
    found = receipts.read(workspace, [normalize(uuid)], now)
    if not found:
        raise RefusedError(404, "not-found", "There is no receipt with this uuid: no such event, or it was not matched yet.")
    return found[normalize(uuid)]


def list_events(request: ApiRequest[EventQuery, None]) -> ListResponse[ListedEventResponse]:
    """`GET /api/events`."""
    dependencies, workspace, query = request.dependencies, request.workspace, request.query
    has_time = time_limit(dependencies.monotonic)
    ids: Sequence[str] = ()
    if query.customer is not None:
        ids = customers.all_ids(dependencies.customers, workspace, query.customer, dependencies.workspaces.schema(workspace))
    first = _first_day(dependencies.workspaces, workspace, query, request.now)
    if query.status == "rejected":
        return ListResponse.of(rejected_page(dependencies.rejected, workspace, query, first, request.now, has_time), _rejected_response)
    found = logged_page(dependencies.log, dependencies.receipts, workspace, query, first, request.now, ids, has_time)
    return ListResponse(items=_logged_responses(request, found.items), next=found.next)


def read_receipt(request: ApiRequest[NoQuery, None]) -> ReceiptResponse:
    """`GET /api/events/{uuid}`."""
    found = receipt(request.dependencies.receipts, request.workspace, request.variables["uuid"], request.now)
    return ReceiptResponse.model_validate(found, from_attributes=True)


def _first_day(workspaces: ManagedWorkspaces, workspace: str, query: EventQuery, now: datetime) -> date:
    """The first day to read. A client that polls for new events names a time of which the day of the workspace's creation says no more."""
    if query.since is not None and query.since > now - timedelta(days=DAYS_PER_READ):
        return date.min
    return first_day(workspaces, workspace)


def _logged_responses(request: ApiRequest[EventQuery, None], found: Sequence[LoggedEvent]) -> tuple[ListedEventResponse, ...]:
    if not found:
        return ()
    schema = request.dependencies.workspaces.schema(request.workspace)
    identifiers = {each.event.identifier for each in found}
    primary_keys = customers.primary_keys(request.dependencies.customers, request.workspace, identifiers, schema.primary_key)
    return tuple(_logged_response(each, schema, primary_keys.get(each.event.identifier)) for each in found)


def _logged_response(logged: LoggedEvent, schema: Schema, primary_key: Any) -> ListedEventResponse:
    event, known = logged.event, logged.receipt
    primary_name = schema.primary_key.name if schema.primary_key else None
    return ListedEventResponse(
        uuid=event.uuid,
        event=event.name,
        source=event.source,
        timestamp=event.at,
        received_at=logged.received_at,
        correlation_key="_id" if event.identifier.kind == "correlation" else primary_name,
        correlation_value=event.identifier.value,
        customer=known.customer if known else logged.customer,
        primary_key=primary_key,
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
        correlation_key=record.correlation_key,
        correlation_value=record.correlation_value,
        status="rejected",
        payload=record.payload,
        error=RejectionResponse.model_validate(record.error, from_attributes=True),
        sent=record.sent,
    )
