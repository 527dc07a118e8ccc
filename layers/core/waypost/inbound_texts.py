"""Carries out what customers write to a number of the stack: STOP and START (docs/messages.md#replies)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from waypost import ports
from waypost.domain.customers.consents import ALL, ConsentChange
from waypost.domain.customers.topics import GENERAL
from waypost.domain.journeys.message_steps import CHANNELS
from waypost.domain.messages import template_scope
from waypost.domain.messages.inbound_texts import InboundText
from waypost.domain.messages.message import Message
from waypost.domain.messages.suppression import SuppressionCause
from waypost.domain.values.generated_ids import digest
from waypost.provider_reports import send_consent

_CHANNELS: Final = tuple(name for name, step in CHANNELS.items() if step.has_replies)


@dataclass(frozen=True, slots=True)
class InboundDependencies:
    """The ports that inbound texts use."""

    messages: ports.Messages
    journeys: ports.JourneyVersions
    suppressions: ports.FoundSuppressions
    last_messages: ports.LastMessages
    signals: ports.Signals


def apply_inbound_text(text: InboundText, now: datetime, dependencies: InboundDependencies) -> int:
    """Does what a text wants in every workspace that sends on its channel, and returns the number of customers that are known by it.

    STOP suppresses the number, and unsubscribes the customer of the last message to it from all topics of the channel. START lifts the
    suppression that a STOP or AWS has set, and subscribes that customer to the topic of the last message again. Everything may be repeated
    and come in another order. UnavailableError if a dependency is down.
    """
    # The number of the stack belongs to all of its workspaces, and AWS blocks the sender for all of them, so the wish is for all of them.
    at, customers = min(text.at, now), 0
    if text.wish is None:
        return 0
    for channel in _CHANNELS:
        for workspace, message_id in dependencies.last_messages.of(channel, text.number).items():
            if text.wish == "stop":
                cause = SuppressionCause("opted-out", "provider", at, message_id)
                dependencies.suppressions.add(workspace, channel, text.number, cause)
            else:
                _lift(workspace, channel, text.number, at, dependencies)
            message = dependencies.messages.get(workspace, message_id) if message_id else None
            # The number may be that of another person, to whom a template has sent a text. Its owner's wish says nothing of the customer.
            if message is not None and not message.is_to_other:
                _record_consent(text, message, at, now, dependencies)
                customers += 1
    return customers


def _lift(workspace: str, channel: str, number: str, at: datetime, dependencies: InboundDependencies) -> None:
    """Lifts the suppression of a number, if an opt-out before this time has set it."""
    found = dependencies.suppressions.find(workspace, channel, number)
    if found is not None and found.reason == "opted-out" and (found.since is None or found.since < at):
        dependencies.suppressions.remove(workspace, channel, number, at)


def _record_consent(text: InboundText, message: Message, at: datetime, now: datetime, dependencies: InboundDependencies) -> None:
    """Records the consent of the customer to whom a message was sent, by an event on which journeys can exit."""
    topic: str | None = ALL
    if text.wish == "start":
        # Not all topics: the customer may never have subscribed to some of them, and START is an answer to this message.
        version = dependencies.journeys.version(message.workspace, message.journey, message.version)
        step = template_scope.message_step(version, message.step)
        topic = None if step.transactional else step.topic or GENERAL
    if topic is None:
        return
    change = ConsentChange(
        state="unsubscribed" if text.wish == "stop" else "subscribed",
        topic=topic,
        channel=message.channel,
        at=at,
        uuid=digest("inbound", message.workspace, text.id),  # one for each text, so that a repeat is a duplicate
        source="provider",
    )
    send_consent(change, message, now, dependencies.signals)
