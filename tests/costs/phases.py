"""The phases of a scenario: the Lambda functions, run in this process, and the events with which AWS invokes them."""

from __future__ import annotations

import base64
import io
import json
import math
import os
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

from functions.local.template import load
from tests.costs.prices import Units
from tests.costs.tables import SQS_CHUNK

ROOT: Final = Path(__file__).parents[2]
TEMPLATE: Final = load(ROOT / "template.yaml")
MEMORY_MB: Final[int] = TEMPLATE["Globals"]["Function"]["MemorySize"]
FUNCTIONS: Final = {"intake": "IngestFunction", "matcher": "MatchFunction", "sender": "SendFunction"}
SIGNALS: Final = "https://sqs.us-east-1.amazonaws.com/000000000000/SignalsQueue.fifo"
SENDS: Final = "https://sqs.us-east-1.amazonaws.com/000000000000/SendQueue"
QUEUES: Final = {"SignalsQueue": SIGNALS, "SendQueue": SENDS}
CONTEXT: Final = SimpleNamespace(
    function_name="bench", memory_limit_in_mb=MEMORY_MB, invoked_function_arn="arn:bench", aws_request_id="5f3a", function_version="1"
)
Handler = Callable[[Mapping[str, Any], Any], Mapping[str, Any]]


def set_environment() -> None:
    """Sets the variables that the template gives to the functions, and credentials of an account that does not exist."""
    for function in FUNCTIONS.values():
        variables = TEMPLATE["Resources"][function]["Properties"]["Environment"]["Variables"]
        os.environ.update({name: _resolved(value) for name, value in variables.items()})
    os.environ.update(
        AWS_DEFAULT_REGION="us-east-1",
        AWS_ACCESS_KEY_ID="000000000000",
        AWS_SECRET_ACCESS_KEY="none",
        AWS_EC2_METADATA_DISABLED="true",
        AWS_LAMBDA_FUNCTION_NAME="bench",
        POWERTOOLS_METRICS_NAMESPACE="Waypost",
        SENDER_ADDRESS="hello@example.com",
    )
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
        os.environ.pop(name, None)


def _resolved(value: Any) -> str:
    """The value of a variable in the template: the default of a parameter, the URL of a queue, or a name in place of a resource."""
    if not isinstance(value, dict):
        return str(value)
    if "Ref" not in value:
        return "arn:aws:bench:us-east-1:000000000000:made-up"
    name = value["Ref"]
    return str(TEMPLATE["Parameters"].get(name, {}).get("Default", QUEUES.get(name, name)))


class LogCounter(io.TextIOBase):
    """Takes the place of standard output, which is the log: counts its bytes and keeps the last lines."""

    def __init__(self) -> None:
        self.written = 0
        self.last: deque[str] = deque(maxlen=4)

    def write(self, text: str) -> int:
        """Counts a text."""
        self.written += len(text.encode())
        self.last.append(text)
        return len(text)


@dataclass(frozen=True, slots=True)
class Phase:
    """A function and the events with which it is invoked. `billed` is what AWS bills for them before the function runs."""

    name: str
    events: Sequence[Mapping[str, Any]]
    billed: Units

    @property
    def first(self) -> Mapping[str, Any]:
        """The smallest first event: one request, or one record."""
        event = self.events[0]
        return {**event, "Records": event["Records"][:1]} if "Records" in event else event

    def run(self) -> None:
        """Invokes the function with all events. RuntimeError if it rejects one of them or a part of it."""
        handler: Handler = import_module(f"functions.{FUNCTIONS[self.name].removesuffix('Function').lower()}.app").lambda_handler
        for event in self.events:
            response = handler(event, CONTEXT)
            if response.get("batchItemFailures") or response.get("statusCode", 201) != 201:
                raise RuntimeError(f"{self.name}: {response}")


def intake(bodies: Sequence[Mapping[str, Any]], key: str) -> Phase:
    """HTTP requests, as a REST API passes them to the intake."""
    return Phase("intake", [_request(body, key) for body in bodies], Units(rest=len(bodies), invocations=len(bodies)))


def _request(body: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {
        "resource": "/api/events/{proxy+}",
        "path": "/api/events/batch/",
        "httpMethod": "POST",
        "headers": {"Authorization": f"Api-Key {key}", "Content-Type": "application/json", "Host": "example.com", "User-Agent": "bench"},
        "queryStringParameters": None,
        "pathParameters": {"proxy": "batch/"},
        "requestContext": {"requestId": "5f3a", "stage": "live", "identity": {"sourceIp": "192.0.2.1"}},
        "body": base64.b64encode(json.dumps(body).encode()).decode(),
        "isBase64Encoded": True,
    }


def from_queue(name: str, queue: str, received: Sequence[Sequence[Mapping[str, Any]]]) -> Phase:
    """Messages of a queue, in one list for each invocation.

    AWS bills a request for each 64 KB that Lambda receives, and one request in which Lambda deletes them.
    """
    kind = "fifo" if queue.endswith(".fifo") else "standard"
    sizes = [sum(len(each["MessageBody"]) for each in messages) for messages in received]
    requests = sum(max(1, math.ceil(size / SQS_CHUNK)) + 1 for size in sizes)
    events = [{"Records": [_record(each, queue, str(position)) for position, each in enumerate(messages)]} for messages in received]
    return Phase(name, events, Units(**{kind: requests, "invocations": len(events)}))


def _record(message: Mapping[str, Any], queue: str, name: str) -> dict[str, Any]:
    return {
        "messageId": f"{name}-{message['Id']}",
        "receiptHandle": name,
        "body": message["MessageBody"],
        "attributes": {
            "ApproximateReceiveCount": "1",
            "MessageGroupId": message.get("MessageGroupId", ""),
            "MessageDeduplicationId": message.get("MessageDeduplicationId", ""),
            "SentTimestamp": "1764000000000",
        },
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:us-east-1:000000000000:{queue.rsplit('/', 1)[1]}",
        "awsRegion": "us-east-1",
    }
