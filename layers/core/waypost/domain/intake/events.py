"""Events: what customers did, and the result that the intake reports for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from waypost.domain.customers.facts import Facts
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.intake.payloads import EventWarning, Identification


class Kind(StrEnum):
    """What an event does (`docs/events.md#kinds-of-events`)."""

    IDENTIFY = "identify"
    SET = "set"
    REPORT = "report"
    TRIGGER = "trigger"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a customer did, parsed and validated.

    `facts` are the attributes and tokens that it sets and that are not written yet; `identification` is that of an `$identify` which is
    not carried out yet. `at` is the time of the event, `identifier` the one under which it was sent.
    """

    uuid: str
    name: str
    kind: Kind
    identifier: Identifier
    source: str
    payload: Mapping[str, Any]
    at: datetime
    facts: Facts
    identification: Identification | None = None


def identifiers_of(event: Event) -> list[Identifier]:
    """All identifiers that an event names as one customer's; its own comes first."""
    identification = event.identification
    further = (identification.primary, identification.anonymous_id) if identification else ()
    return [event.identifier, *(each for each in further if each is not None)]


@dataclass(frozen=True, slots=True)
class Accepted:
    """An accepted event with its warnings.

    `has_server_time`: the event has a uuid that does not change if it is sent again, and a time that does. Its facts may be written only
    after a look at its receipt: a repetition would otherwise write them with a later time, over what was set in between.
    """

    event: Event
    warnings: tuple[EventWarning, ...]
    has_server_time: bool = False


@dataclass(frozen=True, slots=True)
class Rejected:
    """The error of a rejected event: a stable code, a sentence, and a JSON pointer (RFC 6901) into the body of the request."""

    code: str
    detail: str
    pointer: str
    retryable: bool = False


IntakeResult = Accepted | Rejected


class RejectedEvent(NamedTuple):
    """A rejected event as it was sent (any JSON value), with its index in the batch."""

    batch_index: int
    raw: Any
    error: Rejected


def reported_message_id(event: Event) -> str | None:
    """The id of the message that a delivery report is about, or None. The Android and the iOS SDK spell the field differently."""
    message_id = event.payload.get("messageID") or event.payload.get("messageId")
    return message_id if isinstance(message_id, str) else None
