"""What the management API takes: query parameters and bodies as models, so that reading them and describing them is one declaration."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, BeforeValidator, Field, ValidationError

from waypost.domain.api_keys import KEY, Scope
from waypost.domain.errors import RefusedError
from waypost.domain.messages.message import MessageStatus
from waypost.domain.values import client_timestamps, exact_json
from waypost.domain.values.findings import from_errors
from waypost.domain.values.wire_model import WireModel as Part

M = TypeVar("M", bound=BaseModel)
Name = Annotated[str, Field(min_length=1, max_length=200)]


class NoQuery(Part):
    """A route without parameters."""


class ListQuery(Part):
    """Which part of a list."""

    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, max_length=2000, description="`next` of the part before")

    def filter_key(self) -> Mapping[str, Any]:
        """What a cursor of this query is bound to: which list it is, without which part of it."""
        return {"list": type(self).__name__, **self.model_dump(mode="json", by_alias=True, exclude={"limit", "cursor"}, exclude_none=True)}


class KeyQuery(ListQuery):
    """Which keys."""


class JourneyQuery(ListQuery):
    """Which journeys."""


class DeadLetterQuery(ListQuery):
    """Which parked records."""


class MessageQuery(ListQuery):
    """Which messages."""

    customer: Name | None = None
    journey: Name | None = None
    status: MessageStatus | None = None


class EventQuery(ListQuery):
    """Which events of the live tracker; `since` is a time of receipt, and inclusive."""

    event: Name | None = None
    status: Literal["accepted", "rejected"] | None = None
    since: AwareDatetime | None = None


class CustomerQuery(Part):
    """Which customer: exactly one of the two."""

    primary_key: str | None = Field(None, min_length=1, max_length=1000)
    correlation_id: str | None = Field(None, min_length=1, max_length=250)


class TimelineQuery(ListQuery):
    """Which part of a customer's timeline."""


class NewKeyBody(Part):
    """A key to make, or with `key` to import."""

    name: str = Field("", max_length=200)
    scopes: frozenset[Scope] = Field(min_length=1)
    key: str | None = Field(None, pattern=f"^{KEY.pattern}$", description="A key to import")
    expires_at: AwareDatetime | None = None


class RedriveBody(Part):
    """Which parked record goes back on its way; without `id`, all of them."""

    id: str | None = Field(None, min_length=1, max_length=250)


def _instant(raw: Any) -> Any:
    reading = client_timestamps.parse(raw)
    return reading.at if reading else raw


Instant = Annotated[datetime, BeforeValidator(_instant, json_schema_input_type=AwareDatetime)]


class SimulatedCustomer(Part):
    """A customer of a dry run: one that exists, with these attributes over its own, or one that might."""

    primary_key: Any = None
    attributes: dict[str, Any] = Field(default_factory=dict)


class SimulatedEvent(Part):
    """An event of a dry run, and when it is accepted."""

    event: Name
    at: Instant
    payload: dict[str, Any] = Field(default_factory=dict)
    source: Name = "custom"


class Recorded(Part):
    """A span of time whose recorded events of the customer are played; it ends now unless it is told otherwise."""

    since: Instant
    until: Instant | None = None


class SimulationBody(Part):
    """What a dry run plays: events, the customer's recorded ones, or both."""

    customer: SimulatedCustomer = SimulatedCustomer()
    events: tuple[SimulatedEvent, ...] = Field((), max_length=1_000)
    recorded: Recorded | None = None


class DiagramQuery(Part):
    """What a diagram shows; `counts`: how many customers stand on each step."""

    counts: bool = False


def query_of(model: type[M], query: Mapping[str, str]) -> M:
    """The parameters of a request. RefusedError 400 names each that is unknown or wrong."""
    try:
        return model.model_validate(query)
    except ValidationError as error:
        errors = [{"code": each.code, "detail": each.detail, "parameter": each.pointer.removeprefix("/")} for each in from_errors(error)]
        said = "; ".join(f"{each['parameter']}: {each['detail']}".removeprefix(": ") for each in errors)
        raise RefusedError(400, "bad-parameter", f"Wrong parameters: {said}.", errors=errors) from None


def body_of(model: type[M], body: Any) -> M:
    """The body of a request. RefusedError 422 names each field that is unknown, missing or wrong."""
    try:
        return model.model_validate(body)
    except ValidationError as error:
        errors = [{"code": each.code, "detail": each.detail, "pointer": each.pointer} for each in from_errors(error)]
        raise RefusedError(422, "invalid", "The body is not what this route takes.", errors=errors) from None


def unicode_only(body: Any) -> Any:
    """The body, if all of its texts can be stored. RefusedError 422 for half a surrogate pair, which is no Unicode."""
    try:
        exact_json.dumps(body, ascii_only=False).encode()
    except UnicodeEncodeError:
        raise RefusedError(422, "bad-text", "A text holds half of a surrogate pair, which is no Unicode.") from None
    return body
