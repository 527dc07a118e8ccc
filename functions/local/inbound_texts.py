"""Texts from phones in the local run: the payload that AWS End User Messaging SMS publishes to the two-way topic of a number."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from starlette.requests import Request

from functions.local import gateway
from functions.local.cloud import Cloud
from functions.local.deploy import SMS_SENDER


def payload(number: str, body: str) -> str:
    """The JSON of a text from a phone."""
    words = body.split()
    text = {
        "originationNumber": number,
        "destinationNumber": SMS_SENDER,
        "messageKeyword": words[0].upper() if words else "",
        "messageBody": body,
        "inboundMessageId": str(uuid4()),
    }
    return json.dumps(text)


def publish(cloud: Cloud, topic: str, number: str, body: str) -> None:
    """Publishes a text to the topic, which has the reports queue as its subscriber."""
    cloud.client("sns").publish(TopicArn=topic, Message=payload(number, body))


def put(cloud: Cloud, queue: str, number: str, body: str) -> None:
    """Puts a text on the reports queue, in the envelope of SNS: moto has no subscription of the template."""
    envelope = {
        "Type": "Notification",
        "MessageId": str(uuid4()),
        "TopicArn": "arn:aws:sns:us-east-1:000000000000:waypost",
        "Message": payload(number, body),
        "Timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    cloud.client("sqs").send_message(QueueUrl=queue, MessageBody=json.dumps(envelope))


async def text_in(request: Request) -> tuple[str, str]:
    """Number and words in the body `{"from": "+49...", "text": "STOP"}`; ProblemError for any other body."""
    try:
        body: Any = await request.json()
        return str(body["from"]), str(body["text"])
    except (ValueError, KeyError, TypeError) as error:
        detail = 'Send the number and the words of a text: {"from": "+4915112345678", "text": "STOP"}.'
        raise gateway.ProblemError(HTTPStatus.BAD_REQUEST, "bad-request", detail) from error
