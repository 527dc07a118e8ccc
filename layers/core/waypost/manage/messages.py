"""Messages: listed and read with their rendered content and every attempt (docs/api.md#messages)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime

from waypost.domain.errors import RefusedError
from waypost.domain.messages.message import Message, PreparedMessage
from waypost.domain.values.wire_time import iso
from waypost.manage import customers
from waypost.manage.api import ApiRequest
from waypost.manage.pagination import ListPage, Source, first_day, merged_source, read_page, source_by_day
from waypost.manage.requests import MessageQuery, NoQuery
from waypost.manage.responses.lists import ListResponse
from waypost.manage.responses.messages import MessageResponse
from waypost.manage.time_limit import HasTime, time_limit, unlimited
from waypost.ports import ManagedMessages


def page(
    messages: ManagedMessages,
    workspace: str,
    query: MessageQuery,
    first: date,
    now: datetime,
    customer_ids: Sequence[str] = (),
    has_time: HasTime = unlimited,
) -> ListPage[Message]:
    """A page of the messages that a query selects, back to the workspace's first day.

    `customer_ids` are all ids of the customer that the query names; without them, only its id in the query counts.
    """

    def keep(message: Message) -> bool:
        is_selected = query.status in (None, message.status) and query.journey in (None, message.journey)
        is_of_step = query.step in (None, message.step) and query.version in (None, message.version)
        return is_selected and is_of_step and (query.since is None or message.created_at >= query.since)

    return read_page(_source(messages, workspace, query, first, now, customer_ids), position_of, workspace, query, keep, has_time)


def responses(messages: ManagedMessages, found: Sequence[Message]) -> tuple[MessageResponse, ...]:
    """Messages of one workspace, each with its rendered content if that is still stored."""
    rendered = messages.all_rendered(found[0].workspace, [message.id for message in found]) if found else {}
    return tuple(MessageResponse.of(message, rendered.get(message.id)) for message in found)


def read(messages: ManagedMessages, workspace: str, message_id: str) -> tuple[Message, PreparedMessage | None]:
    """A message and its rendered content, None if that is not stored. RefusedError 404 if there is no such message."""
    message = messages.get(workspace, message_id)
    if message is None:
        raise RefusedError(404, "not-found", "There is no message with this id.")
    return message, messages.rendered(workspace, message_id)


def list_messages(request: ApiRequest[MessageQuery, None]) -> ListResponse[MessageResponse]:
    """`GET /api/messages`."""
    dependencies, workspace, query = request.dependencies, request.workspace, request.query
    has_time = time_limit(dependencies.monotonic)
    ids: Sequence[str] = ()
    if query.customer is not None:
        ids = customers.all_ids(dependencies.customers, workspace, query.customer, dependencies.workspaces.schema(workspace))
    found = page(dependencies.messages, workspace, query, first_day(dependencies.workspaces, workspace), request.now, ids, has_time)
    # A mail may have 100 KB. A program that asks every few seconds for a list of 50 should not read and send megabytes each time.
    has_content = query.content is not False
    items = responses(dependencies.messages, found.items) if has_content else tuple(MessageResponse.of(each, None) for each in found.items)
    return ListResponse(items=items, next=found.next)


def read_message(request: ApiRequest[NoQuery, None]) -> MessageResponse:
    """`GET /api/messages/{id}`."""
    return MessageResponse.of(*read(request.dependencies.messages, request.workspace, request.variables["id"]))


def _source(
    messages: ManagedMessages, workspace: str, query: MessageQuery, first: date, now: datetime, customer_ids: Sequence[str]
) -> Source[Message]:
    """By customer or by journey if the query names one, because each has an index of its own; else day by day."""
    since = query.since
    if query.customer is None and query.journey is None:
        return source_by_day(
            lambda day, limit, before: messages.page(workspace, limit=limit, before=before, day=day, since=since),
            position_of,
            first if since is None else max(first, since.astimezone(UTC).date()),
            now.date(),
        )
    if query.customer is None:
        return messages_of_journey(messages, workspace, query.journey or "", since)
    return merged_source([_of_customer(messages, workspace, each, since) for each in customer_ids or (query.customer,)], position_of)


def messages_of_journey(messages: ManagedMessages, workspace: str, journey: str, since: datetime | None = None) -> Source[Message]:
    """The messages of a journey, the newest first, of the time `since` or later."""
    return lambda limit, before: messages.page(workspace, limit=limit, before=before, journey=journey, since=since)


def _of_customer(messages: ManagedMessages, workspace: str, customer: str, since: datetime | None) -> Source[Message]:
    return lambda limit, before: messages.page(workspace, limit=limit, before=before, customer=customer, since=since)


def position_of(message: Message) -> str:
    """The position of a message in lists, which sort by creation."""
    return f"{iso(message.created_at)}#{message.id}"
