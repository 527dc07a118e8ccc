"""botocore without a network: requests are read where they would leave, and get answers that AWS could have given."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import md5
from io import BytesIO
from typing import Any, NamedTuple

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse

_ASKED = ("TableName", "Key", "RequestItems", "KeyConditionExpression", "ExclusiveStartKey", "IndexName")


class Asked(NamedTuple):
    """A request: which service, which operation, what of it."""

    service: str
    operation: str
    body: Mapping[str, Any]

    @property
    def identity(self) -> str:
        """The same for the same read, or for an update of the same row."""
        parts = {name: self.body[name] for name in _ASKED if name in self.body}
        if self.operation == "Query":
            parts["values"] = self.body["ExpressionAttributeValues"]
        return f"{self.operation} {json.dumps(parts, sort_keys=True)}"


Answerer = Callable[[Asked, AWSPreparedRequest], tuple[int, bytes]]
"""Answers a request with a status and a body."""


class _Body(BytesIO):
    """A response's body, as botocore reads it."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


@dataclass(slots=True)
class Wire:
    """Stands where botocore would send; `answerer` may be exchanged between calls."""

    answerer: Answerer

    def connect(self) -> None:
        """Takes the place of the network for all clients that boto3 makes from now on."""
        boto3.setup_default_session()
        boto3.DEFAULT_SESSION.events.register_first("before-send", self.answer)

    def answer(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        """Called by botocore in place of a connection."""
        status, body = self.answerer(_asked(request), request)
        return AWSResponse(request.url, status, {"Content-Type": "application/x-amz-json-1.0"}, _Body(body))


def _asked(request: AWSPreparedRequest) -> Asked:
    target = request.headers.get("X-Amz-Target", b"Ses.SendEmail")
    service, operation = (target.decode() if isinstance(target, bytes) else target).split(".")
    return Asked({"DynamoDB_20120810": "dynamodb", "AmazonSQS": "sqs"}.get(service, "ses"), operation, json.loads(request.body))


def delivered(asked: Asked) -> bytes:
    """What SQS or SES answers when it takes everything."""
    if asked.service == "ses":
        return b'{"MessageId":"0100018f-bench"}'
    taken = [
        {"Id": each["Id"], "MessageId": each["Id"], "MD5OfMessageBody": md5(each["MessageBody"].encode()).hexdigest()}
        for each in asked.body["Entries"]
    ]
    return json.dumps({"Successful": taken, "Failed": []}).encode()


@dataclass(slots=True)
class Replay:
    """Gives reads and updates the answers that they had; other writes succeed, as they did. Counts the calls."""

    answers: Mapping[str, str]
    calls: int = 0
    unknown: list[str] = field(default_factory=list)

    def __call__(self, asked: Asked, _: AWSPreparedRequest) -> tuple[int, bytes]:
        self.calls += 1
        if asked.service != "dynamodb":
            return 200, delivered(asked)
        if asked.operation not in {"GetItem", "BatchGetItem", "Query", "UpdateItem"}:
            return 200, b"{}"
        if asked.identity not in self.answers:
            self.unknown.append(asked.identity)
            return 500, b"{}"
        return 200, self.answers[asked.identity].encode()
