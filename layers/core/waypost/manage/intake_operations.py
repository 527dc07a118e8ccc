"""The routes of the intake, as the OpenAPI document describes them. The intake function answers them, without these models."""

from __future__ import annotations

from typing import Any, Final

from pydantic import Field

from waypost.domain.intake.wire_event import WireEvent
from waypost.domain.values.wire_model import WireModel
from waypost.manage.api import Operation
from waypost.web.routes import INTAKE_ROUTES, Route


class BatchRequest(WireModel):
    """The events of one request."""

    batch: tuple[WireEvent, ...] = Field(min_length=1, max_length=1000)
    sent_at: Any = Field(None, description="The sender's clock, by which times without a zone are corrected")
    historical: bool = Field(default=False, description="Sets attributes and is recorded, triggers nothing")


class EventError(WireModel):
    """Why an event was rejected."""

    code: str
    detail: str
    pointer: str
    retryable: bool


class EventResult(WireModel):
    """The result of one event, in the order of the request."""

    index: int
    uuid: str | None
    status: str
    warnings: tuple[dict[str, str], ...] | None = None
    error: EventError | None = None


class BatchResponse(WireModel):
    """The result of a batch. Accepted events are durable; their effects are in their receipts."""

    code: str | None = None
    request_id: str
    received_at: str
    accepted: int
    rejected: int
    results: tuple[EventResult, ...]


def _described(route: Route) -> Operation:
    if route.name == "preflight":
        return Operation(route.method, route.path, route.name, "The CORS preflight of a browser", None, scope=route.scope, status=204)
    summary, body = ("Send one event", WireEvent) if route.name == "event" else ("Send events", BatchRequest)
    return Operation(
        route.method,
        route.path,
        route.name,
        summary,
        None,
        BatchResponse,
        scope=route.scope,
        body=body,
        status=201,
        further_statuses=(207, 422),
    )


INTAKE_OPERATIONS: Final = tuple(_described(route) for route in INTAKE_ROUTES)
