"""botocore without a network: a function reads each request where botocore would send it, and returns a response that AWS could give."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import md5
from io import BytesIO
from typing import Any, NamedTuple

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse

_IDENTIFYING = ("TableName", "Key", "RequestItems", "KeyConditionExpression", "ExclusiveStartKey", "IndexName")


class AwsRequest(NamedTuple):
    """A request to AWS: the service (`dynamodb`, `sqs` or `ses`), the operation, and the parsed body."""

    service: str
    operation: str
    body: Mapping[str, Any]

    @property
    def identity(self) -> str:
        """A text that is equal for equal reads and for updates of the same row."""
        parts = {name: self.body[name] for name in _IDENTIFYING if name in self.body}
        if self.operation == "Query":
            parts["values"] = self.body["ExpressionAttributeValues"]
        return f"{self.operation} {json.dumps(parts, sort_keys=True)}"


Responder = Callable[[AwsRequest, AWSPreparedRequest], tuple[int, bytes]]
"""Returns the status and the body of the response to a request."""


class _Body(BytesIO):
    """The body of a response in the form that botocore reads."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


@dataclass(slots=True)
class FakeNetwork:
    """Takes the place of the network; `responder` may be replaced between calls."""

    responder: Responder

    def install(self) -> None:
        """Intercepts the requests of all clients that boto3 creates from now on."""
        boto3.setup_default_session()
        boto3.DEFAULT_SESSION.events.register_first("before-send", self.respond)

    def respond(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        """The response to a request; botocore calls this in place of a connection."""
        status, body = self.responder(_parsed(request), request)
        return AWSResponse(request.url, status, {"Content-Type": "application/x-amz-json-1.0"}, _Body(body))


def _parsed(request: AWSPreparedRequest) -> AwsRequest:
    target = request.headers.get("X-Amz-Target", b"Ses.SendEmail")
    service, operation = (target.decode() if isinstance(target, bytes) else target).split(".")
    return AwsRequest({"DynamoDB_20120810": "dynamodb", "AmazonSQS": "sqs"}.get(service, "ses"), operation, json.loads(request.body))


def success_body(request: AwsRequest) -> bytes:
    """The body of the response with which SQS or SES accepts a request completely."""
    if request.service == "ses":
        return b'{"MessageId":"0100018f-bench"}'
    accepted = [
        {"Id": each["Id"], "MessageId": each["Id"], "MD5OfMessageBody": md5(each["MessageBody"].encode()).hexdigest()}
        for each in request.body["Entries"]
    ]
    return json.dumps({"Successful": accepted, "Failed": []}).encode()


@dataclass(slots=True)
class Replay:
    """A responder that repeats the recorded responses to reads and updates, by identity, and accepts all other writes.

    It counts the calls; `unknown` are the identities of requests without a recorded response.
    """

    responses: Mapping[str, str]
    calls: int = 0
    unknown: list[str] = field(default_factory=list)

    def __call__(self, request: AwsRequest, _: AWSPreparedRequest) -> tuple[int, bytes]:
        self.calls += 1
        if request.service != "dynamodb":
            return 200, success_body(request)
        if request.operation not in {"GetItem", "BatchGetItem", "Query", "UpdateItem"}:
            return 200, b"{}"
        if request.identity not in self.responses:
            self.unknown.append(request.identity)
            return 500, b"{}"
        return 200, self.responses[request.identity].encode()
