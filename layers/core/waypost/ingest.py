"""The use case of the intake: a parsed batch becomes durable, one message for each customer, and an answer for each event."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, wait
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from waypost import identify
from waypost.cache.linked_ids import Known, Linked
from waypost.domain.customers.customer import claim_key
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.errors import UnavailableError
from waypost.domain.intake.batch_parser import Arrival, Batch
from waypost.domain.intake.events import Accepted, Event, Rejected, RejectedEvent, named_by
from waypost.domain.intake.grouping import Placed, bundles, by_person
from waypost.domain.reasons import Reason
from waypost.domain.signals import EventsArrived, Parcel, parcel
from waypost.domain.values import exact_json
from waypost.domain.values.generated_ids import customer_id
from waypost.ports import Customers, RejectedEvents, Signals

PARCEL_EVENTS: Final = 100
PARCEL_BYTES: Final = 170_000
CALL_BYTES: Final = 1_000_000
CALL_PARCELS: Final = 10
KEPT_A_MINUTE: Final = 100
NAMING_SECONDS: Final = 2.0
"""Until then a naming is begun, of which each is several calls."""
READ_SECONDS: Final = 4.5
"""Until then the customers table is waited for: a call that hangs must leave time for the queue."""
SEND_SECONDS: Final = 6.5
"""Until then a call of the queue is begun, which takes up to three seconds."""
KEEP_SECONDS: Final = 9.5

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class World:
    """What the intake needs of the world, and what it remembers between requests."""

    customers: Customers
    signals: Signals
    rejected: RejectedEvents
    linked: Linked
    executor: Executor
    pause: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """An entry for each event in request order, and how many refused events could not be kept."""

    entries: tuple[Accepted | Rejected, ...]
    unkept: int


def ingest(batch: Batch, arrival: Arrival, world: World, elapsed: Callable[[], float]) -> Outcome:
    """Makes a batch durable and answers for each event; `elapsed` counts the seconds since the request came.

    UnavailableError where nothing at all could be stored.
    """
    intake = _Intake(arrival, world, elapsed, list(batch.entries), batch.historical)
    intake.apply_namings()
    intake.send()
    unkept = intake.keep_rejected(batch.raw)
    return Outcome(tuple(intake.entries), unkept)


@dataclass(slots=True)
class _Intake:
    """One batch on its way. `down` is set when the customers table fails or is slow: from then on its facts travel on the queue."""

    arrival: Arrival
    world: World
    elapsed: Callable[[], float]
    entries: list[Accepted | Rejected]
    historical: bool
    down: bool = False
    named: dict[Identifier, Known] = field(default_factory=dict)

    def accepted(self) -> Iterator[Placed]:
        """The events that are still accepted, with their places."""
        return ((index, entry.event) for index, entry in enumerate(self.entries) if isinstance(entry, Accepted))

    def apply_namings(self) -> None:
        """Writes what `$identify` events say, those about different people side by side."""
        namings = [(index, event) for index, event in self.accepted() if event.naming is not None]
        applying = [self.world.executor.submit(self._apply_in_order, each) for each in by_person(namings)]
        done, late = wait(applying, max(READ_SECONDS - self.elapsed(), 0))
        self.down = self.down or bool(late)
        for each in done:
            each.result()
        for identifier, known in dict(self.named).items():
            self.world.linked.put(self.arrival.workspace, identifier, known)

    def _in_time(self, second: float, work: Callable[[], T]) -> T:
        """What this work answers, if it does by this second of the request; UnavailableError where it does not, or the world is down."""
        try:
            return self.world.executor.submit(work).result(max(second - self.elapsed(), 0))
        except TimeoutError as error:
            raise UnavailableError("this took too long") from error

    def _apply_in_order(self, namings: Sequence[Placed]) -> None:
        for index, event in namings:
            self.down = self.down or self.elapsed() >= NAMING_SECONDS
            if self.down:
                return
            try:
                known = replace(event, facts={}) if self._drifts(index) else event
                done = identify.apply_naming(self.world.customers, self.arrival.workspace, known)
            except UnavailableError:
                self.down = True
                return
            if not self.down:  # else nobody waits for this any more: the event travels as it came, which changes nothing
                self._settle(index, event, done)

    def _drifts(self, index: int) -> bool:
        entry = self.entries[index]
        return isinstance(entry, Accepted) and entry.drifts

    def _settle(self, index: int, event: Event, done: str | Reason) -> None:
        if done is Reason.ERASED:
            return  # it is accepted as it stands; the matcher drops it, and its receipt says so
        if isinstance(done, Reason):
            self.entries[index] = Rejected(done.value, _SENTENCES[done], self._base(index) + _POINTERS[done])
            return
        entry, naming = self.entries[index], event.naming
        if isinstance(entry, Accepted) and naming is not None:
            left = event.facts if entry.drifts else {}  # the matcher knows whether it came before
            self.entries[index] = replace(entry, event=replace(event, facts=left, naming=None))
            for identifier in named_by(event):
                self.named[identifier] = Known(done, naming.primary, stored=True)

    def send(self) -> None:
        """Puts the accepted events on the queue, one message for each customer, and rejects what the queue refuses."""
        known = self._resolve()
        groups: dict[str, list[Placed]] = {}
        for index, event in self.accepted():
            groups.setdefault(known[event.identifier].customer, []).append((index, event))
        trains = [
            [self._load(chunk, known[chunk[0][1].identifier]) for chunk in bundles(group, _weight, PARCEL_EVENTS, PARCEL_BYTES)]
            for group in groups.values()
        ]
        lost: list[int] = []
        while trains:
            refused = self._send_side_by_side([train[0] for train in trains])
            lost += [index for train in trains if train[0].parcel in refused for load in train for index in load.indexes]
            trains = [train[1:] for train in trains if train[1:] and train[0].parcel not in refused]
        self._reject_unstored(lost)

    def _resolve(self) -> Mapping[Identifier, Known]:
        """Whose each identifier of the batch is: from this batch, from memory, else by one read of the claims on them."""
        workspace = self.arrival.workspace
        known = dict(self.named)
        asked: list[Identifier] = []
        for _, event in self.accepted():
            remembered = known.get(event.identifier) or self.world.linked.get(workspace, event.identifier)
            if remembered is not None:
                known[event.identifier] = remembered
            elif event.identifier not in asked:
                asked.append(event.identifier)
        return known | self._read(asked)

    def _read(self, asked: Sequence[Identifier]) -> dict[Identifier, Known]:
        workspace = self.arrival.workspace
        known = {each: Known(customer_id(workspace, each.kind, each.value), None, stored=False) for each in asked}
        if self.down or not asked:
            return known
        try:
            rows = self._in_time(READ_SECONDS, lambda: self.world.customers.get([claim_key(workspace, each) for each in asked]))
        except UnavailableError:
            return known
        for row in rows:
            primary = row.key.owner if row.key.correlation is None else row.linked
            known[row.key.owner] = Known(row.customer, primary, stored=True)
            if primary is not None:
                self.world.linked.put(workspace, row.key.owner, known[row.key.owner])
        return known

    def _load(self, chunk: Sequence[Placed], known: Known) -> _Load:
        signal = EventsArrived(
            workspace=self.arrival.workspace,
            customer=known.customer,
            primary=known.primary,
            known=known.stored,
            received_at=self.arrival.received_at,
            historical=self.historical,
            events=tuple(event for _, event in chunk),
        )
        return _Load(parcel(signal), tuple(index for index, _ in chunk))

    def _send_side_by_side(self, loads: Sequence[_Load]) -> set[Parcel]:
        """Sends loads of different groups; the parcels that the queue refused until the time was up."""
        calls = list(bundles((load.parcel for load in loads), lambda each: len(each.body), CALL_PARCELS, CALL_BYTES))
        sent = [self._send_call(calls[0])] if len(calls) == 1 else self.world.executor.map(self._send_call, calls)
        return {parcel for refused in sent for parcel in refused}

    def _send_call(self, parcels: Sequence[Parcel]) -> Sequence[Parcel]:
        left = parcels
        while left and self.elapsed() < SEND_SECONDS:
            with suppress(UnavailableError):
                left = self.world.signals.send(left)
            if left:
                self.world.pause()
        return left

    def _reject_unstored(self, lost: Sequence[int]) -> None:
        if lost and len(lost) == sum(1 for _ in self.accepted()):
            raise UnavailableError("the signals queue takes nothing")
        for index in lost:
            pointer = self._base(index) or "/"
            self.entries[index] = Rejected("not-stored", "The queue did not take this event; send it again.", pointer, retryable=True)

    def _base(self, index: int) -> str:
        return "" if self.arrival.bare else f"/batch/{index}"

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
        workspace, received_at = self.arrival.workspace, self.arrival.received_at
        before = self.world.rejected.count(workspace, received_at, len(refused))
        self.world.rejected.keep(workspace, received_at, self.arrival.request_id, refused[: max(0, KEPT_A_MINUTE - before)])


@dataclass(frozen=True, slots=True)
class _Load:
    """A parcel, and the places of its events in the batch."""

    parcel: Parcel
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


def _weight(placed: Placed) -> int:
    """About how many bytes an event takes in a message."""
    event = placed[1]
    return len(exact_json.dumps(event.payload)) + sum(len(text) for text in event.facts.values()) + 1000
