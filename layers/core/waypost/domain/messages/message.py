"""A message: what a customer receives on a channel because a run reached a message step (`docs/messages.md`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Literal

from waypost.domain.customers.identifiers import Identifier

RenderedTemplate = Mapping[str, Any]
"""A template whose Liquid texts are replaced by their results, field by field. It is JSON."""

MAX_RENDERED_BYTES: Final = 256 * 1024
"""The most bytes of text that one rendered message may have, in UTF-8 (`docs/messages.md#channels`)."""


WHOLE_WORKSPACE: Final = ""
"""Stands in the place of a journey for the messages that their workspace holds. No journey has an empty id."""


class MessageStatus(StrEnum):
    """The state of a message (`docs/messages.md#states`)."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    OPENED = "opened"
    CLICKED = "clicked"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"


class MessageReason(StrEnum):
    """Why a message was skipped, has failed, is unknown, or is held: a closed list (`docs/messages.md#reasons`)."""

    NO_ADDRESS = "no-address"
    NO_SENDER = "no-sender"
    PAUSED = "paused"
    """Its journey is paused. No row stores this: it says `held`."""
    QUIET_HOURS = "quiet-hours"
    CAP = "cap"
    """No place is left under a cap of its workspace."""
    QUOTA = "quota"
    """The provider lets the account send nothing more today."""
    SENDING_OFF = "sending-off"
    """Its workspace sends no messages at the moment. A row that says `held` for this reason is held by the workspace."""
    STOPPED = "stopped"
    SUPPRESSED = "suppressed"
    UNSUBSCRIBED = "unsubscribed"
    """Its customer does not subscribe to the topic of its step."""
    PENDING_CONSENT = "pending-consent"
    """Its customer has subscribed to a topic with double opt-in and has not confirmed that."""
    TEMPLATE = "template"
    ERASED = "erased"
    REJECTED = "rejected"
    """The provider refused it for good."""
    GAVE_UP = "gave-up"
    """The provider refused it, or its outcome remained unknown, at every attempt of the schedule; or the sender itself failed at it."""
    ENDPOINT_GONE = "endpoint-gone"
    """The webhook's endpoint answered 410, and gets no more messages."""
    NO_ANSWER = "no-answer"
    """The provider was called, and whether it accepted the message is not known."""


_NOT_SENT: Final = frozenset({MessageStatus.PENDING, MessageStatus.FAILED, MessageStatus.UNKNOWN, MessageStatus.SKIPPED})


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call of the provider, or the reason why there was none.

    `outcome` is a `ProviderOutcome`, `skipped` or `error` (the sender itself failed); `detail` is text for a person.
    """

    at: datetime
    outcome: str
    detail: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message of one visit of a run to a message step.

    `lookup_id` finds the customer by a strongly consistent read when the message is sent; the index by customer id is only eventually
    consistent. `event` is the event that moved the run to the step: name, payload, uuid, timestamp and source. The provider is not called
    before `due`. `awaited`: the run waits at the step for the outcome (`onFailure`). A worker that has claimed the message holds it under
    its `token` until `lease`. `attempt_count` counts the claims since the message was created or redriven, whereas `attempts` is the
    whole history. `held`: when the message was due, the journey was paused, or the workspace sent nothing (`is_held_by_workspace`).
    `counted` is the id of the customer for whom the message has taken a place under the caps of its workspace; it is stored by the claim.
    `listened`: a wait or a condition of the journey asks what becomes of this message. `is_to_other`: `to` is not the customer's own
    address, so that what its owner wants says nothing of the customer. `report_detail` is what a report stated of a message that bounced or
    failed by it.
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
    counted: str | None = None
    listened: bool = False
    is_to_other: bool = False
    report_detail: str | None = None

    @property
    def shown_reason(self) -> MessageReason | None:
        """The reason of the status; of a pending message the reason why it is held, if it is."""
        is_paused = self.status is MessageStatus.PENDING and self.held and not self.is_held_by_workspace
        return MessageReason.PAUSED if is_paused else self.reason

    @property
    def is_held_by_workspace(self) -> bool:
        """Whether it is held because its workspace sends nothing, and not because its journey is paused."""
        return self.held and self.reason is MessageReason.SENDING_OFF

    @property
    def shown_detail(self) -> str | None:
        """What a report says of a message that bounced or failed by it; else what the last attempt says of one that was not sent.

        None if it says no more than the reason.
        """
        if self.status in (MessageStatus.BOUNCED, MessageStatus.FAILED) and self.report_detail is not None:
            return self.report_detail
        if self.status not in _NOT_SENT or not self.attempts:
            return None
        detail = self.attempts[-1].detail
        return None if detail == (self.reason and self.reason.value) else detail

    @property
    def pending_until(self) -> datetime | None:
        """When a pending message is sent at the earliest, in quiet hours their end; None for any other message."""
        return self.due if self.status is MessageStatus.PENDING else None

    @property
    def is_settled(self) -> bool:
        """Whether the sender has nothing more to do for it: the outcome is known, or is known to remain unknown."""
        return self.status not in (MessageStatus.PENDING, MessageStatus.SENDING)


@dataclass(frozen=True, slots=True)
class SkipReason:
    """Why a message is not sent; `detail` is text for a person, where the reason alone does not say enough."""

    reason: MessageReason
    detail: str = ""


@dataclass(frozen=True, slots=True)
class PreparedMessage:
    """A message as its channel sends it: complete, so that every attempt sends the same, with the address that identifies its receiver.

    `to` is the address in the form in which suppressions store it, such as `ada@example.com` or the origin and path of a URL. `is_test`: it
    is a test of a template, which no customer gets and no row of a message stands for; its provider gets it marked as a test.
    `is_tracked`: the provider may track whether it is opened and clicked. No row stores this.
    `unsubscribe_url` is the link of one-click unsubscription, which only the provider gets: no row stores it.
    """

    to: str
    rendered: RenderedTemplate
    is_test: bool = False
    is_tracked: bool = True
    unsubscribe_url: str | None = None


@dataclass(frozen=True, slots=True)
class RenderFailure:
    """Why a template could not be rendered, as text for a person."""

    detail: str


ProviderOutcome = Literal["sent", "refused", "failed", "gone", "opted-out", "unknown", "throttled"]
"""What one call of a provider resulted in (`docs/messages.md#delivery`). Rows of messages store these words, all but the last.

`sent`: accepted. `refused`: certainly not accepted; a later attempt may succeed. `failed`: certainly not accepted, and no later attempt can
succeed. `gone`: failed, and the address no longer exists. `opted-out`: certainly not accepted, because the owner of the address has opted
out at the provider. `unknown`: it may have been accepted. `throttled`: certainly not accepted,
because the provider takes no message at all from this account at the moment; such a call is no attempt.
"""


@dataclass(frozen=True, slots=True)
class ProviderResponse:
    """The result of one call of a provider. `retry_after`: the seconds until the next call, if the provider or a pause requires it."""

    outcome: ProviderOutcome
    detail: str
    retry_after: float | None = None
