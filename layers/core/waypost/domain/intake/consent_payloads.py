"""The payloads of `$subscribe` and `$unsubscribe` (`docs/customers.md#consent`), and the events that Waypost makes of its own consents."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from waypost.domain.customers.consents import ALL, SUBSCRIBE, UNSUBSCRIBE, ConsentChange, is_topic_id
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.intake.events import Event, Kind
from waypost.domain.intake.payloads import EventRejectedError, EventWarning
from waypost.domain.values.channel_names import CHANNEL_NAMES

RESERVED_SOURCES: Final = frozenset({"api", "page", "provider", "import"})
"""Sources of consents that Waypost itself records. A client that named one would forge the evidence of a consent."""

TEXT_VERSION_LENGTH: Final = 100


def consent_in(event: str, payload: Mapping[str, Any], source: str, at: datetime, uuid: str, warnings: list[EventWarning]) -> ConsentChange:
    """The change in the payload of an event of a client. `at` is the time of the consent.

    EventRejectedError for a topic or a channel that can be none, and for a source that only Waypost uses. What proves nothing is left out
    and adds a warning.
    """
    if source in RESERVED_SOURCES:
        raise EventRejectedError("reserved-source", f"Only Waypost records consents with the source `{source}`.", "/source")
    topic, channel = payload.get("topic"), payload.get("channel")
    if topic is not None and not (isinstance(topic, str) and is_topic_id(topic)):
        raise EventRejectedError("bad-topic", "A topic is an id of 1 to 64 letters, digits, _ and -.", "/payload/topic")
    if channel is not None and not (isinstance(channel, str) and channel in CHANNEL_NAMES):
        raise EventRejectedError("bad-channel", f"A channel is one of {', '.join(sorted(CHANNEL_NAMES))}.", "/payload/channel")
    if payload.get("confirmed") is not None:
        # A confirmation proves that the address is the customer's own. A client that collects a consent cannot know that.
        warnings.append(EventWarning("ignored-field", "/payload/confirmed"))
    text_version = payload.get("textVersion")
    if text_version is not None and not (isinstance(text_version, str) and len(text_version) <= TEXT_VERSION_LENGTH):
        # A reason to leave the version out, and none to go on sending to someone who has unsubscribed.
        warnings.append(EventWarning("wrong-type", "/payload/textVersion"))
        text_version = None
    return ConsentChange(
        state="unsubscribed" if event == UNSUBSCRIBE else "subscribed",
        topic=topic or ALL,
        channel=channel or ALL,
        at=at,
        uuid=uuid,
        source=source,
        text_version=text_version,
    )


def consent_event(change: ConsentChange, identifier: Identifier) -> Event:
    """The event of a change that Waypost itself records, for the customer of an identifier. Journeys can enter, wait and exit on it."""
    payload = {
        "topic": None if change.topic == ALL else change.topic,
        "channel": None if change.channel == ALL else change.channel,
        "textVersion": change.text_version,
        "confirmed": change.confirmed or None,
    }
    return Event(
        uuid=change.uuid,
        name=UNSUBSCRIBE if change.state == "unsubscribed" else SUBSCRIBE,
        kind=Kind.TRIGGER,
        identifier=identifier,
        source=change.source,
        payload={name: value for name, value in payload.items() if value is not None},
        at=change.at,
        facts=change.facts,
    )
