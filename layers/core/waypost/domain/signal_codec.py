"""Signals as the queues carry them: the JSON of each kind, the body of a queue message, and the record of the delays queue.

Whatever is not readable raises one of two kinds of error. NewerFormatError: a newer version of Waypost wrote it, so it has to stay on its
queue. Any other error: Waypost did not write it, and reading it again does not help.
"""

from __future__ import annotations

import base64
import gzip
from collections.abc import Callable, Mapping
from typing import Any, Final, assert_never, get_args

from waypost.domain.customers.identifiers import Identifier
from waypost.domain.intake.event_codec import event_from_wire, event_to_wire
from waypost.domain.intake.events import Kind
from waypost.domain.journeys.known_statuses import KNOWN_STATUSES
from waypost.domain.messages.message import MessageStatus
from waypost.domain.runs import timers
from waypost.domain.signals import (
    CustomerReleased,
    ErasureContinued,
    EventsArrived,
    JourneyResumed,
    LinkUsed,
    MessageReported,
    MessageSettled,
    QueueMessage,
    ResumePhase,
    Signal,
    TimerDue,
)
from waypost.domain.values import exact_json
from waypost.domain.values.message_formats import FORMAT_KEY, Shape, message_object, require_shape, require_word
from waypost.domain.values.wire_time import instant, iso

_MAX_WORKSPACE: Final = 100

MAX_PLAIN_BYTES: Final = 48 * 1024
"""Longer bodies are compressed: SQS bills each 64 KB of a request as a request of its own."""

# Each kind has the number of the format that introduced it. A key that is added to a kind needs a new number as well, so that versions
# before it leave the message on its queue.
SHAPES: Final[Mapping[str, Shape]] = {
    "events": Shape(frozenset({"kind", "workspace", "customer", "primary", "known", "receivedAt", "historical", "events"})),
    "settled": Shape(
        frozenset({"kind", "workspace", "customer", "known_as", "run", "step", "visit", "message", "status"}),
        {"status": frozenset(MessageStatus)},
    ),
    "timer": Shape(frozenset({"kind", "workspace", "customer", "knownAs", "run", "step", "visit", "arm", "due"})),
    "resumed": Shape(
        frozenset({"kind", "workspace", "journey", "rev", "sweep", "stage", "after"}),
        {"stage": frozenset(get_args(ResumePhase))},
    ),
    "released": Shape(frozenset({"kind", "workspace", "customer", "known_as", "journey", "rev", "sweep"})),
    "reported": Shape(
        frozenset({"kind", "workspace", "customer", "known_as", "run", "step", "visit", "message", "status", "link", "at"}),
        {"status": frozenset(KNOWN_STATUSES)},
        number=3,
    ),
    "erasure": Shape(frozenset({"kind", "workspace", "customer", "part"}), number=2),
    "link": Shape(
        frozenset({"kind", "workspace", "customer", "channel", "address", "subscribed", "unsubscribed", "confirmed", "at"}), number=3
    ),
}
NUMBERS: Final = tuple({shape.number for shape in SHAPES.values()})
EVENT_SHAPE: Final = Shape(
    frozenset({"uuid", "event", "kind", "id", "source", "payload", "at", "facts", "naming"}),
    {"kind": frozenset(Kind)},
)


def to_queue_message(signal: Signal) -> QueueMessage:
    """A signal ready for the signals queue, in its customer's message group."""
    return QueueMessage(signal.customer, signal.name, to_text(signal))


def to_text(signal: Signal) -> str:
    """A signal as compact ASCII JSON: SQS refuses some characters that JSON text may hold."""
    return exact_json.dumps(to_wire(signal))


def from_body(body: str) -> Signal:
    """The signal in the body of a message of the signals queue. Raises as the module says."""
    return from_wire(exact_json.loads(unpacked(body)))


def workspace_in(body: str) -> str | None:
    """The workspace that a body names which is no signal of any version, so that its people find it; None if it names none."""
    value = _object_in(body).get("workspace")
    return value if isinstance(value, str) and 0 < len(value) <= _MAX_WORKSPACE and not value.startswith("#") else None


def number_of_events(body: str) -> int:
    """How many events a body has that is no signal of any version."""
    events = _object_in(body).get("events")
    return len(events) if isinstance(events, list) else 0


def _object_in(body: str) -> dict[str, Any]:
    try:
        value = exact_json.loads(unpacked(body))
    except Exception:  # noqa: BLE001 - whatever the body is, it has to be kept
        return {}
    return value if isinstance(value, dict) else {}


def packed(text: str) -> str:
    """A signal's JSON as the body of an SQS message: the text itself, or base64 of gzip if it is long."""
    return text if len(text) <= MAX_PLAIN_BYTES else compressed(text)


def compressed(text: str) -> str:
    """A signal's JSON as base64 of gzip, whatever its length. `unpacked` reads it, also in every earlier release."""
    return base64.b64encode(gzip.compress(text.encode(), 6, mtime=0)).decode()


def unpacked(body: str) -> str:
    """The reverse of `packed` and of `compressed`."""
    return body if body.startswith("{") else gzip.decompress(base64.b64decode(body)).decode()


def to_delays_record(queue_message: QueueMessage) -> str:
    """A message for the signals queue as the delays queue carries it: a JSON array of its group, name and body."""
    return exact_json.dumps(list(queue_message))


def from_delays_record(record: str) -> QueueMessage:
    """The reverse of `to_delays_record`. The body is passed on unread: the function that receives it from the signals queue reads it.

    Raises NewerFormatError for a JSON object of another format, ValueError or TypeError for what Waypost did not write.
    """
    value = exact_json.loads(record)
    if not isinstance(value, list):
        message_object(value)  # an array has no keys, so every later format of this record is an object with a number
        raise TypeError("a delays record of format 1 is a JSON array")
    return QueueMessage(*value)


def to_wire(signal: Signal) -> dict[str, Any]:
    """A signal as a JSON object. Only the formats after the first one are written with their number."""
    wire: dict[str, Any]
    match signal:
        case EventsArrived():
            wire = _events_to_wire(signal)
        case MessageSettled():
            wire = _settled_to_wire(signal)
        case MessageReported():
            wire = _reported_to_wire(signal)
        case TimerDue():
            wire = {"kind": "timer", **timers.to_wire(signal.timer)}
        case JourneyResumed():
            wire = _resumed_to_wire(signal)
        case CustomerReleased():
            wire = _released_to_wire(signal)
        case ErasureContinued():
            wire = _erasure_to_wire(signal)
        case LinkUsed():
            wire = _link_to_wire(signal)
        case _:
            assert_never(signal)
    return wire


def from_wire(value: Any) -> Signal:
    """The signal in a JSON value. NewerFormatError where a newer version wrote it; ValueError, KeyError or TypeError for anything else."""
    wire = message_object(value, NUMBERS)
    kind = wire["kind"]
    require_word("kind", kind, SHAPES)
    message_object(wire, (SHAPES[kind].number,))
    require_shape(wire, SHAPES[kind])
    for event in wire["events"] if kind == "events" else ():
        if isinstance(event, Mapping):
            require_shape(event, EVENT_SHAPE)
    return _READERS[kind](wire)


def _events_to_wire(signal: EventsArrived) -> dict[str, Any]:
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


def _events_from_wire(wire: Mapping[str, Any]) -> EventsArrived:
    return EventsArrived(
        workspace=wire["workspace"],
        customer=wire["customer"],
        primary=Identifier("primary", wire["primary"]) if wire["primary"] is not None else None,
        known=wire["known"],
        received_at=instant(wire["receivedAt"]),
        historical=wire["historical"],
        events=tuple(event_from_wire(each) for each in wire["events"]),
    )


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


def _settled_from_wire(wire: Mapping[str, Any]) -> MessageSettled:
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


def _reported_to_wire(signal: MessageReported) -> dict[str, Any]:
    return {
        FORMAT_KEY: SHAPES["reported"].number,
        "kind": "reported",
        "workspace": signal.workspace,
        "customer": signal.customer,
        "known_as": list(signal.lookup_id),
        "run": signal.run,
        "step": signal.step,
        "visit": signal.visit,
        "message": signal.message,
        "status": signal.status,
        "link": signal.link,
        "at": iso(signal.at),
    }


def _reported_from_wire(wire: Mapping[str, Any]) -> MessageReported:
    return MessageReported(
        workspace=wire["workspace"],
        customer=wire["customer"],
        lookup_id=Identifier(*wire["known_as"]),
        run=wire["run"],
        step=wire["step"],
        visit=wire["visit"],
        message=wire["message"],
        status=wire["status"],
        link=wire["link"],
        at=instant(wire["at"]),
    )


def _timer_from_wire(wire: Mapping[str, Any]) -> TimerDue:
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


def _resumed_from_wire(wire: Mapping[str, Any]) -> JourneyResumed:
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


def _released_from_wire(wire: Mapping[str, Any]) -> CustomerReleased:
    return CustomerReleased(
        workspace=wire["workspace"],
        customer=wire["customer"],
        lookup_id=Identifier(*wire["known_as"]),
        journey=wire["journey"],
        revision=wire["rev"],
        pass_number=wire["sweep"],
    )


def _erasure_to_wire(signal: ErasureContinued) -> dict[str, Any]:
    names = {"workspace": signal.workspace, "customer": signal.erased, "part": signal.part}
    return {FORMAT_KEY: SHAPES["erasure"].number, "kind": "erasure", **names}


def _erasure_from_wire(wire: Mapping[str, Any]) -> ErasureContinued:
    return ErasureContinued(wire["workspace"], wire["customer"], wire["part"])


def _link_to_wire(signal: LinkUsed) -> dict[str, Any]:
    return {
        FORMAT_KEY: SHAPES["link"].number,
        "kind": "link",
        "workspace": signal.workspace,
        "customer": signal.customer_in_link,
        "channel": signal.channel,
        "address": signal.address_hash,
        "subscribed": list(signal.subscribed),
        "unsubscribed": list(signal.unsubscribed),
        "confirmed": signal.confirmed,
        "at": iso(signal.at),
    }


def _link_from_wire(wire: Mapping[str, Any]) -> LinkUsed:
    return LinkUsed(
        workspace=wire["workspace"],
        customer_in_link=wire["customer"],
        channel=wire["channel"],
        address_hash=wire["address"],
        subscribed=tuple(wire["subscribed"]),
        unsubscribed=tuple(wire["unsubscribed"]),
        confirmed=wire["confirmed"],
        at=instant(wire["at"]),
    )


_READERS: Final[Mapping[str, Callable[[Mapping[str, Any]], Signal]]] = {
    "events": _events_from_wire,
    "settled": _settled_from_wire,
    "reported": _reported_from_wire,
    "timer": _timer_from_wire,
    "resumed": _resumed_from_wire,
    "released": _released_from_wire,
    "erasure": _erasure_from_wire,
    "link": _link_from_wire,
}
