"""Messages as they were sent, to whom, with every attempt (contract 4, 5)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from waypost.domain.errors import RefusedError
from waypost.domain.messages.message import Message, PreparedMessage
from waypost.domain.values.wire_time import iso
from waypost.manage.pagination import Part, Source, by_day, part
from waypost.manage.requests import MessageQuery
from waypost.ports import ManagedMessages


def listed(messages: ManagedMessages, workspace: str, query: MessageQuery, first: date, now: datetime) -> Part[Message]:
    """A part of the messages that a query names, back to the workspace's first day."""

    def keep(message: Message) -> bool:
        return query.status in (None, message.status) and query.journey in (None, message.journey)

    return part(_source(messages, workspace, query, first, now), _position, workspace, query, keep)


def with_rendered(messages: ManagedMessages, found: Sequence[Message]) -> list[tuple[Message, PreparedMessage | None]]:
    """Messages of one workspace, each with what was rendered for it, if that is still kept."""
    kept = messages.all_rendered(found[0].workspace, [message.id for message in found]) if found else {}
    return [(message, kept.get(message.id)) for message in found]


def _source(messages: ManagedMessages, workspace: str, query: MessageQuery, first: date, now: datetime) -> Source[Message]:
    """By customer or by journey where one is named, for those have an index of their own; else day by day."""
    if query.customer is None and query.journey is None:
        return by_day(
            lambda day, limit, before: messages.page(workspace, limit=limit, before=before, day=day)[0],
            _position,
            first,
            now.date(),
        )
    journey = query.journey if query.customer is None else None
    return lambda limit, before: messages.page(workspace, limit=limit, before=before, customer=query.customer, journey=journey)


def _position(message: Message) -> str:
    return f"{iso(message.created_at)}#{message.id}"


def read(messages: ManagedMessages, workspace: str, message: str) -> tuple[Message, PreparedMessage | None]:
    """A message and what was rendered for it, if that is still kept. RefusedError 404."""
    found = messages.get(workspace, message)
    if found is None:
        raise RefusedError(404, "not-found", "There is no message with this id.")
    return found, messages.rendered(workspace, message)
