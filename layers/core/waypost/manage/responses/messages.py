"""Responses about messages."""

from __future__ import annotations

from typing import Any

from waypost.domain.messages.message import Message, MessageReason, MessageStatus, PreparedMessage
from waypost.domain.messages.suppression import Suppression
from waypost.domain.values.wire_model import WireModel
from waypost.manage.responses.lists import Time


class AttemptResponse(WireModel):
    """One call of the provider, or why there was none."""

    at: Time
    outcome: str
    detail: str


class SuppressionResponse(WireModel):
    """A suppressed address.

    `message` is the id of the message whose outcome suppressed it, `since` the time of that outcome. `address` is null if that message was
    erased; all three are null for what an earlier release has suppressed.
    """

    channel: str
    address: str | None
    message: str | None
    since: Time | None

    @classmethod
    def of(cls, suppression: Suppression, address: str | None) -> SuppressionResponse:
        """A suppression with the address of its message."""
        return cls(channel=suppression.channel, address=address, message=suppression.message, since=suppression.since)


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
