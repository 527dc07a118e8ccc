"""Responses about events: receipts, and the list of events."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from waypost.domain.intake.receipts import Outcome
from waypost.domain.reasons import Reason
from waypost.domain.values.wire_model import WireModel
from waypost.manage.responses.lists import Time


class TakenBranchResponse(WireModel):
    """A branch that a run took, and the step that has it."""

    step: str
    branch: str


class JourneyOutcomeResponse(WireModel):
    """What an event did in one journey, or why it did nothing. `branches` are those that the run took."""

    journey: str
    outcome: Outcome
    reason: Reason | None
    run: str | None
    branches: tuple[TakenBranchResponse, ...] = ()


class ReceiptResponse(WireModel):
    """The effects of one event."""

    uuid: str
    event: str
    received_at: Time
    customer: str
    journeys: tuple[JourneyOutcomeResponse, ...]
    messages: tuple[str, ...]
    reason: Reason | None


class RejectionResponse(WireModel):
    """Why an event was rejected."""

    code: str
    detail: str
    pointer: str


class ListedEventResponse(WireModel):
    """An event of the list: an accepted one with the fields of its receipt, a rejected one with its error and all that was sent.

    `correlationKey` and `correlationValue` name the customer as the event did, null in a rejected event that had no text there.
    `primaryKey` is the normalised primary key value of the customer, null if it has none.
    """

    uuid: str | None = None
    event: str | None
    source: str | None = None
    timestamp: Time | None = None
    received_at: Time
    correlation_key: str | None = None
    correlation_value: str | None = None
    customer: str | None = None
    primary_key: Any = None
    status: Literal["accepted", "rejected"]
    journeys: tuple[JourneyOutcomeResponse, ...] = ()
    messages: tuple[str, ...] = ()
    reason: Reason | None = None
    payload: Any = None
    error: RejectionResponse | None = None
    sent: Any = None


class HistogramBucket(WireModel):
    """How many events were accepted and rejected in one period, from its start on."""

    from_: Time = Field(alias="from")
    accepted: int
    rejected: int


class HistogramResponse(WireModel):
    """Events over time. Unless `complete`, `accepted` are lower bounds, and before `countedFrom` events may be missing altogether."""

    since: Time
    until: Time
    bucket_seconds: int
    buckets: tuple[HistogramBucket, ...]
    complete: bool
    counted_from: Time


class QueuedEventResponse(WireModel):
    """An event that is on the queue. Its receipt appears under this uuid when it was matched."""

    uuid: str
