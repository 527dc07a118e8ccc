"""Responses about messages."""

from __future__ import annotations

from typing import Any

from waypost.domain.messages.message import Message, MessageReason, MessageStatus, PreparedMessage
from waypost.domain.messages.suppression import Suppression, SuppressionReason, SuppressionSource
from waypost.domain.values.wire_model import WireModel
from waypost.manage.responses.lists import Time


class AttemptResponse(WireModel):
    """One call of the provider, or why there was none."""

    at: Time
    outcome: str
    detail: str


class SuppressionResponse(WireModel):
    """A suppressed address.

    `message` is the id of the message because of which it is suppressed, null where there is none. `address` is shown where that message
    went to it and still exists, or where the request names it; it is stored nowhere else. `since` is null for what an early release has
    suppressed.
    """

    channel: str
    address: str | None
    reason: SuppressionReason
    source: SuppressionSource
    since: Time | None
    message: str | None

    @classmethod
    def of(cls, suppression: Suppression, address: str | None) -> SuppressionResponse:
        """A suppression with its address."""
        fields = {name: getattr(suppression, name) for name in cls.model_fields if name != "address"}
        return cls.model_validate({**fields, "address": address})


class SuppressedResponse(WireModel):
    """How many addresses were suppressed."""

    suppressed: int


class MessageResponse(WireModel):
    """A message with its rendered content, which is empty before the first attempt and again after 30 days.

    `due` is when a pending message is sent at the earliest; `reason` says why it is held until then, if it is.
    """

    id: str
    journey: str
    version: int
    run: str
    step: str
    channel: str
    customer: str
    to: str | None
    status: MessageStatus
    reason: MessageReason | None
    due: Time | None
    attempts: tuple[AttemptResponse, ...]
    created_at: Time
    rendered: dict[str, Any]

    @classmethod
    def of(cls, message: Message, prepared: PreparedMessage | None) -> MessageResponse:
        """The message with its rendered content, if that is still stored."""
        fields = {name: getattr(message, name) for name in cls.model_fields if name != "rendered"}
        fields |= {"reason": message.shown_reason, "due": message.pending_until}
        return cls.model_validate({**fields, "rendered": dict(prepared.rendered) if prepared else {}}, from_attributes=True)
