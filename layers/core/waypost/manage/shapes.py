"""What the management API answers: one model for each shape of contract 5, filled from our own objects by the names of their parts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

from pydantic import AliasChoices, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

from waypost.domain import messages
from waypost.domain.customers import Customer
from waypost.domain.keys import Scope
from waypost.domain.lifecycle import Status
from waypost.domain.parked import Kind
from waypost.domain.reasons import Reason
from waypost.domain.receipts import Outcome
from waypost.domain.runs import Run, RunStatus
from waypost.domain.schemas import Part
from waypost.domain.times import iso

Time = Annotated[datetime, PlainSerializer(iso), WithJsonSchema({"type": "string", "format": "date-time"})]
T = TypeVar("T")


class Shape(Part):
    """An answer, or a part of one."""

    model_config = ConfigDict(from_attributes=True)


class Page(Shape, Generic[T]):
    """A part of a list, newest first; `next` is the cursor of the part behind it, null at the end."""

    items: tuple[T, ...]
    next: str | None = None


class KeyShape(Shape):
    """An API key without the key itself."""

    id: str
    prefix: str
    name: str
    scopes: Annotated[tuple[Scope, ...], BeforeValidator(sorted)]
    created_at: Time
    expires_at: Time | None
    last_used_on: Annotated[str, Field(json_schema_extra={"format": "date"})] | None


class NewKeyShape(KeyShape):
    """A key that was just made, with the key itself, which is shown this once."""

    key: str


class JourneySummary(Shape):
    """A journey in a list. `version` is its newest draft, `publishedVersion` the one that customers enter."""

    id: str
    name: str
    status: Status
    version: int
    published_version: int | None
    created_at: Time
    updated_at: Time


class JourneyShape(JourneySummary):
    """A journey with its newest definition, as it was saved."""

    definition: dict[str, Any]


class RunShape(Shape):
    """Where a customer stands in a journey; `key` is null where the journey keeps none."""

    id: str
    journey: str
    version: int
    key: Annotated[str | None, BeforeValidator(lambda key: key or None)]
    step: str
    status: RunStatus
    entered_at: Time
    due: Time | None
    reason: Reason | None


class CustomerShape(Shape):
    """A customer, assembled from all that is known under its ids; `primaryKey` is null while it is anonymous."""

    id: str
    primary_key: Any
    anonymous: bool
    correlation_ids: tuple[str, ...]
    attributes: dict[str, Any]
    runs: tuple[RunShape, ...]

    @classmethod
    def of(cls, customer: Customer, runs: Sequence[Run]) -> CustomerShape:
        """The customer with its runs, the newest first."""
        newest = sorted(runs, key=lambda run: run.entered_at, reverse=True)
        return cls(
            id=customer.id,
            primary_key=customer.primary_key,
            anonymous=customer.anonymous,
            correlation_ids=customer.correlation_ids,
            attributes=dict(customer.attributes),
            runs=tuple(RunShape.model_validate(run) for run in newest),
        )


class MoveShape(Shape):
    """What an event did in one journey, or why it did nothing."""

    journey: str
    outcome: Outcome
    reason: Reason | None
    run: str | None


class ReceiptShape(Shape):
    """What came of one event."""

    uuid: str
    event: str
    received_at: Time
    customer: str
    journeys: tuple[MoveShape, ...] = Field(validation_alias=AliasChoices("journeys", "moves"))
    messages: tuple[str, ...]
    reason: Reason | None


class ErrorShape(Shape):
    """Why an event was refused."""

    code: str
    detail: str
    pointer: str


class TrackedShape(Shape):
    """An event of the live tracker: what its receipt says and its payload; a refused one with its error and all that was sent."""

    uuid: str | None
    event: str | None
    received_at: Time
    customer: str | None
    status: str = Field(description="`accepted`: not matched yet; `matched`; `rejected`")
    journeys: tuple[MoveShape, ...] = ()
    messages: tuple[str, ...] = ()
    reason: Reason | None = None
    payload: Any = None
    error: ErrorShape | None = None
    sent: Any = None


class AttemptShape(Shape):
    """One call of the provider, or why there was none."""

    at: Time
    outcome: str
    detail: str


class MessageSummary(Shape):
    """A message in a list."""

    id: str
    journey: str
    version: int
    run: str
    step: str
    channel: str
    customer: str
    to: str | None
    status: messages.Status
    reason: messages.Reason | None
    attempts: tuple[AttemptShape, ...]
    created_at: Time


class MessageShape(MessageSummary):
    """A message with what was rendered for it: null before the first attempt, and again after 30 days."""

    rendered: dict[str, Any] | None


class SecretShape(Shape):
    """The secret that signs webhooks; for a day after a rotation `previous` signs beside it."""

    secret: str
    previous: str | None
    rotated_at: Time


class DeadLetterShape(Shape):
    """A signal or message that was given up on; `content` is what lay on the queue."""

    id: str
    kind: Kind
    subject: str
    reason: str
    parked_at: Time
    content: Any


class RedrivenShape(Shape):
    """How many parked records went back on their way."""

    redriven: int
