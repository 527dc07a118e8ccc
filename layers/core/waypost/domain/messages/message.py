"""A message: what a customer receives on a channel, from being owed to being reported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Literal

from waypost.domain.customers.identifiers import Identifier

Rendered = Mapping[str, Any]
"""A template with the customer's words in it, complete: all that a channel needs to send it, and to send it again unchanged."""

RENDERED_BYTES: Final = 256 * 1024
"""What a rendered message may hold at most (contract 4)."""


class MessageStatus(StrEnum):
    """Where a message stands (contract 4)."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    OPENED = "opened"
    CLICKED = "clicked"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"


class MessageReason(StrEnum):
    """Why a message was skipped, failed, or is unknown: a closed list."""

    NO_ADDRESS = "no-address"
    NO_SENDER = "no-sender"
    QUIET_HOURS = "quiet-hours"
    STOPPED = "stopped"
    SUPPRESSED = "suppressed"
    TEMPLATE = "template"
    ERASED = "erased"
    REJECTED = "rejected"
    """The provider refused it for good."""
    GAVE_UP = "gave-up"
    """Every retry met a refusal."""
    ENDPOINT_GONE = "endpoint-gone"
    """The webhook's receiver answered 410 and gets no more."""
    NO_ANSWER = "no-answer"
    """The provider was called, and what came of it is not known."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call of the provider, or why there was none: `outcome` is an `Answer`'s kind or a status, `detail` is for a person."""

    at: datetime
    outcome: str
    detail: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message of one visit to a message step.

    `known_as` names the customer for a strong read at sending: the index by customer id lags. `event` is the one that moved the run:
    name, payload, uuid, timestamp, source. Not before `due` is the provider called. A worker that has claimed the message holds it under
    its `token` until `lease`. `tries` counts the claims since the message was owed or redriven; `attempts` keeps the whole story. While
    its journey is paused, it is `held`.
    """

    id: str
    workspace: str
    journey: str
    version: int
    run: str
    step: str
    channel: str
    customer: str
    lookup_id: Identifier
    event: Mapping[str, Any]
    created_at: datetime
    due: datetime
    on_unknown: Literal["hold", "resend"] = "hold"
    visit: int = 1
    awaited: bool = False
    status: MessageStatus = MessageStatus.PENDING
    reason: MessageReason | None = None
    to: str | None = None
    attempts: tuple[Attempt, ...] = ()
    token: str | None = None
    lease: datetime | None = None
    attempt_count: int = 0
    held: bool = False


@dataclass(frozen=True, slots=True)
class Skip:
    """A message that is not to be sent, and why."""

    reason: MessageReason
    detail: str = ""


@dataclass(frozen=True, slots=True)
class PreparedMessage:
    """A rendered message and the address that suppressions know its receiver by."""

    to: str
    rendered: Rendered


@dataclass(frozen=True, slots=True)
class RenderFailure:
    """Why a template could not be rendered, for a person."""

    detail: str


ProviderResult = Literal["sent", "refused", "failed", "gone", "unknown"]


@dataclass(frozen=True, slots=True)
class ProviderResponse:
    """What came of one call of a provider.

    `sent`: accepted. `refused`: certainly not accepted, try again later. `failed`: certainly not accepted, never will be. `gone`: failed,
    and the address is dead. `unknown`: it may have been accepted. `retry_after` is in seconds, where the provider named a time.
    """

    kind: ProviderResult
    detail: str
    retry_after: float | None = None
