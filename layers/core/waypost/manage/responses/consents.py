"""Responses about consents."""

from __future__ import annotations

from typing import Literal

from waypost.domain.customers.consents import ALL, ConsentState, RecordedConsent
from waypost.domain.values.wire_model import WireModel
from waypost.manage.responses.lists import Time


class ConsentStateResponse(WireModel):
    """The state of a topic on a channel."""

    topic: str
    channel: str
    state: ConsentState


class ConsentRecordResponse(WireModel):
    """A change of consent. `topic` and `channel` are null for all of them. `at` is its time, `receivedAt` when Waypost learned of it."""

    at: Time
    received_at: Time
    state: Literal["subscribed", "unsubscribed"]
    topic: str | None
    channel: str | None
    source: str
    text_version: str | None
    confirmed: bool
    uuid: str

    @classmethod
    def of(cls, recorded: RecordedConsent) -> ConsentRecordResponse:
        """A change as it is recorded."""
        change = recorded.change
        return cls(
            at=change.at,
            received_at=recorded.received_at,
            state=change.state,
            topic=None if change.topic == ALL else change.topic,
            channel=None if change.channel == ALL else change.channel,
            source=change.source,
            text_version=change.text_version,
            confirmed=change.confirmed,
            uuid=change.uuid,
        )


class ConsentsResponse(WireModel):
    """The consents of a customer: the state of each topic on each channel, and a page of the changes, newest first."""

    customer: str
    states: tuple[ConsentStateResponse, ...]
    items: tuple[ConsentRecordResponse, ...]
    next: str | None


class ImportResponse(WireModel):
    """How many rows were accepted."""

    imported: int
