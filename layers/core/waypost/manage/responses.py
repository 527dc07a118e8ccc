"""What the management API answers: one model for each shape of contract 5, filled from our own objects by the names of their parts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import AliasChoices, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

from waypost.domain.api_keys import Scope
from waypost.domain.customers.customer import Customer
from waypost.domain.dead_letters import Kind, Parked
from waypost.domain.intake.receipts import Outcome
from waypost.domain.journeys.lifecycle import JourneyStatus, Lifecycle
from waypost.domain.messages.message import Message, MessageReason, MessageStatus, PreparedMessage
from waypost.domain.messages.webhook_signatures import WebhookSecrets
from waypost.domain.reasons import Reason
from waypost.domain.runs.run import Cause, Run, RunStatus
from waypost.domain.runs.simulation import Simulation
from waypost.domain.values.wire_model import WireModel as Part
from waypost.domain.values.wire_time import iso
from waypost.manage.events import Recorded, Refused
from waypost.manage.simulation import RenderedMessage
from waypost.manage.timeline import Entry

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
    status: JourneyStatus
    version: int
    published_version: int | None
    created_at: Time
    updated_at: Time


class JourneyShape(JourneySummary):
    """A journey with its newest definition, as it was saved."""

    definition: dict[str, Any]

    @classmethod
    def of(cls, journey: Lifecycle, definition: dict[str, Any]) -> JourneyShape:
        """The journey with its newest definition."""
        return cls(**JourneySummary.model_validate(journey).model_dump(mode="python"), definition=definition)


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
    device_tokens: dict[str, str]
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
            device_tokens=dict(customer.tokens),
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


class SimulatedMove(Shape):
    """A step that a run came to, when and why; at its end, the step where it ended."""

    at: Time
    step: str
    reason: str
    run: str


class SimulatedMessage(Shape):
    """A message as its customer would see it; `reason` says why it would not be sent."""

    at: Time
    step: str
    channel: str
    rendered: dict[str, Any]
    reason: str | None


class SimulatedRefusal(Shape):
    """An event that opened no run, and why."""

    at: Time
    event: str
    reason: Reason


class SimulationShape(Shape):
    """What a dry run shows, in the order of time."""

    moves: tuple[SimulatedMove, ...]
    messages: tuple[SimulatedMessage, ...]
    ignored: tuple[SimulatedRefusal, ...]

    @classmethod
    def of(cls, simulation: Simulation, messages: Iterable[RenderedMessage]) -> SimulationShape:
        """The moves of all runs together."""
        moves = [SimulatedMove(at=each.at, step=each.step, reason=each.reason.value, run=run) for run, each in simulation.visits]
        return cls(
            moves=tuple(sorted(moves, key=lambda move: move.at)),
            messages=tuple(SimulatedMessage.model_validate(each) for each in messages),
            ignored=tuple(SimulatedRefusal.model_validate(each) for each in simulation.ignored),
        )


class ErrorShape(Shape):
    """Why an event was refused."""

    code: str
    detail: str
    pointer: str


class TrackedShape(Shape):
    """An event of the live tracker: what its receipt says and its payload; a refused one with its error and all that was sent."""

    uuid: str | None = None
    event: str | None
    source: str | None = None
    timestamp: Time | None = None
    received_at: Time
    customer: str | None = None
    status: Literal["accepted", "rejected"]
    journeys: tuple[MoveShape, ...] = ()
    messages: tuple[str, ...] = ()
    reason: Reason | None = None
    payload: Any = None
    error: ErrorShape | None = None
    sent: Any = None

    @classmethod
    def of_recorded(cls, recorded: Recorded) -> TrackedShape:
        """An event of the log."""
        event, receipt = recorded.event, recorded.receipt
        return cls(
            uuid=event.uuid,
            event=event.name,
            source=event.source,
            timestamp=event.at,
            received_at=recorded.received_at,
            customer=receipt.customer if receipt else recorded.customer,
            status="accepted",
            journeys=tuple(MoveShape.model_validate(move) for move in receipt.journeys) if receipt else (),
            messages=receipt.messages if receipt else (),
            reason=receipt.reason if receipt else None,
            payload=event.payload,
        )

    @classmethod
    def of_refused(cls, refused: Refused) -> TrackedShape:
        """A refused event, with all that was sent."""
        return cls(
            event=refused.name,
            received_at=refused.received_at,
            status="rejected",
            payload=refused.payload,
            error=ErrorShape.model_validate(refused.error),
            sent=refused.sent,
        )


class AttemptShape(Shape):
    """One call of the provider, or why there was none."""

    at: Time
    outcome: str
    detail: str


class MessageShape(Shape):
    """A message with what was rendered for it: empty before the first attempt, and again after 30 days."""

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
    attempts: tuple[AttemptShape, ...]
    created_at: Time
    rendered: dict[str, Any]

    @classmethod
    def of(cls, message: Message, kept: PreparedMessage | None) -> MessageShape:
        """The message with what is kept of its rendering."""
        return cls.model_validate({**_parts(message), "rendered": dict(kept.rendered) if kept else {}})


def _parts(message: Message) -> dict[str, Any]:
    return {name: getattr(message, name) for name in MessageShape.model_fields if name != "rendered"}


class EntryShape(Shape):
    """One thing of a timeline; what it has depends on its kind."""

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

    @classmethod
    def of(cls, entry: Entry) -> EntryShape:
        """An entry of the timeline."""
        if entry.message is not None:
            said = entry.message
            place = {"journey": said.journey, "run": said.run, "message": said.id, "channel": said.channel, "status": said.status}
            return cls(at=entry.at, kind="message", reason=said.reason, **place)
        if entry.timed_step is not None:
            run, _, visited = entry.timed_step
            return cls(at=entry.at, kind="move", reason=visited.reason, step=visited.step, journey=run.journey, run=run.id)
        about = {"at": entry.at, "kind": entry.kind, "event": entry.event and entry.event.name, "uuid": entry.event and entry.event.uuid}
        if entry.move is not None:
            move = entry.move
            return cls(**about, reason=move.reason, journey=move.journey, outcome=move.outcome, run=move.run)
        return cls(**about, reason=entry.receipt.reason if entry.receipt else None, payload=entry.event and entry.event.payload)


class ErasedShape(Shape):
    """What was removed of a customer; where it is not `complete`, the same request goes on."""

    id: str
    complete: bool
    removed: dict[str, int]


class ExportShape(Shape):
    """Everything of a customer; its history in parts, newest first."""

    customer: CustomerShape
    history: tuple[EntryShape, ...]
    messages: tuple[MessageShape, ...]
    next: str | None


class SecretShape(Shape):
    """The secret that signs webhooks; for a day after a rotation `previous` signs beside it."""

    secret: str
    previous: str | None
    rotated_at: Time

    @classmethod
    def of(cls, secrets: WebhookSecrets, now: datetime) -> SecretShape:
        """The secrets that sign now."""
        current, *earlier = secrets.active(now)
        return cls(secret=current, previous=earlier[0] if earlier else None, rotated_at=secrets.rotated_at)


class DeadLetterShape(Shape):
    """A signal or message that was given up on; `content` is what lay on the queue."""

    id: str
    kind: Kind
    subject: str
    reason: str
    parked_at: Time
    content: Any

    @classmethod
    def of(cls, parked: Parked, content: Any) -> DeadLetterShape:
        """A parked record, known by its position."""
        return cls(
            id=parked.position,
            kind=parked.kind,
            subject=parked.subject,
            reason=parked.reason,
            parked_at=parked.parked_at,
            content=content,
        )


class RedrivenShape(Shape):
    """How many parked records went back on their way."""

    redriven: int
