"""Dead letters: listed, and put back on their queues (docs/operate.md#redrive)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from waypost.domain import signal_codec
from waypost.domain.dead_letters import Parked
from waypost.domain.errors import RefusedError, UnavailableError
from waypost.domain.messages.delivery import redriven
from waypost.domain.signals import QueueMessage
from waypost.domain.values import exact_json
from waypost.domain.values.generated_ids import digest
from waypost.domain.values.wire_time import iso
from waypost.manage.api import ApiRequest
from waypost.manage.pagination import ListPage, read_page
from waypost.manage.requests import DeadLetterQuery, NoQuery, RedriveBody
from waypost.manage.responses.lists import ListResponse
from waypost.manage.responses.workspaces import DeadLetterResponse, RedriveResponse
from waypost.ports import ManagedDeadLetters, ManagedMessages, SendQueue, Signals

PAGE_SIZE: Final = 100
MAX_REDRIVEN: Final = 1_000
"""How many records one request redrives, so that it ends before the gateway's timeout."""


class RedrivePorts(Protocol):
    """What a redrive reads and writes: the management API has it for a workspace, and the operator's command line for a stack."""

    @property
    def dead_letters(self) -> ManagedDeadLetters: ...  # noqa: D102 - the type says it

    @property
    def messages(self) -> ManagedMessages: ...  # noqa: D102 - as above

    @property
    def signals(self) -> Signals: ...  # noqa: D102 - as above

    @property
    def send_queue(self) -> SendQueue: ...  # noqa: D102 - as above


def page(dead_letters: ManagedDeadLetters, workspace: str, query: DeadLetterQuery) -> ListPage[Parked]:
    """A page of the dead letters."""
    return read_page(
        lambda limit, before: dead_letters.page(workspace, limit=limit, before=before), lambda parked: parked.position, workspace, query
    )


def content(parked: Parked) -> Any:
    """The body of the queue record: parsed if it is JSON, also if that is compressed, else as text."""
    try:
        return exact_json.loads(signal_codec.unpacked(parked.body) if parked.kind == "signal" else parked.body)
    except Exception:  # noqa: BLE001 - a record that no version can read is shown as it is
        return parked.body


def redrive(dependencies: RedrivePorts, workspace: str, position: str | None, now: datetime) -> int:
    """Puts the record at a position, or all records if it is None, back on their queues, the oldest first. Returns their number.

    One request redrives at most 1,000 records. A record is deleted only after the queue has it. A crash in between sends it twice, which
    receipts and the claims of messages make harmless. RefusedError 404 if no record has this position.
    """
    dead_letters = dependencies.dead_letters
    records = _oldest_first(dead_letters, workspace) if position is None else [_at(dead_letters, workspace, position)]
    for each in records:
        _send(dependencies, each, now)
        dead_letters.remove(each)
    return len(records)


def list_dead_letters(request: ApiRequest[DeadLetterQuery, None]) -> ListResponse[DeadLetterResponse]:
    """`GET /api/dead-letters`."""
    found = page(request.dependencies.dead_letters, request.workspace, request.query)
    return ListResponse.of(found, lambda parked: DeadLetterResponse.of(parked, content(parked)))


def redrive_dead_letters(request: ApiRequest[NoQuery, RedriveBody]) -> RedriveResponse:
    """`POST /api/dead-letters/redrive`."""
    return RedriveResponse(redriven=redrive(request.dependencies, request.workspace, request.body.id, request.now))


def _at(dead_letters: ManagedDeadLetters, workspace: str, position: str) -> Parked:
    found = dead_letters.get(workspace, position)
    if found is None:
        raise RefusedError(404, "not-found", "There is no dead letter with this id.")
    return found


def _oldest_first(dead_letters: ManagedDeadLetters, workspace: str) -> list[Parked]:
    found, before = dead_letters.page(workspace, limit=PAGE_SIZE)
    while before is not None and len(found) < MAX_REDRIVEN:
        older, before = dead_letters.page(workspace, limit=PAGE_SIZE, before=before)
        found += older
    return found[::-1]


def _send(dependencies: RedrivePorts, parked: Parked, now: datetime) -> None:
    if parked.kind == "message":
        _send_message(dependencies, parked, now)
    elif dependencies.signals.send([_queue_message(parked, now)]):
        raise UnavailableError("the signals queue did not take the record")


def _send_message(dependencies: RedrivePorts, parked: Parked, now: datetime) -> None:
    """Gives a failed message all of its retries again. A message that was erased in the meantime is not sent."""
    message = dependencies.messages.get(parked.workspace, parked.subject)
    if message is None:
        return
    retried = redriven(message, now)
    if retried is not message and not dependencies.messages.save(retried, message):
        raise UnavailableError("the message was changed at the same time")
    dependencies.send_queue.put(parked.workspace, [(message.id, timedelta(0))])


def _queue_message(parked: Parked, now: datetime) -> QueueMessage:
    """The record with its body unchanged and a new deduplication id.

    With its old id, the FIFO queue would drop it as a duplicate if it was first sent less than five minutes ago. A record that names no
    customer gets a message group of its own, where it blocks nothing.
    """
    signal = content(parked)
    customer = signal.get("customer") if isinstance(signal, dict) else None
    group = customer if isinstance(customer, str) else digest("parked", parked.position)
    return QueueMessage(group, digest("redriven", parked.workspace, parked.position, iso(now)), parked.body)
