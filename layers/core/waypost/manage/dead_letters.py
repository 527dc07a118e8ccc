"""Dead letters: listed, counted, deleted, and put back on their queues (docs/operate.md#redrive)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from waypost.domain import signal_codec
from waypost.domain.dead_letters import Parked, ParkedKind
from waypost.domain.errors import RefusedError, UnavailableError
from waypost.domain.messages.delivery import redriven
from waypost.domain.signals import QueueMessage
from waypost.domain.values import exact_json
from waypost.domain.values.cursors import cursor_of, position_in
from waypost.domain.values.generated_ids import digest
from waypost.domain.values.wire_time import iso
from waypost.manage.api import ApiRequest
from waypost.manage.pagination import ListPage, read_page
from waypost.manage.requests import DeadLetterQuery, NoQuery, RedriveBody
from waypost.manage.responses.lists import ListResponse
from waypost.manage.responses.workspaces import (
    DeadLetterCountResponse,
    DeadLetterGroupResponse,
    DeadLetterGroupsResponse,
    DeadLetterResponse,
    RedriveResponse,
)
from waypost.manage.time_limit import HasTime, time_limit, unlimited
from waypost.ports import ManagedDeadLetters, RedrivePorts

PAGE_SIZE: Final = 100
MAX_REDRIVEN: Final = 1_000
"""How many records one request redrives at most."""
MAX_COUNTED: Final = 100
"""How many records are counted at most. A count reads whole rows, and the page polls it: more would cost more than they tell."""
MAX_GROUPED: Final = 500
"""How many records are grouped at most. One query reads them, which also ends at 1 MB."""
REDRIVE_FILTER: Final = {"list": "RedriveBody"}
"""What the cursor of a redrive is bound to. A client may hold one across an upgrade, so this must never change."""


def page(dead_letters: ManagedDeadLetters, workspace: str, query: DeadLetterQuery, has_time: HasTime = unlimited) -> ListPage[Parked]:
    """A page of the dead letters that a query selects."""
    return read_page(
        lambda limit, before: dead_letters.page(workspace, limit=limit, before=before),
        lambda parked: parked.position,
        workspace,
        query,
        lambda parked: _is_selected(parked, query),
        has_time,
    )


def content(parked: Parked) -> Any:
    """The body of the queue record: parsed if it is JSON, also if that is compressed, else as text."""
    try:
        return exact_json.loads(signal_codec.unpacked(parked.body) if parked.kind == "signal" else parked.body)
    except Exception:  # noqa: BLE001 - a record that no version can read is shown as it is
        return parked.body


def redrive(dependencies: RedrivePorts, workspace: str, position: str, now: datetime) -> None:
    """Puts the record at a position back on its queue. RefusedError 404 if no record has this position.

    A record is deleted only after the queue has it. A crash in between sends it twice, which receipts and the claims of messages make
    harmless.
    """
    parked = dependencies.dead_letters.get(workspace, position)
    if parked is None:
        raise _no_dead_letter()
    _redrive(dependencies, parked, now)


def redrive_all(
    dependencies: RedrivePorts,
    workspace: str,
    cursor: str | None,
    now: datetime,
    has_time: HasTime,
    is_selected: Callable[[Parked], bool] = lambda _: True,
) -> tuple[int, str | None]:
    """Puts the selected records after a cursor back on their queues, the oldest first. Returns their number, and a cursor if more are left.

    One request redrives at most 1,000 records, and looks at one at least, whatever its time. The oldest come first across requests too: the
    signals of a customer would otherwise be processed in another order.
    """
    position = position_in(cursor, workspace, REDRIVE_FILTER) if cursor is not None else None
    count, is_begun, has_more = 0, False, True
    while has_more:
        records, last = dependencies.dead_letters.oldest(workspace, limit=PAGE_SIZE, after=position)
        for each in records:
            if count == MAX_REDRIVEN or (is_begun and not has_time()):
                return count, cursor_of(position or "", workspace, REDRIVE_FILTER)
            if is_selected(each):
                _redrive(dependencies, each, now)
                count += 1
            is_begun, position = True, each.position
        position, has_more = last, last is not None
    return count, None


def list_dead_letters(request: ApiRequest[DeadLetterQuery, None]) -> ListResponse[DeadLetterResponse]:
    """`GET /api/dead-letters`."""
    dependencies = request.dependencies
    found = page(dependencies.dead_letters, request.workspace, request.query, time_limit(dependencies.monotonic))
    return ListResponse.of(found, lambda parked: DeadLetterResponse.of(parked, content(parked)))


def count_dead_letters(request: ApiRequest[NoQuery, None]) -> DeadLetterCountResponse:
    """`GET /api/dead-letters/count`."""
    number, is_lower_bound = request.dependencies.dead_letters.count(request.workspace, limit=MAX_COUNTED + 1)
    return DeadLetterCountResponse(count=min(number, MAX_COUNTED), is_lower_bound=is_lower_bound or number > MAX_COUNTED)


def group_dead_letters(request: ApiRequest[NoQuery, None]) -> DeadLetterGroupsResponse:
    """`GET /api/dead-letters/groups`."""
    records, last = request.dependencies.dead_letters.page(request.workspace, limit=MAX_GROUPED)
    groups: dict[tuple[ParkedKind, str], list[Parked]] = {}
    for each in records:
        groups.setdefault((each.kind, each.reason), []).append(each)
    found = [
        DeadLetterGroupResponse(kind=kind, reason=reason, count=len(members), newest=members[0].parked_at)
        for (kind, reason), members in sorted(groups.items(), key=lambda group: -len(group[1]))
    ]
    return DeadLetterGroupsResponse(items=tuple(found), is_lower_bound=last is not None)


def delete_dead_letter(request: ApiRequest[NoQuery, None]) -> None:
    """`DELETE /api/dead-letters/{id}`. RefusedError 404 if there is no such record, also when it was redriven at the same time."""
    if not request.dependencies.dead_letters.discard(request.workspace, request.variables["id"]):
        raise _no_dead_letter()


def redrive_dead_letters(request: ApiRequest[NoQuery, RedriveBody]) -> RedriveResponse:
    """`POST /api/dead-letters/redrive`."""
    dependencies, workspace, body = request.dependencies, request.workspace, request.body
    if body.id is not None:
        redrive(dependencies, workspace, body.id, request.now)
        return RedriveResponse(redriven=1)
    has_time = time_limit(dependencies.monotonic)
    redriven, more = redrive_all(dependencies, workspace, body.cursor, request.now, has_time, lambda parked: _is_selected(parked, body))
    return RedriveResponse(redriven=redriven, next=more)


def _is_selected(parked: Parked, selected: DeadLetterQuery | RedriveBody) -> bool:
    """Whether a record is of the selected kind and reason."""
    return selected.kind in (None, parked.kind) and selected.reason in (None, parked.reason)


def _no_dead_letter() -> RefusedError:
    return RefusedError(404, "not-found", "There is no dead letter with this id.")


def _redrive(dependencies: RedrivePorts, parked: Parked, now: datetime) -> None:
    _send(dependencies, parked, now)
    dependencies.dead_letters.remove(parked)


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
