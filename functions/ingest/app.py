"""The handler of the ingest function: an HTTP request becomes a batch, and its results a response (`docs/events.md#routes`)."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from aws_lambda_powertools.utilities.typing import LambdaContext

from waypost import wiring
from waypost.domain.errors import RefusedError
from waypost.domain.intake import batch_parser
from waypost.domain.intake.batch_parser import RequestContext
from waypost.ingest.batch import IngestResult, ingest
from waypost.ingest.responses import response_to
from waypost.ingest.time_budget import TimeBudget
from waypost.telemetry import MetricUnit, logger, metrics
from waypost.web import http, routes
from waypost.web.http import Request, Response
from waypost.web.routes import INTAKE_ROUTES, Route


@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> http.LambdaResponse:
    """Responds to a request of API Gateway, in payload format 1.0 or 2.0."""
    metrics.add_metric("Requests", MetricUnit.Count, 1)
    started = time.monotonic()
    request = http.read(event)
    request_id = request.id or context.aws_request_id
    response = http.respond(lambda: _respond(request, request_id, started), request_id, logger.info, logger.exception)
    if response.status == HTTPStatus.SERVICE_UNAVAILABLE:
        metrics.add_metric("Unavailable", MetricUnit.Count, 1)
    return http.write(response, request_id, request.method)


def _respond(request: Request, request_id: str, started: float) -> Response:
    route = _route(request)
    if route.name == "preflight":
        return http.PREFLIGHT
    if route.scope != "events":
        raise RefusedError(404, "not-found", "This function accepts events only; the management API has this route.")
    return _ingest(request, request_id, bare=route.name == "event", started=started)


def _route(request: Request) -> Route:
    """The route of the request. RefusedError 404 or 405, the same as in the management function, for a route of neither function.

    A path below `/api/events` may be a path of the management API, and its 405 names the methods there. Only a request with a wrong path
    or method loads that table: its models would make every cold start of the intake slower.
    """
    try:
        return routes.match(INTAKE_ROUTES, request.method, request.path).route
    except RefusedError:
        from waypost.manage.operations import ALL_OPERATIONS  # noqa: PLC0415 - see above

        return routes.match(ALL_OPERATIONS, request.method, request.path).route


def _ingest(request: Request, request_id: str, *, bare: bool, started: float) -> Response:
    received_at, dependencies = wiring.now(), wiring.intake()
    budget = TimeBudget(lambda: time.monotonic() - started, dependencies.lookups)
    key = wiring.authenticator().authenticate(request.headers.get("authorization"), "events", received_at, budget.look_up)
    body = http.json_body(request)
    schema = wiring.schemas().of(key.workspace, received_at, budget.look_up)
    request_context = RequestContext(key.workspace, schema, received_at, uuid4().hex, request.headers.get("idempotency-key"), bare)
    batch = batch_parser.parse(body, request_context)
    ingested = ingest(batch, request_context, dependencies, budget)
    _log(ingested, key.workspace, request_id)
    return Response(*response_to(ingested, request_context, request_id))


def _log(ingested: IngestResult, workspace: str, request_id: str) -> None:
    """Logs one line and three metrics for a batch, without payloads and identifiers."""
    names, codes = [each.event.name for each in ingested.accepted], [each.code for each in ingested.rejected]
    fields = {"request_id": request_id, "workspace": workspace, "accepted": len(names), "events": names[:20], "rejected": codes[:20]}
    logger.info("accepted", extra=fields)
    metrics.add_metric("EventsAccepted", MetricUnit.Count, len(names))
    metrics.add_metric("EventsRejected", MetricUnit.Count, len(codes))
    metrics.add_metric("RejectedEventsNotKept", MetricUnit.Count, ingested.unkept)
