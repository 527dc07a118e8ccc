"""Responses about customers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from waypost.domain.customers.customer import Customer
from waypost.domain.intake.receipts import Outcome
from waypost.domain.messages.message import MessageReason, MessageStatus
from waypost.domain.reasons import Reason
from waypost.domain.runs.run import Cause, Run, RunStatus
from waypost.domain.values.wire_model import WireModel
from waypost.manage.responses.lists import Time
from waypost.manage.responses.messages import MessageResponse


class RunResponse(WireModel):
    """Where a customer is in a journey. `key` is null if re-entry has no key."""

    id: str
    journey: str
    version: int
    key: Annotated[str | None, BeforeValidator(lambda key: key or None)]
    step: str
    status: RunStatus
    entered_at: Time
    due: Time | None
    reason: Reason | None


class CustomerResponse(WireModel):
    """A customer, assembled from all rows under its ids. `primaryKey` is null while the customer is anonymous."""

    id: str
    primary_key: Any
    anonymous: bool
    correlation_ids: tuple[str, ...]
    attributes: dict[str, Any]
    device_tokens: dict[str, str]
    runs: tuple[RunResponse, ...]

    @classmethod
    def of(cls, customer: Customer, runs: Sequence[Run]) -> CustomerResponse:
        """The customer with its runs, the newest first."""
        newest = sorted(runs, key=lambda run: run.entered_at, reverse=True)
        return cls(
            id=customer.id,
            primary_key=customer.primary_key,
            anonymous=customer.anonymous,
            correlation_ids=customer.correlation_ids,
            attributes=dict(customer.attributes),
            device_tokens=dict(customer.tokens),
            runs=tuple(RunResponse.model_validate(run, from_attributes=True) for run in newest),
        )


class TimelineEntryResponse(WireModel):
    """One entry of a timeline. Its kind decides which fields have a value."""

    at: Time
    kind: Literal["event", "move", "message"]
    reason: Reason | Cause | MessageReason | None = None
    step: str | None = None
    event: str | None = None
    uuid: str | None = None
    payload: Any = None
    journey: str | None = None
    outcome: Outcome | None = None
    run: str | None = None
    message: str | None = None
    channel: str | None = None
    status: MessageStatus | None = None


class ErasureResponse(WireModel):
    """What an erasure removed, by kind. If it is not `complete`, the same request continues it."""

    id: str
    complete: bool
    removed: dict[str, int]


class ExportResponse(WireModel):
    """Everything that is stored of a customer. Its history comes in pages, newest first."""

    customer: CustomerResponse
    history: tuple[TimelineEntryResponse, ...]
    messages: tuple[MessageResponse, ...]
    next: str | None
