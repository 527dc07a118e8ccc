"""What was given up on, listed and sent on its way again (contract 5)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from waypost.domain.dead_letters import Parked
from waypost.domain.errors import RefusedError, UnavailableError
from waypost.domain.messages.delivery import redriven
from waypost.domain.signals import QueueMessage
from waypost.domain.values import exact_json
from waypost.domain.values.generated_ids import digest
from waypost.domain.values.wire_time import iso
from waypost.manage.pagination import Part, part
from waypost.manage.requests import DeadLetterQuery
from waypost.ports import ManagedDeadLetters, Messages, SendQueue, Signals

AT_ONCE: Final = 100
MOST_AT_ONCE: Final = 1_000
"""What one request sends on its way at most, so that it ends in time."""


def listed(dead: ManagedDeadLetters, workspace: str, query: DeadLetterQuery) -> Part[Parked]:
    """A part of the parked records."""
    return part(lambda limit, before: dead.page(workspace, limit=limit, before=before), lambda parked: parked.position, workspace, query)


def content(parked: Parked) -> Any:
    """What lay on the queue: JSON where it is JSON, else the text."""
    try:
        return exact_json.loads(parked.body)
    except ValueError:
        return parked.body


@dataclass(frozen=True, slots=True)
class Queues:
    """Where parked records go back to, and the messages that some of them are about."""

    dead: ManagedDeadLetters
    signals: Signals
    messages: Messages
    send_queue: SendQueue


def redrive(queues: Queues, workspace: str, position: str | None, now: datetime) -> int:
    """Sends one parked record, or all (at most 1,000 a request), on their way again, the oldest first; answers how many.

    A crash between queue and table sends one twice, which receipts and claims make harmless. RefusedError 404 for an unknown one.
    """
    parked = _all(queues.dead, workspace) if position is None else [_one(queues.dead, workspace, position)]
    for each in parked:
        _send(queues, each, now)
        queues.dead.remove(each)
    return len(parked)


def _one(dead: ManagedDeadLetters, workspace: str, position: str) -> Parked:
    found = dead.get(workspace, position)
    if found is None:
        raise RefusedError(404, "not-found", "There is no parked record with this id.")
    return found


def _all(dead: ManagedDeadLetters, workspace: str) -> list[Parked]:
    found, before = dead.page(workspace, limit=AT_ONCE)
    while before is not None and len(found) < MOST_AT_ONCE:
        older, before = dead.page(workspace, limit=AT_ONCE, before=before)
        found += older
    return found[::-1]


def _send(queues: Queues, parked: Parked, now: datetime) -> None:
    if parked.kind == "message":
        _send_message(queues, parked, now)
    elif queues.signals.send([_queue_message(parked, now)]):
        raise UnavailableError("the signals queue did not take the record")


def _send_message(queues: Queues, parked: Parked, now: datetime) -> None:
    """A failed message gets all its retries again. One that was erased meanwhile is only forgotten here."""
    message = queues.messages.get(parked.workspace, parked.subject)
    if message is None:
        return
    again = redriven(message, now)
    if again is not message and not queues.messages.save(again, message):
        raise UnavailableError("the message was changed at the same time")
    queues.send_queue.put(parked.workspace, [(message.id, timedelta(0))])


def _queue_message(parked: Parked, now: datetime) -> QueueMessage:
    """The record as it was, under a name of its own, or the queue would swallow it as a repeat."""
    said = content(parked)
    group = said["customer"] if isinstance(said, dict) and isinstance(said.get("customer"), str) else digest("parked", parked.position)
    return QueueMessage(group, digest("redriven", parked.workspace, parked.position, iso(now)), parked.body)
