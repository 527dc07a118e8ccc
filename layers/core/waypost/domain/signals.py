"""Signals: what the signals queue carries. The matcher processes the signals of one customer one after another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, NamedTuple

from waypost.domain.customers.identifiers import Identifier
from waypost.domain.intake.events import Event
from waypost.domain.journeys.known_statuses import KnownStatus
from waypost.domain.messages.message import MessageStatus
from waypost.domain.runs.timers import Timer
from waypost.domain.values.generated_ids import digest
from waypost.domain.values.wire_time import iso

ResumePhase = Literal["runs", "messages"]


@dataclass(frozen=True, slots=True)
class EventsArrived:
    """The events of one customer in one batch.

    `customer` is the id that the intake knew and `primary` the customer's primary key if the id is linked to one. `known` says whether
    anything was stored of the customer. Events carry only the facts that the intake has not stored itself.
    """

    workspace: str
    customer: str
    primary: Identifier | None
    known: bool
    received_at: datetime
    historical: bool
    events: tuple[Event, ...]

    @property
    def name(self) -> str:
        """The deduplication id. The same events have the same name, however often they are sent; log pages are stored under it."""
        return digest("arrived", self.workspace, *(part for event in self.events for part in (event.uuid, event.name)))


@dataclass(frozen=True, slots=True)
class MessageSettled:
    """The outcome of a message that a run waits for. `step` and `visit` say in which visit of which step the run waits."""

    workspace: str
    customer: str
    lookup_id: Identifier
    run: str
    step: str
    visit: int
    message: str
    status: MessageStatus

    @property
    def name(self) -> str:
        """The deduplication id: one for each outcome of a message."""
        return digest("settled", self.workspace, self.message, self.status.value)


@dataclass(frozen=True, slots=True)
class MessageReported:
    """What became of a message that a wait or a condition of its journey names, and when Waypost learned of it.

    `step` and `visit` say which visit of which step created the message. `link` is the URL that was clicked, if that is known.
    """

    workspace: str
    customer: str
    lookup_id: Identifier
    run: str
    step: str
    visit: int
    message: str
    status: KnownStatus
    link: str | None
    at: datetime

    @property
    def name(self) -> str:
        """The deduplication id: one for each status of a message and each link in it."""
        return digest("reported", self.workspace, self.message, self.status, self.link or "")


@dataclass(frozen=True, slots=True)
class TimerDue:
    """A timer that is due, as a rule at or shortly after its time."""

    timer: Timer

    @property
    def workspace(self) -> str:
        """The workspace of the run that waits for the timer."""
        return self.timer.workspace

    @property
    def customer(self) -> str:
        """The customer's id, which names the message group."""
        return self.timer.customer

    @property
    def lookup_id(self) -> Identifier:
        """An identifier by which the customer can be read strongly."""
        return self.timer.lookup_id

    @property
    def name(self) -> str:
        """The deduplication id: the timer's name."""
        return self.timer.name


@dataclass(frozen=True, slots=True)
class JourneyResumed:
    """A journey that was resumed: its held runs, then its held messages, are released page by page, in two passes.

    `WHOLE_WORKSPACE` in the place of a journey releases the messages that their workspace has held; it holds no runs.
    `revision` is the revision of the active journeys, or of the settings, that resumed it. `after` is the position in the list of held runs
    or messages, None at its beginning.
    """

    workspace: str
    journey: str
    revision: int
    pass_number: int = 0
    phase: ResumePhase = "runs"
    after: str | None = None

    @property
    def customer(self) -> str:
        """The message group: one for each journey, apart from all customers."""
        return "j_" + digest("journey", self.workspace, self.journey)

    @property
    def name(self) -> str:
        """The deduplication id: one for each page of each pass."""
        return digest("resumed", self.customer, str(self.revision), str(self.pass_number), self.phase, self.after or "")


@dataclass(frozen=True, slots=True)
class CustomerReleased:
    """A journey that holds runs of this customer was resumed, by the `revision` of the active journeys."""

    workspace: str
    customer: str
    lookup_id: Identifier
    journey: str
    revision: int
    pass_number: int = 0

    @property
    def name(self) -> str:
        """The deduplication id: one for each customer and pass."""
        return digest("released", self.workspace, self.customer, self.journey, str(self.revision), str(self.pass_number))


@dataclass(frozen=True, slots=True)
class ErasureContinued:
    """The erasure of the customer `erased` has to go on. `part` counts the signals of one erasure."""

    workspace: str
    erased: str
    part: int = 0

    @property
    def customer(self) -> str:
        """The message group: one for each erasure, apart from all customers."""
        # An event that is later than the erasure waits in the customer's group until the rows are gone. Behind it, this signal, which
        # removes them, would never come.
        return "x_" + digest("erasing", self.workspace, self.erased)

    @property
    def name(self) -> str:
        """The deduplication id: one for each part."""
        return digest("erasure", self.workspace, self.erased, str(self.part))


@dataclass(frozen=True, slots=True)
class LinkUsed:
    """A person has used the link in a message (docs/messages.md#links): what it subscribes to, and what it unsubscribes from.

    `customer_in_link` is empty if the link is about its address only. The topics are ids, or `*` for all of them. `confirmed`: the
    subscriptions are confirmed. `at` is the time of the request, and `address_hash` the keyed hash of the address on `channel`.
    """

    workspace: str
    customer_in_link: str
    channel: str
    address_hash: str
    subscribed: tuple[str, ...]
    unsubscribed: tuple[str, ...]
    confirmed: bool
    at: datetime

    @property
    def customer(self) -> str:
        """The message group: the customer, or one for each address."""
        return self.customer_in_link or "u_" + digest("address", self.workspace, self.channel, self.address_hash)

    @property
    def name(self) -> str:
        """The deduplication id: one for each change and time."""
        changes = (str(len(self.subscribed)), *self.subscribed, *self.unsubscribed, str(self.confirmed), iso(self.at))
        return digest("link", self.workspace, self.customer, self.channel, self.address_hash, *changes)


Signal = EventsArrived | MessageSettled | MessageReported | TimerDue | JourneyResumed | CustomerReleased | ErasureContinued | LinkUsed


class QueueMessage(NamedTuple):
    """A message for the signals queue: its message group (a customer), its deduplication id, and its body."""

    group: str
    name: str
    body: str


def split(signal: Signal) -> list[Signal]:
    """The same work with each event in a signal of its own, so that one event can fail without the others."""
    return [replace(signal, events=(event,)) for event in signal.events] if isinstance(signal, EventsArrived) else [signal]


class UndeliveredTimer(NamedTuple):
    """A record of the dead-letter queue of EventBridge Scheduler: its body is that of a signal."""

    id: str
    body: str
    receipt_handle: str
