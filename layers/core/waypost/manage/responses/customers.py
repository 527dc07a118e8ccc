"""Responses about customers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator

from waypost.domain.customers.customer import Customer
from waypost.domain.intake.receipts import Outcome
from waypost.domain.messages.message import MessageReason, MessageStatus
from waypost.domain.reasons import Reason
from waypost.domain.runs.run import Cause, Run, RunStatus
from waypost.domain.values.wire_model import WireModel
from waypost.domain.values.zones import iana_name
from waypost.manage.responses.consents import ConsentRecordResponse
from waypost.manage.responses.lists import FindingResponse, Time
from waypost.manage.responses.messages import MessageResponse

INCOMPLETE_STATUS: Final = 202
"""The status of the response to an erasure that is not complete yet."""


class RunBranchResponse(WireModel):
    """A branch that a run took, the step to which it led, and when."""

    at: Time
    step: str
    branch: str


class RunResponse(WireModel):
    """Where a customer is in a journey. `key` is null if re-entry has no key.

    `hold` says why an active run stays in its step although the step itself takes no time. `branches` are those that it took, the oldest
    first.
    """

    id: str
    journey: str
    version: int
    key: Annotated[str | None, BeforeValidator(lambda key: key or None)]
    step: str
    status: RunStatus
    entered_at: Time
    due: Time | None
    hold: Literal["quiet-hours", "paused"] | None
    reason: Reason | None
    branches: tuple[RunBranchResponse, ...]

    @classmethod
    def of(cls, run: Run) -> RunResponse:
        """The run with the branches of its history."""
        fields = {name: getattr(run, name) for name in cls.model_fields if name not in ("hold", "branches")}
        hold = "paused" if run.pending_transition else run.hold and run.hold.value
        branches = [visit for visit in run.history if visit.branch is not None]
        return cls.model_validate({**fields, "hold": hold, "branches": branches}, from_attributes=True)


class CustomerResponse(WireModel):
    """A customer, assembled from all rows under its ids. `primaryKey` is null while the customer is anonymous."""

    id: str
    primary_key: Any
    anonymous: bool
    correlation_ids: tuple[str, ...]
    attributes: dict[str, Any]
    device_tokens: dict[str, str]
    runs: tuple[RunResponse, ...]
    warnings: tuple[FindingResponse, ...]

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
            runs=tuple(RunResponse.of(run) for run in newest),
            warnings=zone_warnings(customer, ""),
        )


def zone_warnings(customer: Customer, base: str) -> tuple[FindingResponse, ...]:
    """The warning about an attribute `timezone` that is no zone; `base` is the pointer to what holds the attributes."""
    zone = customer.attributes.get("timezone")
    if zone is None or iana_name(zone):
        return ()
    detail = "`timezone` is no IANA name such as `Europe/Paris`, so the zone of the workspace holds."
    return (FindingResponse(code="unknown-timezone", detail=detail, pointer=f"{base}/attributes/timezone"),)


class CrossedStepResponse(WireModel):
    """A step that a run reached, why, and along which branch of the step before."""

    step: str
    reason: Reason | Cause
    branch: str | None


class TimelineEntryResponse(WireModel):
    """One entry of a timeline. Its kind decides which fields have a value.

    `steps` are all steps that a run reached by the event of a move, in order; `step` and `branch` belong to a move by time. `due` is when
    a pending message is sent at the earliest, and `detail` says more of the `reason` of a message that was not sent.
    """

    at: Time
    kind: Literal["event", "move", "message"]
    reason: Reason | Cause | MessageReason | None = None
    step: str | None = None
    branch: str | None = None
    steps: tuple[CrossedStepResponse, ...] | None = None
    due: Time | None = None
    detail: str | None = None
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
    """An erasure that was requested, and what the request itself removed, by kind."""

    id: str
    complete: bool
    removed: dict[str, int]


class ErasureStatusResponse(WireModel):
    """Whether an erasure is complete. `erasedAt` is its time: events from until then are dropped for ever."""

    id: str
    complete: bool
    erased_at: Time


class ExportResponse(WireModel):
    """Everything that is stored of a customer. Its history comes in pages, newest first; the first page has all changes of consent."""

    customer: CustomerResponse
    history: tuple[TimelineEntryResponse, ...]
    messages: tuple[MessageResponse, ...]
    consents: tuple[ConsentRecordResponse, ...]
    next: str | None
