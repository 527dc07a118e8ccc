"""The use case of the intake: a parsed batch becomes durable, one message for each customer, and an answer for each event."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, wait
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from waypost import identify
from waypost.cache.linked_ids import LinkedIdCache, ResolvedCustomer
from waypost.domain.customers.customer import owner_key
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.errors import UnavailableError
from waypost.domain.intake.batch_parser import Batch, RequestContext
from waypost.domain.intake.events import Accepted, Event, Rejected, RejectedEvent, identifiers_of
from waypost.domain.intake.grouping import IndexedEvent, by_customer, chunked
from waypost.domain.reasons import Reason
from waypost.domain.signal_codec import to_queue_message
from waypost.domain.signals import EventsArrived, QueueMessage
from waypost.domain.values import exact_json
from waypost.domain.values.generated_ids import customer_id
from waypost.ports import Customers, RejectedEvents, Signals

QUEUE_MESSAGE_EVENTS: Final = 100
QUEUE_MESSAGE_BYTES: Final = 170_000
CALL_BYTES: Final = 1_000_000
CALL_MESSAGES: Final = 10
KEPT_A_MINUTE: Final = 100
IDENTIFY_SECONDS: Final = 2.0
"""Until then a naming is begun, of which each is several calls."""
READ_SECONDS: Final = 4.5
"""Until then the customers table is waited for: a call that hangs must leave time for the queue."""
SEND_SECONDS: Final = 6.5
"""Until then a call of the queue is begun, which takes up to three seconds."""
KEEP_SECONDS: Final = 9.5

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class IngestDependencies:
    """What the intake needs of the world, and what it remembers between requests."""

    customers: Customers
    signals: Signals
    rejected: RejectedEvents
    linked: LinkedIdCache
    executor: Executor
    pause: Callable[[], None]


@dataclass(frozen=True, slots=True)
class IngestResult:
    """An entry for each event in request order, and how many refused events could not be kept."""

    entries: tuple[Accepted | Rejected, ...]
    unkept: int


def ingest(batch: Batch, request_context: RequestContext, dependencies: IngestDependencies, elapsed: Callable[[], float]) -> IngestResult:
    """Makes a batch durable and answers for each event; `elapsed` counts the seconds since the request came.

    UnavailableError where nothing at all could be stored.
    """
    intake = BatchProcessor(request_context, dependencies, elapsed, list(batch.entries), batch.historical)
    intake.apply_identifications()
    intake.send()
    unkept = intake.keep_rejected(batch.raw)
    return IngestResult(tuple(intake.entries), unkept)


@dataclass(slots=True)
class BatchProcessor:
    """One batch on its way. `down` is set when the customers table fails or is slow: from then on its facts travel on the queue."""

    request_context: RequestContext
    dependencies: IngestDependencies
    elapsed: Callable[[], float]
    entries: list[Accepted | Rejected]
    historical: bool
    down: bool = False
    named: dict[Identifier, ResolvedCustomer] = field(default_factory=dict)

    def accepted(self) -> Iterator[IndexedEvent]:
        """The events that are still accepted, with their places."""
        return ((index, entry.event) for index, entry in enumerate(self.entries) if isinstance(entry, Accepted))

    def apply_identifications(self) -> None:
        """Writes what `$identify` events say, those about different people side by side."""
        identifications = [(index, event) for index, event in self.accepted() if event.identification is not None]
        applying = [self.dependencies.executor.submit(self._apply_in_order, each) for each in by_customer(identifications)]
        done, late = wait(applying, max(READ_SECONDS - self.elapsed(), 0))
        self.down = self.down or bool(late)
        for each in done:
            each.result()
        for identifier, known in dict(self.named).items():
            self.dependencies.linked.put(self.request_context.workspace, identifier, known)

    def _in_time(self, second: float, work: Callable[[], T]) -> T:
        """What this work answers, if it does by this second of the request; UnavailableError where it does not, or the world is down."""
        try:
            return self.dependencies.executor.submit(work).result(max(second - self.elapsed(), 0))
        except TimeoutError as error:
            raise UnavailableError("this took too long") from error

    def _apply_in_order(self, identifications: Sequence[IndexedEvent]) -> None:
        for index, event in identifications:
            self.down = self.down or self.elapsed() >= IDENTIFY_SECONDS
            if self.down:
                return
            try:
                known = replace(event, facts={}) if self._has_server_time(index) else event
                done = identify.identify_customer(self.dependencies.customers, self.request_context.workspace, known)
            except UnavailableError:
                self.down = True
                return
            if not self.down:  # else nobody waits for this any more: the event travels as it came, which changes nothing
                self._settle(index, event, done)

    def _has_server_time(self, index: int) -> bool:
        entry = self.entries[index]
        return isinstance(entry, Accepted) and entry.has_server_time

    def _settle(self, index: int, event: Event, done: str | Reason) -> None:
        if done is Reason.ERASED:
            return  # it is accepted as it stands; the matcher drops it, and its receipt says so
        if isinstance(done, Reason):
            self.entries[index] = Rejected(done.value, _SENTENCES[done], self._base(index) + _POINTERS[done])
            return
        entry, identification = self.entries[index], event.identification
        if isinstance(entry, Accepted) and identification is not None:
            left = event.facts if entry.has_server_time else {}  # the matcher knows whether it came before
            self.entries[index] = replace(entry, event=replace(event, facts=left, identification=None))
            for identifier in identifiers_of(event):
                self.named[identifier] = ResolvedCustomer(done, identification.primary, stored=True)

    def send(self) -> None:
        """Puts the accepted events on the queue, one message for each customer, and rejects what the queue refuses."""
        known = self._resolve()
        groups: dict[str, list[IndexedEvent]] = {}
        for index, event in self.accepted():
            groups.setdefault(known[event.identifier].customer, []).append((index, event))
        trains = [
            [
                self._load(chunk, known[chunk[0][1].identifier])
                for chunk in chunked(group, _weight, QUEUE_MESSAGE_EVENTS, QUEUE_MESSAGE_BYTES)
            ]
            for group in groups.values()
        ]
        lost: list[int] = []
        while trains:
            refused = self._send_side_by_side([train[0] for train in trains])
            lost += [index for train in trains if train[0].queue_message in refused for load in train for index in load.indexes]
            trains = [train[1:] for train in trains if train[1:] and train[0].queue_message not in refused]
        self._reject_unstored(lost)

    def _resolve(self) -> Mapping[Identifier, ResolvedCustomer]:
        """Whose each identifier of the batch is: from this batch, from memory, else by one read of the claims on them."""
        workspace = self.request_context.workspace
        known = dict(self.named)
        asked: list[Identifier] = []
        for _, event in self.accepted():
            remembered = known.get(event.identifier) or self.dependencies.linked.get(workspace, event.identifier)
            if remembered is not None:
                known[event.identifier] = remembered
            elif event.identifier not in asked:
                asked.append(event.identifier)
        return known | self._read(asked)

    def _read(self, asked: Sequence[Identifier]) -> dict[Identifier, ResolvedCustomer]:
        workspace = self.request_context.workspace
        known = {each: ResolvedCustomer(customer_id(workspace, each.kind, each.value), None, stored=False) for each in asked}
        if self.down or not asked:
            return known
        try:
            rows = self._in_time(READ_SECONDS, lambda: self.dependencies.customers.get([owner_key(workspace, each) for each in asked]))
        except UnavailableError:
            return known
        for row in rows:
            primary = row.key.owner if row.key.correlation is None else row.linked
            known[row.key.owner] = ResolvedCustomer(row.customer, primary, stored=True)
            if primary is not None:
                self.dependencies.linked.put(workspace, row.key.owner, known[row.key.owner])
        return known

    def _load(self, chunk: Sequence[IndexedEvent], known: ResolvedCustomer) -> _Chunk:
        signal = EventsArrived(
            workspace=self.request_context.workspace,
            customer=known.customer,
            primary=known.primary,
            known=known.stored,
            received_at=self.request_context.received_at,
            historical=self.historical,
            events=tuple(event for _, event in chunk),
        )
        return _Chunk(to_queue_message(signal), tuple(index for index, _ in chunk))

    def _send_side_by_side(self, loads: Sequence[_Chunk]) -> set[QueueMessage]:
        """Sends loads of different groups; the parcels that the queue refused until the time was up."""
        calls = list(chunked((load.queue_message for load in loads), lambda each: len(each.body), CALL_MESSAGES, CALL_BYTES))
        sent = [self._send_call(calls[0])] if len(calls) == 1 else self.dependencies.executor.map(self._send_call, calls)
        return {to_queue_message for refused in sent for to_queue_message in refused}

    def _send_call(self, queue_messages: Sequence[QueueMessage]) -> Sequence[QueueMessage]:
        left = queue_messages
        while left and self.elapsed() < SEND_SECONDS:
            with suppress(UnavailableError):
                left = self.dependencies.signals.send(left)
            if left:
                self.dependencies.pause()
        return left

    def _reject_unstored(self, lost: Sequence[int]) -> None:
        if lost and len(lost) == sum(1 for _ in self.accepted()):
            raise UnavailableError("the signals queue takes nothing")
        for index in lost:
            pointer = self._base(index) or "/"
            self.entries[index] = Rejected("not-stored", "The queue did not take this event; send it again.", pointer, retryable=True)

    def _base(self, index: int) -> str:
        return "" if self.request_context.bare else f"/batch/{index}"

    def keep_rejected(self, raw: Sequence[object]) -> int:
        """Keeps the refused events for whoever asks why, at most 100 a minute.

        Answers how many could not be kept, because their table is down or time is up: the sender's answer does not wait for it.
        """
        refused = [RejectedEvent(index, raw[index], entry) for index, entry in enumerate(self.entries) if isinstance(entry, Rejected)]
        if not refused or self.elapsed() >= SEND_SECONDS:
            return len(refused)
        try:
            self._in_time(KEEP_SECONDS, lambda: self._keep(refused))
        except UnavailableError:
            return len(refused)
        return 0

    def _keep(self, refused: Sequence[RejectedEvent]) -> None:
        workspace, received_at = self.request_context.workspace, self.request_context.received_at
        before = self.dependencies.rejected.count(workspace, received_at, len(refused))
        self.dependencies.rejected.keep(workspace, received_at, self.request_context.request_id, refused[: max(0, KEPT_A_MINUTE - before)])


@dataclass(frozen=True, slots=True)
class _Chunk:
    """A parcel, and the places of its events in the batch."""

    queue_message: QueueMessage
    indexes: tuple[int, ...]


_POINTERS: Final = {
    Reason.CORRELATION_CONFLICT: "/correlationValue",
    Reason.TOO_MANY_IDS: "/correlationValue",
    Reason.ATTRIBUTES_FULL: "/payload",
}
_SENTENCES: Final = {
    Reason.CORRELATION_CONFLICT: "This correlation id belongs to another primary key value; nothing was changed.",
    Reason.TOO_MANY_IDS: "A customer has at most 100 correlation ids.",
    Reason.ATTRIBUTES_FULL: "A customer has at most 500 attributes and 128 KiB of them.",
}


def _weight(placed: IndexedEvent) -> int:
    """About how many bytes an event takes in a message."""
    event = placed[1]
    return len(exact_json.dumps(event.payload)) + sum(len(text) for text in event.facts.values()) + 1000
