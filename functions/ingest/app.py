"""The intake's door: an HTTP request becomes a batch, the batch's outcome an answer (contract 1)."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from waypost import wiring
from waypost.domain.errors import RefusedError
from waypost.domain.intake import batch_parser
from waypost.domain.intake.batch_parser import RequestContext
from waypost.domain.intake.events import Accepted, Rejected
from waypost.domain.values.wire_time import iso
from waypost.ingest import IngestResult, ingest
from waypost.telemetry import MetricUnit, logger, metrics
from waypost.web import http, routes
from waypost.web.http import Request, Response
from waypost.web.routes import INTAKE_ROUTES, Route


@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> http.LambdaResponse:
    """Answers API Gateway, in payload format 1.0 or 2.0."""
    metrics.add_metric("Requests", MetricUnit.Count, 1)
    request = http.read(event)
    request_id = request.id or context.aws_request_id
    reply = http.respond(lambda: _reply(request, request_id), request_id, logger.info, logger.exception)
    if reply.status == HTTPStatus.SERVICE_UNAVAILABLE:
        metrics.add_metric("Unavailable", MetricUnit.Count, 1)
    return http.write(reply, request_id)


def _reply(request: Request, request_id: str) -> Response:
    started = time.monotonic()
    route = _route(request)
    if route.name == "preflight":
        return http.PREFLIGHT
    if route.scope != "events":
        raise RefusedError(404, "not-found", "This function takes events only; the management API answers here.")
    return _take(request, request_id, bare=route.name == "event", started=started)


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


def _take(request: Request, request_id: str, *, bare: bool, started: float) -> Response:
    received_at = wiring.now()
    key = wiring.authenticator().authenticate(request.headers.get("authorization"), "events", received_at)
    body = http.json_body(request)
    schema = wiring.schemas().of(key.workspace, received_at)
    request_context = RequestContext(key.workspace, schema, received_at, request_id, request.headers.get("idempotency-key"), bare)
    outcome = ingest(batch_parser.parse(body, request_context), request_context, wiring.intake(), lambda: time.monotonic() - started)
    _tell(outcome, request_context)
    return _answer(outcome, request_context)


def _tell(outcome: IngestResult, request_context: RequestContext) -> None:
    names = [entry.event.name for entry in outcome.entries if isinstance(entry, Accepted)]
    codes = [entry.code for entry in outcome.entries if not isinstance(entry, Accepted)]
    logger.info(
        "accepted",
        request_id=request_context.request_id,
        workspace=request_context.workspace,
        accepted=len(names),
        events=names[:20],
        rejected=codes[:20],
    )
    metrics.add_metric("EventsAccepted", MetricUnit.Count, len(names))
    metrics.add_metric("EventsRejected", MetricUnit.Count, len(codes))
    metrics.add_metric("RejectedEventsNotKept", MetricUnit.Count, outcome.unkept)


def _answer(outcome: IngestResult, request_context: RequestContext) -> Response:
    results = [_result(index, entry) for index, entry in enumerate(outcome.entries)]
    accepted = sum(isinstance(entry, Accepted) for entry in outcome.entries)
    body = {
        "requestId": request_context.request_id,
        "receivedAt": iso(request_context.received_at),
        "accepted": accepted,
        "rejected": len(results) - accepted,
        "results": results,
    }
    if accepted == 0:
        return Response(422, {"code": "nothing-accepted", **body})
    return Response(201 if accepted == len(results) else 207, body)


def _result(index: int, entry: Accepted | Rejected) -> dict[str, Any]:
    if isinstance(entry, Accepted):
        warnings = [{name: value for name, value in each._asdict().items() if value is not None} for each in entry.warnings]
        return {"index": index, "uuid": entry.event.uuid, "status": "accepted", "warnings": warnings}
    error = {"code": entry.code, "detail": entry.detail, "pointer": entry.pointer, "retryable": entry.retryable}
    return {"index": index, "uuid": None, "status": "rejected", "error": error}
