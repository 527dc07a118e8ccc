"""How a message gets delivered: when a provider may be called, and what its answer makes of the message. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from waypost.domain.messages.message import Attempt, Message, MessageReason, MessageStatus, ProviderResponse, Skip

LEASE: Final = timedelta(seconds=120)
"""How long a claim holds: longer than the send function lives, so that a lease that ran out means a worker that died."""

RETRIES: Final = tuple(timedelta(seconds=seconds) for seconds in (5, 60, 300, 1800, 7200, 21600, 43200))
"""When a refused message is tried again, each +-20 % (contract 4)."""

LONGEST_RETRY_AFTER: Final = timedelta(hours=24)

KNOWN_BY_RECEIVER: Final = frozenset({"webhook"})
"""Channels whose receiver gets the message's id and can tell a repeat: what may have arrived is sent again."""


def after_expired_lease(message: Message, now: datetime) -> Message:
    """The message as it stands once a lease that ran out is accounted for: its worker died between the call and the record."""
    if message.status is not MessageStatus.SENDING or message.lease is None or now < message.lease:
        return message
    told = Attempt(message.lease, "unknown", "the worker ended before it could record the provider's answer")
    return _unknown(replace(message, attempts=(*message.attempts, told)), now, timedelta(0))


def wait(message: Message, now: datetime) -> timedelta:
    """How long until this message may be claimed: until it is due, or until another worker's lease ends."""
    until = message.lease if message.status is MessageStatus.SENDING and message.lease else message.due
    return max(until - now, timedelta(0))


def claimable(message: Message, now: datetime) -> bool:
    """Whether the provider may be called now."""
    return message.status is MessageStatus.PENDING and message.due <= now


def with_claim(message: Message, now: datetime, token: str, to: str) -> Message:
    """The message held by the worker that knows `token`, about to be sent to `to`."""
    return replace(
        message,
        status=MessageStatus.SENDING,
        reason=None,
        token=token,
        lease=now + LEASE,
        to=to,
        attempt_count=message.attempt_count + 1,
        held=False,
    )


def skipped(message: Message, skip: Skip, now: datetime) -> Message:
    """The message that will not be sent."""
    told = Attempt(now, "skipped", skip.detail or skip.reason.value)
    return replace(message, status=MessageStatus.SKIPPED, reason=skip.reason, lease=None, attempts=(*message.attempts, told))


def settled(message: Message, answer: ProviderResponse, now: datetime) -> Message:
    """A claimed message after its provider's answer."""
    told = replace(message, attempts=(*message.attempts, Attempt(now, answer.kind, answer.detail)))
    if answer.kind == "sent":
        return replace(told, status=MessageStatus.SENT, lease=None)
    if answer.kind == "failed":
        return _failed(told, MessageReason.REJECTED)
    if answer.kind == "gone":
        return _failed(told, MessageReason.ENDPOINT_GONE)
    pause = max(_pause(told), _asked(answer))
    return _again(told, now, pause) if answer.kind == "refused" else _unknown(told, now, pause)


def redriven(message: Message, now: datetime) -> Message:
    """A failed message that a person sends on its way again, with all its retries before it. Others stay as they are."""
    if message.status is not MessageStatus.FAILED:
        return message
    return replace(message, status=MessageStatus.PENDING, reason=None, due=now, lease=None, attempt_count=0)


def _unknown(message: Message, now: datetime, pause: timedelta) -> Message:
    if message.channel in KNOWN_BY_RECEIVER or message.on_unknown == "resend":
        return _again(message, now, pause)
    return replace(message, status=MessageStatus.UNKNOWN, reason=MessageReason.NO_ANSWER, lease=None)


def _again(message: Message, now: datetime, pause: timedelta) -> Message:
    if message.attempt_count > len(RETRIES):
        return _failed(message, MessageReason.GAVE_UP)
    return replace(message, status=MessageStatus.PENDING, lease=None, due=now + pause)


def _failed(message: Message, reason: MessageReason) -> Message:
    return replace(message, status=MessageStatus.FAILED, reason=reason, lease=None)


def _pause(message: Message) -> timedelta:
    """The next pause of the schedule; its jitter is a hash, so that the same message always waits the same."""
    drawn = hashlib.sha256(f"{message.id}/{message.attempt_count}".encode()).digest()
    share = int.from_bytes(drawn[:8], "big") / 2**64
    return RETRIES[min(message.attempt_count, len(RETRIES)) - 1] * (0.8 + 0.4 * share)


def _asked(answer: ProviderResponse) -> timedelta:
    return timedelta(seconds=min(answer.retry_after or 0, LONGEST_RETRY_AFTER.total_seconds()))


_REPORTS: Final = {"$delivered": MessageStatus.DELIVERED, "$opened": MessageStatus.OPENED, "$clicked": MessageStatus.CLICKED}
_ORDER: Final = (MessageStatus.DELIVERED, MessageStatus.OPENED, MessageStatus.CLICKED)


def reported(message: Message, event: str) -> Message:
    """The message after a delivery report of this name. Reports come in any order and more than once, so it only ever gets further.

    A message that no provider was ever called for cannot have arrived: whoever knows its id cannot keep it from being sent.
    """
    told = _REPORTS.get(event)
    if told is None or message.token is None or (message.status in _ORDER and _ORDER.index(told) <= _ORDER.index(message.status)):
        return message
    return replace(message, status=told, reason=None, lease=None)
