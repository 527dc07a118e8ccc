"""The wire contract of the intake: a batch of events, each parsed into an `Event` or refused with an exact error."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Final, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from waypost.domain.customers.facts import Facts
from waypost.domain.customers.identifiers import ID_LENGTH, Identifier, correlation, fold, is_placeholder, primary
from waypost.domain.customers.schema import Schema
from waypost.domain.errors import RefusedError
from waypost.domain.intake.events import Accepted, Event, Kind, Rejected
from waypost.domain.intake.payloads import EventWarning, FactMaker, Identification, Refusal, identification_of
from waypost.domain.values import client_timestamps, exact_json, json_pointers, limits
from waypost.domain.values.generated_ids import digest

IDEMPOTENCY_KEY_LENGTH: Final = 100

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RequestContext:
    """How a batch arrived: whose it is, when, under which request, and what makes its events repeatable."""

    workspace: str
    schema: Schema
    received_at: datetime
    request_id: str
    idempotency_key: str | None = None
    bare: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """The events of one HTTP call, in the order of the request, each accepted or rejected, beside what was sent for each."""

    entries: tuple[Accepted | Rejected, ...]
    raw: tuple[Any, ...]
    historical: bool


def _one_id(value: Any) -> Any:
    """An id, or the only one in an array, folded before its length counts."""
    one = value[0] if isinstance(value, list) and len(value) == 1 else value
    return fold(one) if isinstance(one, str) else one


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank")
    return text


class WireEvent(BaseModel):
    """One event as callers send it. Fields that are not listed are kept out and are never an error; null is absent."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, alias_generator=to_camel, title="Event")

    event: Annotated[str, AfterValidator(_not_blank)] = Field(max_length=200, description="The name; `$identify` and `$set` are ours")
    correlation_key: str = Field(description="`_id`, or the name of the workspace's primary key")
    correlation_value: Annotated[str, BeforeValidator(_one_id), AfterValidator(_not_blank)] = Field(
        max_length=ID_LENGTH, description="A correlation id or a primary key value, or an array of just one"
    )
    source: Annotated[str, AfterValidator(_not_blank)] = Field("custom", max_length=200)
    payload: dict[str, Any] = Field(default_factory=dict)
    timestamp: Any = Field(None, description="ISO 8601, epoch seconds or milliseconds, or `Nov 23, 2026, 5:17:13 AM`")
    uuid: Annotated[str, AfterValidator(fold), AfterValidator(_not_blank)] | None = Field(None, max_length=100)
    fcm: Any = Field(None, alias="$fcm", description="{androidDeviceToken?, iosDeviceToken?}")


def parse(body: Any, request_context: RequestContext) -> Batch:
    """The batch in a JSON body, or in a bare event. RefusedError where there is no batch or it has too many events."""
    if request_context.idempotency_key is not None and len(request_context.idempotency_key) > IDEMPOTENCY_KEY_LENGTH:
        raise RefusedError(400, "bad-idempotency-key", f"Idempotency-Key has at most {IDEMPOTENCY_KEY_LENGTH} characters.")
    envelope = {"batch": [body]} if request_context.bare else body
    raw = _events_in(envelope)
    sent_at = next((envelope[name] for name in ("sentAt", "sent_at") if envelope.get(name) is not None), None)
    historical = envelope.get("historical") is True
    parser = _Parser(request_context, sent_at)
    return Batch(tuple(parser.entry(index, each) for index, each in enumerate(raw)), tuple(raw), historical)


def _events_in(envelope: Any) -> list[Any]:
    raw = envelope.get("batch") if isinstance(envelope, dict) else None
    if not isinstance(raw, list):
        raise RefusedError(400, "no-batch", 'The body is {"batch": [event, ...]}; this one has no array `batch`.')
    if not raw:
        raise RefusedError(400, "empty-batch", "The batch has no events.")
    if len(raw) > limits.BATCH_EVENTS:
        raise RefusedError(
            413,
            "too-many-events",
            f"A batch has at most {limits.BATCH_EVENTS} events; this one has {len(raw)}.",
            limit=limits.BATCH_EVENTS,
            size=len(raw),
        )
    return raw


class _EventRejectedError(Exception):
    """Leaves the parsing of one event; never leaves this room."""

    def __init__(self, code: str, detail: str, pointer: str) -> None:
        super().__init__(code)
        self.code, self.detail, self.pointer = code, detail, pointer


@dataclass(slots=True)
class _Parser:
    """Parses the events of one batch in order; remembers how many identical twins came before."""

    request_context: RequestContext
    sent_at: Any
    duplicate_counts: Counter[str] = field(default_factory=Counter)

    def entry(self, index: int, raw: Any) -> Accepted | Rejected:
        base = "" if self.request_context.bare else f"/batch/{index}"
        try:
            return self._accepted(index, raw, base)
        except _EventRejectedError as error:
            return Rejected(error.code, error.detail, base + error.pointer or "/")

    def _accepted(self, index: int, raw: Any, base: str) -> Accepted:
        _within_bounds(raw)
        wire = _wire(raw)
        identifier = self._identifier(wire)
        kind = _kind(wire)
        time = client_timestamps.event_time(wire.timestamp, self.sent_at, self.request_context.received_at)
        warnings = [EventWarning(time.warning, "/timestamp")] if time.warning else []
        uuid, repeatable = self._uuid(index, wire, identifier)
        if not repeatable:
            warnings.append(EventWarning("not-repeatable"))
        identification = self._identification(wire, kind, identifier, warnings)
        maker = FactMaker(self.request_context.schema, time.at, uuid, warnings)
        facts = _facts(maker, wire, kind, identifier, identification)
        event = Event(uuid, wire.event, kind, identifier, wire.source, wire.payload, time.at, facts, identification)
        return Accepted(event, tuple(each.below(base) for each in warnings), repeatable and time.has_server_time)

    def _identifier(self, wire: WireEvent) -> Identifier:
        if is_placeholder(wire.correlation_value):
            raise _illegal_id(wire)
        if wire.correlation_key == "_id":
            return correlation(wire.correlation_value)
        key = self.request_context.schema.primary_key
        if key is None or wire.correlation_key != key.name:
            known = "`_id`" if key is None else f"`_id` or `{key.name}`"
            raise _EventRejectedError("unknown-correlation-key", f"correlationKey must be {known}.", "/correlationKey")
        named = primary(wire.correlation_value, key)
        if named is None:
            raise _EventRejectedError(
                "bad-correlation-value", f"This is no value of the primary key's type, {key.type}.", "/correlationValue"
            )
        if is_placeholder(named.value):
            raise _illegal_id(wire)
        return named

    def _identification(self, wire: WireEvent, kind: Kind, identifier: Identifier, warnings: list[EventWarning]) -> Identification | None:
        if kind is not Kind.IDENTIFY:
            return None
        identification = _or_reject(identification_of(wire.payload, self.request_context.schema.primary_key, warnings))
        if identifier.kind == "primary" and identifier != identification.primary:
            raise _EventRejectedError(
                "correlation-conflict", "correlationValue and distinct_id name two customers.", "/payload/distinct_id"
            )
        return identification

    def _uuid(self, index: int, wire: WireEvent, identifier: Identifier) -> tuple[str, bool]:
        """The event's identity, and whether sending it again gives the same one."""
        if wire.uuid:
            return wire.uuid, True
        if wire.timestamp is not None:
            whole = (wire.correlation_key, identifier.value, wire.event, wire.source, exact_json.canonical([wire.timestamp, wire.payload]))
            name = digest("event", self.request_context.workspace, *whole)
            self.duplicate_counts[name] += 1
            return digest("twin", name, str(self.duplicate_counts[name])), True
        if self.request_context.idempotency_key:
            return digest("idempotency", self.request_context.workspace, self.request_context.idempotency_key, str(index)), True
        return digest("fresh", self.request_context.workspace, self.request_context.request_id, str(index)), False


def _illegal_id(wire: WireEvent) -> _EventRejectedError:
    return _EventRejectedError(
        "illegal-id", f"{wire.correlation_value!r} names nobody; broken clients send it for everybody.", "/correlationValue"
    )


def _or_reject(outcome: T | Refusal) -> T:
    if isinstance(outcome, Refusal):
        raise _EventRejectedError(*outcome)
    return outcome


def _facts(maker: FactMaker, wire: WireEvent, kind: Kind, identifier: Identifier, identification: Identification | None) -> Facts:
    """All that the event says of its customer: attributes, device tokens, the primary key as given."""
    facts = maker.tokens((wire.fcm, wire.payload if wire.event == "$fcm" else None))
    if kind in (Kind.IDENTIFY, Kind.SET):
        facts |= _or_reject(maker.attributes(wire.payload, named_as=identification.primary if identification else None))
    if identification is not None:
        facts |= maker.primary(identification.primary, wire.payload["distinct_id"])
    elif identifier.kind == "primary":
        facts |= maker.spelling(identifier, wire.correlation_value)
    return facts


def _within_bounds(raw: Any) -> None:
    if not isinstance(raw, dict):
        raise _EventRejectedError("not-an-object", "An event is a JSON object.", "")
    found = limits.find_violation(raw)
    if found:
        raise _EventRejectedError(*found)
    size = len(exact_json.dumps(raw, ascii_only=False).encode())
    if size > limits.EVENT_BYTES:
        raise _EventRejectedError("event-too-large", f"An event has at most {limits.EVENT_BYTES} bytes of JSON; this one has {size}.", "")
    payload = raw.get("payload")
    if isinstance(payload, dict) and len(payload) > limits.PAYLOAD_KEYS:
        raise _EventRejectedError(
            "too-many-keys", f"A payload has at most {limits.PAYLOAD_KEYS} keys; this one has {len(payload)}.", "/payload"
        )


def _wire(raw: Mapping[str, Any]) -> WireEvent:
    try:
        return WireEvent.model_validate({name: value for name, value in raw.items() if value is not None})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = str(first["loc"][0])
        lack = "missing" if first["type"] == "missing" else "bad"
        raise _EventRejectedError(f"{lack}-{_CODES[name]}", f"{name}: {first['msg']}.", json_pointers.token(name)) from None


_CODES: Final = {
    "event": "event",
    "correlationKey": "correlation-key",
    "correlationValue": "correlation-value",
    "source": "source",
    "payload": "payload",
    "uuid": "uuid",
}


def _kind(wire: WireEvent) -> Kind:
    if wire.source == "message":
        return Kind.REPORT
    return {"$identify": Kind.IDENTIFY, "$set": Kind.SET}.get(wire.event, Kind.TRIGGER)
