"""Decides what the sender does next with a message. Pure: what has to be read first is requested by a `Load`.

Most checks cost a read of a table. `next_action` therefore starts with the row alone and requests one input after the other, in the order
of the checks: a message of a paused journey costs no read of its customer. All checks that take time come before the claim, because after
the claim a crash leaves an unknown outcome. What an unsubscription, a suppression or an erasure can change until the last moment is
checked after it, by one read (`permission.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, assert_never

from waypost.domain.customers.customer import Customer
from waypost.domain.customers.topics import Topic
from waypost.domain.journeys.journey import Journey
from waypost.domain.journeys.message_steps import step_class
from waypost.domain.messages import delivery
from waypost.domain.messages.caps import CapReached
from waypost.domain.messages.message import Message, MessageReason, PreparedMessage, SkipReason
from waypost.domain.messages.permission import consent_refusal


@dataclass(frozen=True, slots=True)
class Recipient:
    """The customer of a message, the version of the journey that sends it, and the time zone of the customer (an IANA name).

    `topic` is what the message is about; None for a transactional message, which needs no consent.
    """

    customer: Customer
    journey: Journey
    zone: str
    topic: Topic | None


@dataclass(frozen=True, slots=True)
class Content:
    """A prepared message; `is_stored`: an earlier attempt has stored it already."""

    prepared: PreparedMessage
    is_stored: bool


@dataclass(frozen=True, slots=True)
class SenderCheck:
    """Whether the workspace may use the sender of a message: `error` says why not, None that it may."""

    error: str | None


@dataclass(frozen=True, slots=True)
class Counted:
    """The message exceeds no cap, and counts as one to `customer`; None: no cap covers it."""

    customer: str | None


@dataclass(frozen=True, slots=True)
class SendContext:
    """What the sender has loaded for one message so far. None: not loaded yet. A `SkipReason`: there is none, so the message is skipped."""

    journey_status: Literal["published", "paused", "stopped"] | None = None
    recipient: Recipient | SkipReason | None = None
    content: Content | SkipReason | None = None
    sender: SenderCheck | None = None
    count: Counted | CapReached | None = None


@dataclass(frozen=True, slots=True)
class LoadJourneyStatus:
    """Load the status of the message's journey."""


@dataclass(frozen=True, slots=True)
class LoadRecipient:
    """Load the customer and the version of the journey."""


@dataclass(frozen=True, slots=True)
class LoadContent:
    """Load the content that an attempt of `message` has stored, if there was one; otherwise render it for this recipient."""

    message: Message
    recipient: Recipient


@dataclass(frozen=True, slots=True)
class LoadSenderCheck:
    """Load whether the workspace may send from this sender."""

    sender: str


@dataclass(frozen=True, slots=True)
class CountMessage:
    """Count `message` under the caps of its workspace, and load whether it would exceed one."""

    message: Message
    recipient: Recipient


@dataclass(frozen=True, slots=True)
class StoreContent:
    """Store what was prepared for `message`, and load what is stored then: another worker may have stored something else before."""

    message: Message
    prepared: PreparedMessage


@dataclass(frozen=True, slots=True)
class Claim:
    """Claim `message`, and then call its provider with the stored content `prepared`, unless the recipient may not get it any more."""

    message: Message
    prepared: PreparedMessage
    recipient: Recipient


@dataclass(frozen=True, slots=True)
class Defer:
    """The provider may not be called yet: save `message` if it changed; it returns when it is claimable, or when its journey resumes."""

    message: Message


@dataclass(frozen=True, slots=True)
class Settle:
    """The provider is not called any more: save `message` if it changed, and execute the effects of its outcome."""

    message: Message


Load = LoadJourneyStatus | LoadRecipient | LoadContent | LoadSenderCheck | CountMessage | StoreContent
Decision = Claim | Defer | Settle


def next_action(row: Message, now: datetime, context: SendContext) -> Load | Decision:
    """What to do with a message: a `Load` if the decision needs an input that `context` does not have, otherwise the decision.

    `row` is the message as it was read. The message of a decision differs from it where a lease has expired or the decision changes it.
    """
    message = delivery.after_expired_lease(row, now)
    if message.is_settled:
        return Settle(message)
    if not delivery.is_claimable(message, now):
        return Defer(message)
    match context.journey_status:
        case None:
            return LoadJourneyStatus()
        case "paused":
            return Defer(replace(message, held=True))
        case "stopped":
            return _skip(message, SkipReason(MessageReason.STOPPED), now)
        case "published":
            return _for_recipient(message, now, context)
        case _ as never:
            assert_never(never)


def _for_recipient(message: Message, now: datetime, context: SendContext) -> Load | Decision:
    match context.recipient:
        case None:
            return LoadRecipient()
        case SkipReason() as reason:
            return _skip(message, reason, now)
        case Recipient() as recipient:
            return (
                _without_consent(message, now, recipient)
                or _in_quiet_hours(message, now, recipient)
                or _with_content(message, now, recipient, context)
            )
        case _ as never:
            assert_never(never)


def _without_consent(message: Message, now: datetime, recipient: Recipient) -> Decision | None:
    # Consents are in the rows that were read for the recipient anyway: a message that nobody wants is neither rendered nor claimed. The
    # same is checked again after the claim, by what has become of the rows until then.
    reason = consent_refusal(recipient.customer.consents, recipient.topic, message.channel)
    return _skip(message, reason, now) if reason else None


def _in_quiet_hours(message: Message, now: datetime, recipient: Recipient) -> Decision | None:
    # The run has respected quiet hours before it created the message. A retry or a pause can delay the message into the next ones.
    quiet_hours = recipient.journey.quiet_hours
    end = quiet_hours.over(now, recipient.zone) if quiet_hours else None
    if quiet_hours is None or end is None:
        return None
    if quiet_hours.otherwise == "wait":
        return Defer(replace(message, due=end, held=False, reason=MessageReason.QUIET_HOURS))
    return _skip(message, SkipReason(MessageReason.QUIET_HOURS), now)


def _with_content(message: Message, now: datetime, recipient: Recipient, context: SendContext) -> Load | Decision:
    match context.content:
        case None:
            return LoadContent(message, recipient)
        case SkipReason() as reason:
            return _skip(message, reason, now)
        case Content() as content:
            return _with_refused_sender(message, now, content, context) or _under_caps(message, now, recipient, content, context)
        case _ as never:
            assert_never(never)


def _with_refused_sender(message: Message, now: datetime, content: Content, context: SendContext) -> Load | Decision | None:
    """What to do because of the sender of a message; None if the workspace may use it, or if the channel has no sender."""
    sender_field = step_class(message.channel).sender_field
    sender = content.prepared.rendered.get(sender_field) if sender_field else None
    if not isinstance(sender, str):
        return None
    if context.sender is None:
        return LoadSenderCheck(sender)
    # Failed and not skipped: what failed can be redriven. After an upgrade, or after a sender was removed by mistake, nothing is lost.
    return Settle(delivery.with_refused_sender(message, context.sender.error, now)) if context.sender.error else None


def _under_caps(message: Message, now: datetime, recipient: Recipient, content: Content, context: SendContext) -> Load | Decision:
    # The last check, so that a message that is not sent for another reason does not count. The content is stored after it: a message that
    # waits for days is rendered again when it is sent.
    match context.count:
        case None:
            return CountMessage(message, recipient)
        case CapReached(cap, until):
            if cap.otherwise == "wait":
                return Defer(replace(message, due=until, held=False, reason=MessageReason.CAP))
            return _skip(message, SkipReason(MessageReason.CAP, f"the cap is reached: {cap.text}"), now)
        case Counted(customer):
            counted = replace(message, counted=customer or message.counted)
            return Claim(counted, content.prepared, recipient) if content.is_stored else StoreContent(message, content.prepared)
        case _ as never:
            assert_never(never)


def _skip(message: Message, reason: SkipReason, now: datetime) -> Settle:
    return Settle(delivery.skipped(message, reason, now))
