"""What the signals queue carries. A signal is one customer's business; the matcher takes a customer's signals one after another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

from waypost.domain.customers.identifiers import Identifier
from waypost.domain.intake.event_codec import event_from_wire, event_to_wire
from waypost.domain.intake.events import Event
from waypost.domain.messages.message import MessageStatus
from waypost.domain.runs import timers
from waypost.domain.runs.timers import Timer
from waypost.domain.values import exact_json
from waypost.domain.values.generated_ids import digest
from waypost.domain.values.wire_time import instant, iso


@dataclass(frozen=True, slots=True)
class EventsArrived:
    """One customer's events of one batch.

    `customer` is the id known at intake, `primary` its primary key if it is linked, `known` whether anything was stored of it. Facts
    that the intake has stored already are taken out.
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
        """The same for the same events, however often they are sent: for deduplication and for the log's rows."""
        return digest("arrived", self.workspace, *(part for event in self.events for part in (event.uuid, event.name)))


@dataclass(frozen=True, slots=True)
class MessageSettled:
    """A message on whose outcome a run stands has come to it. Step and visit say which stay of the run it was."""

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
        """The same for the same outcome, for deduplication."""
        return digest("settled", self.workspace, self.message, self.status.value)


@dataclass(frozen=True, slots=True)
class TimerDue:
    """A timer's time has come."""

    timer: Timer

    @property
    def workspace(self) -> str:
        """Whose run waits for it."""
        return self.timer.workspace

    @property
    def customer(self) -> str:
        """The customer, by whose id the queue's group is named."""
        return self.timer.customer

    @property
    def lookup_id(self) -> Identifier:
        """A name of the customer."""
        return self.timer.lookup_id

    @property
    def name(self) -> str:
        """The timer's, for deduplication."""
        return self.timer.name


@dataclass(frozen=True, slots=True)
class JourneyResumed:
    """A journey goes on: what it held is to be woken, part by part, in two sweeps.

    `rev` is the pointer's by which it was resumed; `after` is the place in the list of what is held, None at its beginning.
    """

    workspace: str
    journey: str
    revision: int
    pass_number: int = 0
    phase: Literal["runs", "messages"] = "runs"
    after: str | None = None

    @property
    def customer(self) -> str:
        """The queue's group: no customer's, one for each journey."""
        return "j_" + digest("journey", self.workspace, self.journey)

    @property
    def name(self) -> str:
        """One for each part of each sweep, for deduplication."""
        return digest("resumed", self.customer, str(self.revision), str(self.pass_number), self.phase, self.after or "")


@dataclass(frozen=True, slots=True)
class CustomerReleased:
    """A journey that has held runs of this customer goes on, as the pointer's revision `rev` says."""

    workspace: str
    customer: str
    lookup_id: Identifier
    journey: str
    revision: int
    pass_number: int = 0

    @property
    def name(self) -> str:
        """The same for the same sweep, for deduplication."""
        return digest("released", self.workspace, self.customer, self.journey, str(self.revision), str(self.pass_number))


Signal = EventsArrived | MessageSettled | TimerDue | JourneyResumed | CustomerReleased


def to_queue_message(signal: Signal) -> QueueMessage:
    """A signal ready for the queue, in its customer's group."""
    return QueueMessage(signal.customer, signal.name, exact_json.dumps(to_wire(signal)))


class QueueMessage(NamedTuple):
    """One message for the signals queue: its group (a customer), its name for deduplication, and its body."""

    group: str
    name: str
    body: str


def apart(signal: Signal) -> list[Signal]:
    """The same, each event in a signal of its own."""
    return [replace(signal, events=(event,)) for event in signal.events] if isinstance(signal, EventsArrived) else [signal]


def to_wire(signal: Signal) -> dict[str, Any]:
    """A signal as JSON."""
    match signal:
        case EventsArrived():
            return _arrived_to_wire(signal)
        case MessageSettled():
            return _settled_to_wire(signal)
        case TimerDue():
            return {"kind": "timer", **timers.to_wire(signal.timer)}
        case JourneyResumed():
            return _resumed_to_wire(signal)
        case CustomerReleased():
            return _released_to_wire(signal)


def from_wire(wire: Mapping[str, Any]) -> Signal:
    """The signal in a JSON object; KeyError or ValueError for any other object."""
    return _READERS[wire["kind"]](wire)


def _settled_to_wire(signal: MessageSettled) -> dict[str, Any]:
    return {
        "kind": "settled",
        "workspace": signal.workspace,
        "customer": signal.customer,
        "known_as": list(signal.lookup_id),
        "run": signal.run,
        "step": signal.step,
        "visit": signal.visit,
        "message": signal.message,
        "status": signal.status.value,
    }


def _settled(wire: Mapping[str, Any]) -> Signal:
    return MessageSettled(
        workspace=wire["workspace"],
        customer=wire["customer"],
        lookup_id=Identifier(*wire["known_as"]),
        run=wire["run"],
        step=wire["step"],
        visit=wire["visit"],
        message=wire["message"],
        status=MessageStatus(wire["status"]),
    )


def _timer(wire: Mapping[str, Any]) -> Signal:
    return TimerDue(timers.from_wire(wire))


def _resumed_to_wire(signal: JourneyResumed) -> dict[str, Any]:
    return {
        "kind": "resumed",
        "workspace": signal.workspace,
        "journey": signal.journey,
        "rev": signal.revision,
        "sweep": signal.pass_number,
        "stage": signal.phase,
        "after": signal.after,
    }


def _resumed(wire: Mapping[str, Any]) -> Signal:
    return JourneyResumed(
        workspace=wire["workspace"],
        journey=wire["journey"],
        revision=wire["rev"],
        pass_number=wire["sweep"],
        phase=wire["stage"],
        after=wire["after"],
    )


def _released_to_wire(signal: CustomerReleased) -> dict[str, Any]:
    return {
        "kind": "released",
        "workspace": signal.workspace,
        "customer": signal.customer,
        "known_as": list(signal.lookup_id),
        "journey": signal.journey,
        "rev": signal.revision,
        "sweep": signal.pass_number,
    }


def _released(wire: Mapping[str, Any]) -> Signal:
    return CustomerReleased(
        workspace=wire["workspace"],
        customer=wire["customer"],
        lookup_id=Identifier(*wire["known_as"]),
        journey=wire["journey"],
        revision=wire["rev"],
        pass_number=wire["sweep"],
    )


def _arrived_to_wire(signal: EventsArrived) -> dict[str, Any]:
    return {
        "kind": "events",
        "workspace": signal.workspace,
        "customer": signal.customer,
        "primary": signal.primary and signal.primary.value,
        "known": signal.known,
        "receivedAt": iso(signal.received_at),
        "historical": signal.historical,
        "events": [event_to_wire(event) for event in signal.events],
    }


def _arrived(wire: Mapping[str, Any]) -> Signal:
    return EventsArrived(
        workspace=wire["workspace"],
        customer=wire["customer"],
        primary=Identifier("primary", wire["primary"]) if wire["primary"] is not None else None,
        known=wire["known"],
        received_at=instant(wire["receivedAt"]),
        historical=wire["historical"],
        events=tuple(event_from_wire(each) for each in wire["events"]),
    )


_READERS: Final[Mapping[str, Callable[[Mapping[str, Any]], Signal]]] = {
    "events": _arrived,
    "settled": _settled,
    "timer": _timer,
    "resumed": _resumed,
    "released": _released,
}
