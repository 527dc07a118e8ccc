"""Parses the body of a request to the intake (`docs/events.md#the-event`): each event of the batch becomes an `Event` or an error."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

from waypost.domain.customers.consents import CONSENT_EVENTS
from waypost.domain.customers.identifiers import Identifier, correlation_identifier, is_placeholder, primary_identifier
from waypost.domain.customers.schema import Schema
from waypost.domain.errors import RefusedError
from waypost.domain.intake.consent_payloads import consent_in
from waypost.domain.intake.events import Accepted, Event, IntakeResult, Kind, Rejected
from waypost.domain.intake.payloads import EventRejectedError, EventWarning, FactsBuilder, Identification, identification_of, illegal_id
from waypost.domain.intake.wire_event import WireEvent, wire_event_of
from waypost.domain.values import client_timestamps, exact_json, limits
from waypost.domain.values.generated_ids import digest

IDEMPOTENCY_KEY_LENGTH: Final = 100


@dataclass(frozen=True, slots=True)
class RequestContext:
    """The request as the parser and the intake need it: the workspace of its key and its schema, the time of receipt, and its headers.

    `invocation_id` is an id that no other request has. It is not the id that API Gateway gives: ids and row keys are made from it, and
    `sam local` and the test button of the console repeat theirs, so that different events would be taken for one. `bare`: the body is one
    event and not a batch, so the JSON pointers of errors start at the event.
    """

    workspace: str
    schema: Schema
    received_at: datetime
    invocation_id: str
    idempotency_key: str | None = None
    bare: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """The events of one request in its order: the result for each, and the JSON value that was sent for it (`raw`)."""

    results: tuple[IntakeResult, ...]
    raw: tuple[Any, ...]
    historical: bool


class _SentAt(NamedTuple):
    """The `sentAt` of a batch, None if it has none that can be read; and the warning of the events that it could have corrected."""

    value: Any = None
    warning: EventWarning | None = None


def parse(body: Any, request_context: RequestContext) -> Batch:
    """The batch in a JSON body, or in a bare event. RefusedError if the body has no batch, or too many events, as a whole."""
    if request_context.idempotency_key is not None and len(request_context.idempotency_key) > IDEMPOTENCY_KEY_LENGTH:
        raise RefusedError(400, "bad-idempotency-key", f"The header Idempotency-Key has at most {IDEMPOTENCY_KEY_LENGTH} characters.")
    envelope = {"batch": [body]} if request_context.bare else body
    raw = _events_in(envelope)
    historical = _historical(envelope)
    parser = _Parser(request_context, _sent_at(envelope))
    return Batch(tuple(parser.result(index, each) for index, each in enumerate(raw)), tuple(raw), historical)


# An SDK deletes its events after a 400, so only a mistake that does harm gets one. Taken for false, `historical` with a wrong type would
# send messages to every customer of an import. Without `sentAt` the events are all there, with the time that the sender's clock showed.
def _historical(envelope: Mapping[str, Any]) -> bool:
    given = envelope.get("historical")
    if given is None or isinstance(given, bool):
        return given is True
    raise RefusedError(400, "bad-historical", "`historical` is true or false, or absent.", pointer="/historical")


def _sent_at(envelope: Mapping[str, Any]) -> _SentAt:
    name = next((name for name in ("sentAt", "sent_at") if envelope.get(name) is not None), None)
    if name is None:
        return _SentAt()
    value = envelope[name]
    return _SentAt(value) if client_timestamps.parse(value) else _SentAt(warning=EventWarning("bad-sent-at", f"/{name}"))


def _events_in(envelope: Any) -> list[Any]:
    raw = envelope.get("batch") if isinstance(envelope, dict) else None
    if not isinstance(raw, list):
        detail = 'The body must be {"batch": [event, ...]}; this one has no array `batch`.'
        raise RefusedError(400, "no-batch", detail, pointer="/batch" if isinstance(envelope, dict) else "")
    if not raw:
        raise RefusedError(400, "empty-batch", "The batch has no events.", pointer="/batch")
    if len(raw) > limits.BATCH_EVENTS:
        raise RefusedError(
            413,
            "too-many-events",
            f"A batch has at most {limits.BATCH_EVENTS} events; this one has {len(raw)}.",
            limit=limits.BATCH_EVENTS,
            size=len(raw),
        )
    return raw


@dataclass(slots=True)
class _Parser:
    """Parses the events of one batch in order. It counts identical events, to give each a uuid of its own."""

    request_context: RequestContext
    sent_at: _SentAt
    duplicate_counts: Counter[str] = field(default_factory=Counter)

    def result(self, index: int, raw: Any) -> IntakeResult:
        base = "" if self.request_context.bare else f"/batch/{index}"
        try:
            return self._accepted(index, raw, base)
        except EventRejectedError as error:
            return Rejected(error.code, error.detail, base + error.pointer or "/")

    def _accepted(self, index: int, raw: Any, base: str) -> Accepted:
        wire = wire_event_of(raw)
        identifier = self._identifier(wire)
        kind = _kind(wire)
        time = client_timestamps.event_time(wire.timestamp, self.sent_at.value, self.request_context.received_at)
        warnings = [EventWarning(time.warning, "/timestamp")] if time.warning else []
        if raw.get("historical") is not None:
            warnings.append(EventWarning("ignored-field", "/historical"))
        uuid, is_repeatable = self._uuid(index, wire, identifier)
        if not is_repeatable:
            warnings.append(EventWarning("not-repeatable"))
        identification = self._identification(wire, kind, identifier, warnings)
        facts = _facts(FactsBuilder(self.request_context.schema, time.at, uuid, warnings), wire, kind, identifier, identification)
        if kind is Kind.TRIGGER and wire.event in CONSENT_EVENTS:
            # A consent never happens after its receipt: a clock that is fast would otherwise win against what the customer does next.
            at = min(time.at, self.request_context.received_at)
            facts |= consent_in(wire.event, wire.payload, wire.source, at, uuid, warnings).facts
        event = Event(uuid, wire.event, kind, identifier, wire.source, wire.payload, time.at, facts, identification)
        in_body = [each.below(base) for each in warnings]
        if self.sent_at.warning is not None and wire.timestamp is not None:
            in_body.append(self.sent_at.warning)
        return Accepted(event, tuple(in_body), is_repeatable and time.has_server_time)

    def _identifier(self, wire: WireEvent) -> Identifier:
        if is_placeholder(wire.correlation_value):
            raise illegal_id(wire.correlation_value, "/correlationValue")
        if wire.correlation_key == "_id":
            return correlation_identifier(wire.correlation_value)
        key = self.request_context.schema.primary_key
        if key is None or wire.correlation_key != key.name:
            allowed = "`_id`" if key is None else f"`_id` or `{key.name}`"
            raise EventRejectedError("unknown-correlation-key", f"correlationKey must be {allowed}.", "/correlationKey")
        primary = primary_identifier(wire.correlation_value, key)
        if primary is None:
            raise EventRejectedError("bad-correlation-value", f"The primary key value must be of type {key.type}.", "/correlationValue")
        if is_placeholder(primary.value):
            raise illegal_id(wire.correlation_value, "/correlationValue")
        return primary

    def _identification(self, wire: WireEvent, kind: Kind, identifier: Identifier, warnings: list[EventWarning]) -> Identification | None:
        if kind is not Kind.IDENTIFY:
            return None
        identification = identification_of(wire.payload, self.request_context.schema.primary_key, warnings)
        if identifier.kind == "primary" and identifier != identification.primary:
            raise EventRejectedError(
                "correlation-conflict", "correlationValue and distinct_id are two different primary key values.", "/payload/distinct_id"
            )
        return identification

    def _uuid(self, index: int, wire: WireEvent, identifier: Identifier) -> tuple[str, bool]:
        """The uuid of the event, and whether it gets the same one if it is sent again (`docs/events.md#safe-retries`)."""
        if wire.uuid:
            return wire.uuid, True
        context = self.request_context
        if wire.timestamp is None and not context.idempotency_key:
            return digest("fresh", context.workspace, context.invocation_id, str(index)), False
        whole = (wire.correlation_key, identifier.value, wire.event, wire.source, exact_json.canonical([wire.timestamp, wire.payload]))
        content_hash = digest("event", context.workspace, *whole)
        if wire.timestamp is None and context.idempotency_key:
            # The content and not the index: a client may send the events again that were not stored, without those that were. An index
            # would then give one event the uuid of another, and it would be lost as a duplicate.
            content_hash = digest("idempotency", context.idempotency_key, content_hash)
        # Two identical events of one batch are two events, not one: a customer may buy the same thing twice in one second. Their count
        # distinguishes them, and gives the same uuids when the whole batch is sent again.
        self.duplicate_counts[content_hash] += 1
        return digest("twin", content_hash, str(self.duplicate_counts[content_hash])), True


def _facts(
    builder: FactsBuilder, wire: WireEvent, kind: Kind, identifier: Identifier, identification: Identification | None
) -> dict[str, str]:
    """The attributes and device tokens that an event sets, and the primary key value as it was given."""
    facts = builder.device_tokens((wire.fcm, wire.payload if wire.event == "$fcm" else None))
    if kind in (Kind.IDENTIFY, Kind.SET):
        facts |= builder.attributes(wire.payload, identified_as=identification.primary if identification else None)
    if identification is not None:
        facts |= builder.primary_key_value(identification.primary, wire.payload["distinct_id"])
    elif identifier.kind == "primary":
        facts |= builder.primary_key_spelling(identifier, wire.correlation_value)
    return facts


def _kind(wire: WireEvent) -> Kind:
    if wire.source == "message":
        return Kind.REPORT
    return {"$identify": Kind.IDENTIFY, "$set": Kind.SET}.get(wire.event, Kind.TRIGGER)
