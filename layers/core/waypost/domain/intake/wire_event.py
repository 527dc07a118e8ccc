"""One event as clients send it (`docs/events.md#the-event`): its fields, and the checks that need nothing but the event itself."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, ValidationError

from waypost.domain.customers.identifiers import ID_LENGTH, normalize
from waypost.domain.intake.payloads import EventRejectedError
from waypost.domain.values import exact_json, limits
from waypost.domain.values.json_pointers import token
from waypost.domain.values.wire_model import WireModel

_CODE_NAMES: Final = {
    "event": "event",
    "correlationKey": "correlation-key",
    "correlationValue": "correlation-value",
    "source": "source",
    "payload": "payload",
    "uuid": "uuid",
}
"""By field: its name in error codes."""


def _one_id(value: Any) -> Any:
    """An id, or the only element of an array (Laudspeaker accepts one too), normalised before its length is checked."""
    one = value[0] if isinstance(value, list) and len(value) == 1 else value
    return normalize(one) if isinstance(one, str) else one


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank")
    return text


class WireEvent(WireModel):
    """One event as clients send it. Unknown fields are ignored; null counts as absent."""

    # Names of Python fields count as unknown ones: no client has ever sent `correlation_key`, and a field `fcm` is not `$fcm`.
    model_config = ConfigDict(extra="ignore", strict=True, validate_by_name=False, title="Event")

    event: Annotated[str, AfterValidator(_not_blank)] = Field(max_length=200, description="The name; `$identify` and `$set` are reserved")
    correlation_key: str = Field(description="`_id`, or the name of the workspace's primary key")
    correlation_value: Annotated[str, BeforeValidator(_one_id), AfterValidator(_not_blank)] = Field(
        max_length=ID_LENGTH, description="A correlation id or a primary key value, or an array of just one"
    )
    source: Annotated[str, AfterValidator(_not_blank)] = Field("custom", max_length=200)
    payload: dict[str, Any] = Field(default_factory=dict)
    timestamp: Any = Field(None, description="ISO 8601, epoch seconds or milliseconds, or `Nov 23, 2026, 5:17:13 AM`")
    uuid: Annotated[str, AfterValidator(normalize), AfterValidator(_not_blank)] | None = Field(None, max_length=100)
    fcm: Any = Field(None, alias="$fcm", description="{androidDeviceToken?, iosDeviceToken?}")


def wire_event_of(raw: Any) -> WireEvent:
    """The event in a JSON value of any type.

    EventRejectedError for a value that is no object, exceeds a limit of one event, or has a field that is missing or invalid: the first
    of these that is found.
    """
    _check_limits(raw)
    try:
        return WireEvent.model_validate({name: value for name, value in raw.items() if value is not None})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = str(first["loc"][0])
        problem = "missing" if first["type"] == "missing" else "bad"
        raise EventRejectedError(f"{problem}-{_CODE_NAMES[name]}", f"{name}: {first['msg']}.", token(name)) from None


def _check_limits(raw: Any) -> None:
    """EventRejectedError for a value that is no object, or that exceeds a limit of one event (`docs/events.md#limits`)."""
    if not isinstance(raw, dict):
        raise EventRejectedError("not-an-object", "An event must be a JSON object.", "")
    violation = limits.find_violation(raw)
    if violation:
        raise EventRejectedError(*violation)
    size = len(exact_json.dumps(raw, ascii_only=False).encode())
    if size > limits.EVENT_BYTES:
        raise EventRejectedError("event-too-large", f"An event has at most {limits.EVENT_BYTES} bytes of JSON; this one has {size}.", "")
    payload = raw.get("payload")
    if isinstance(payload, dict) and len(payload) > limits.PAYLOAD_KEYS:
        raise EventRejectedError(
            "too-many-keys", f"A payload has at most {limits.PAYLOAD_KEYS} keys; this one has {len(payload)}.", "/payload"
        )
