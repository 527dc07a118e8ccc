"""Responses about messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from waypost.domain.messages.message import Message, MessageReason, MessageStatus, PreparedMessage, ProviderOutcome
from waypost.domain.messages.suppression import Suppression, SuppressionReason, SuppressionSource
from waypost.domain.values.findings import Finding
from waypost.domain.values.wire_model import WireModel
from waypost.manage.responses.lists import FindingResponse, Time


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

    `due` is when a pending message is sent at the earliest; `reason` says why it is held until then, if it is. `detail` says more of a
    message that was not sent: which value of the template fails, or what the provider answered.
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
    detail: str | None
    due: Time | None
    attempts: tuple[AttemptResponse, ...]
    created_at: Time
    rendered: dict[str, Any]

    @classmethod
    def of(cls, message: Message, prepared: PreparedMessage | None) -> MessageResponse:
        """The message with its rendered content, if that is still stored."""
        fields = {name: getattr(message, name) for name in cls.model_fields if name not in ("rendered", "detail")}
        fields |= {"reason": message.shown_reason, "detail": message.shown_detail, "due": message.pending_until}
        return cls.model_validate({**fields, "rendered": dict(prepared.rendered) if prepared else {}}, from_attributes=True)


class StepCountsResponse(WireModel):
    """How many messages one step has, by status; a status of which there is no message is left out."""

    step: str
    total: int
    messages: dict[MessageStatus, int]


class CountsResponse(WireModel):
    """How many messages a journey has. If it is not `complete`, the numbers are those of a part, and lower bounds of the whole.

    `next` is the cursor of the following part; the numbers of all parts add up.
    """

    steps: tuple[StepCountsResponse, ...]
    complete: bool
    next: str | None

    @classmethod
    def of(cls, counts: Mapping[str, Mapping[MessageStatus, int]], *, is_complete: bool, following: str | None) -> CountsResponse:
        """The counts of one part, in the order of the steps' ids."""
        steps = tuple(
            StepCountsResponse(step=step, total=sum(by_status.values()), messages=dict(by_status))
            for step, by_status in sorted(counts.items())
        )
        return cls(steps=steps, complete=is_complete, next=following)


class PreviewResponse(WireModel):
    """A template as its provider would get it. `missing` are the variables without a value, `problems` what would keep it from being sent.

    `rendered` is empty if the template cannot be rendered.
    """

    rendered: dict[str, Any]
    missing: tuple[str, ...]
    problems: tuple[FindingResponse, ...]

    @classmethod
    def of(cls, rendered: Mapping[str, Any], missing: tuple[str, ...], problems: Sequence[Finding]) -> PreviewResponse:
        """A preview as the API shows it."""
        return cls(rendered=dict(rendered), missing=missing, problems=tuple(FindingResponse.of(each) for each in problems))


class SentTestResponse(WireModel):
    """What the provider answered to a test, as an attempt of a message has it, and what was sent to which address."""

    outcome: ProviderOutcome
    detail: str
    to: str
    rendered: dict[str, Any]
    missing: tuple[str, ...]
