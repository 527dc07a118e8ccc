"""The response to a batch: a status, and a body with the result of each event (docs/events.md#answers)."""

from __future__ import annotations

from typing import Any

from waypost.domain.intake.batch_parser import RequestContext
from waypost.domain.intake.events import Accepted, IntakeResult
from waypost.domain.values.wire_time import iso
from waypost.ingest.batch import IngestResult


def response_to(ingested: IngestResult, request_context: RequestContext, request_id: str) -> tuple[int, dict[str, Any]]:
    """The HTTP status and the JSON body: 201 if all events were accepted, 207 if some were, 422 if none was."""
    results = [_result(index, result) for index, result in enumerate(ingested.results)]
    accepted = len(ingested.accepted)
    body = {
        "requestId": request_id,
        "receivedAt": iso(request_context.received_at),
        "accepted": accepted,
        "rejected": len(results) - accepted,
        "results": results,
    }
    if accepted == 0:
        return 422, {"code": "nothing-accepted", **body}
    return 201 if accepted == len(results) else 207, body


def _result(index: int, result: IntakeResult) -> dict[str, Any]:
    if isinstance(result, Accepted):
        warnings = [each.to_wire() for each in result.warnings]
        return {"index": index, "uuid": result.event.uuid, "status": "accepted", "warnings": warnings}
    error = {"code": result.code, "detail": result.detail, "pointer": result.pointer, "retryable": result.retryable}
    return {"index": index, "uuid": None, "status": "rejected", "error": error}
