"""Events: what a customer did, as it is trusted inside, and what became of it at the door."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple, TypeVar

from waypost.domain.customers.facts import Facts
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.intake.payloads import EventWarning, Identification

IDEMPOTENCY_KEY_LENGTH: Final = 100

T = TypeVar("T")


class Kind(StrEnum):
    """What an event does (contract 1.6)."""

    IDENTIFY = "identify"
    SET = "set"
    REPORT = "report"
    TRIGGER = "trigger"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a customer did, parsed and trusted from here on."""

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
    """All identifiers that an event says are one customer's."""
    identification = event.identification
    further = (identification.primary, identification.anonymous_id) if identification else ()
    return [event.identifier, *(each for each in further if each is not None)]


@dataclass(frozen=True, slots=True)
class Accepted:
    """An event and what its sender should know of it.

    One that `drifts` has the time of its receipt, and can be sent again: only its first receipt says when it happened.
    """

    event: Event
    warnings: tuple[EventWarning, ...]
    has_server_time: bool = False


@dataclass(frozen=True, slots=True)
class Rejected:
    """An event that was refused: a stable code, a sentence, and where (RFC 6901)."""

    code: str
    detail: str
    pointer: str
    retryable: bool = False


class RejectedEvent(NamedTuple):
    """An event that was refused, as it was sent, and its place in the batch."""

    place: int
    raw: Any
    error: Rejected


def reported_message_id(event: Event) -> str | None:
    """The message that a delivery report is about; the Android and the iOS SDK spell the field differently."""
    name = event.payload.get("messageID") or event.payload.get("messageId")
    return name if isinstance(name, str) else None
