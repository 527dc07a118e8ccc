"""Reports of providers in the local run: an emulator of AWS has no mailbox that bounces, so a caller brings the event."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from starlette.requests import Request

from functions.local import gateway
from functions.local.cloud import Cloud


def put_report(cloud: Cloud, queue: str, event: dict[str, Any]) -> None:
    """Puts an event of EventBridge on the reports queue at this URL."""
    cloud.client("sqs").send_message(QueueUrl=queue, MessageBody=json.dumps(event))


async def event_in(request: Request) -> dict[str, Any]:
    """The event of EventBridge in the body of a request; ProblemError for a body that is none."""
    try:
        event: Any = await request.json()
    except ValueError:
        event = None
    if isinstance(event, dict) and isinstance(event.get("source"), str) and isinstance(event.get("detail"), dict):
        return event
    detail = 'Send one event of EventBridge, such as {"source": "aws.ses", "detail": {...}}.'
    raise gateway.ProblemError(HTTPStatus.BAD_REQUEST, "bad-request", detail)
