"""All four functions on moto in this process: real handlers and real wiring. Every AWS call is recorded, and fails where a test wants it.

A queue is emptied by `settle`, which passes its messages to the handler of its consumer as Lambda does. A message that fails comes again at
once, with the next receive count.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends

from functions.ingest import app as ingest
from functions.manage import app as manage
from functions.match import app as match
from functions.send import app as send
from tests.fakes.deployed import deployed
from waypost import wiring
from waypost.adapters.aws import client
from waypost.adapters.pinned_http import HttpResponse, PinnedHttp

QUEUES: Final = {"signals.fifo": match, "delays": match, "send": send, "reports": send}
"""The function that consumes each queue."""
ENVIRONMENT: Final = {
    "SENDER_ADDRESS": "waypost@example.com",
    "CONFIGURATION_SET": "waypost-mail",
    "PUBLIC_URL": "https://events.example.com",
    "SMS_ORIGINATION": "Waypost",
    "SMS_TYPE": "TRANSACTIONAL",
    "SCHEDULE_GROUP": "timers",
    "SCHEDULER_ROLE_ARN": "arn:aws:iam::123456789012:role/scheduler",
    "WAYPOST_SNAPSHOT_SECONDS": "0",
    "RECEIPT_DAYS": "90",
}
"""What the template sets besides tables and queues; the snapshot of zero seconds lets a publication take effect at once."""
RECEIVES: Final = 14
"""Receives after which `settle` gives a record up. A record that AWS lets be processed is done or parked before."""


class AwsCall(NamedTuple):
    """A call of a method of a boto3 client: the function that made it (empty: the test), the service, the operation, its arguments."""

    function: str
    service: str
    operation: str
    arguments: Mapping[str, Any]


class QueuedMessage(NamedTuple):
    """A message on a queue: from when on it is visible, and the record in which Lambda passes it to the function."""

    due: datetime
    record: dict[str, Any]


class Exchange(NamedTuple):
    """A request as the function got it, and the response."""

    event: Mapping[str, Any]
    response: Mapping[str, Any]


Fault = Callable[[AwsCall], Any]
"""Raises what a call is to raise, or returns its answer; None lets the call pass to moto."""
Receiver = Callable[[str, str, Mapping[str, str], bytes | None], HttpResponse]
"""Answers a webhook: method, URL, headers, body."""


class NamedContext(LambdaContext):
    """What Lambda passes to a function beside the event."""

    def __init__(self, name: str) -> None:
        self._function_name, self._aws_request_id = f"waypost-{name}", "lambda-request"


def client_error(code: str, operation: str, status: int = 400, text: str = "refused") -> ClientError:
    """An error of AWS as botocore raises it."""
    return ClientError({"Error": {"Code": code, "Message": text}, "ResponseMetadata": {"HTTPStatusCode": status}}, operation)


@dataclass
class FunctionsOnMoto:
    """The functions. `clock_file` holds the seconds by which their clock is ahead.

    `faults` are asked before each AWS call, and `receiver` answers webhooks. `calls`, `webhooks` and `responses` record what happened;
    `undelivered` are the records that were given up.
    """

    clock_file: Path
    faults: list[Fault] = field(default_factory=list)
    receiver: Receiver = lambda *_: HttpResponse(200, {}, b"ok")
    calls: list[AwsCall] = field(default_factory=list)
    webhooks: list[tuple[str, str]] = field(default_factory=list)
    running: str = ""
    responses: list[Exchange] = field(default_factory=list)
    undelivered: list[dict[str, Any]] = field(default_factory=list)
    queued: dict[str, list[QueuedMessage]] = field(default_factory=lambda: {queue: [] for queue in QUEUES})
    deduplicated: set[str | None] = field(default_factory=set)
    numbers: Iterator[int] = field(default_factory=count)

    def ingest(self, body: Any, key: str, path: str = "/api/events/batch", method: str = "POST", **headers: str) -> dict[str, Any]:
        """The response of the intake."""
        return self._request(ingest, method, path, body, {"Authorization": f"Api-Key {key}", **headers}, None)

    def manage(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """The response of the management API; a body that is no text is sent as JSON."""
        all_headers = ({"Authorization": f"Api-Key {key}"} if key else {}) | dict(headers or {})
        return self._request(manage, method, path, body, all_headers, query)

    def invoke(self, queue: str, records: list[dict[str, Any]]) -> list[str]:
        """Passes records to the consumer of a queue; the ids of those that it returns to the queue."""
        app = QUEUES[queue]
        response = self._run(app, lambda name: app.lambda_handler({"Records": records}, NamedContext(name)))
        return [str(failure["itemIdentifier"]) for failure in response["batchItemFailures"]]

    def advance(self, seconds: int) -> None:
        """Sets the clock forward and delivers what is due then."""
        self.clock_file.write_text(str(float(self.clock_file.read_text()) + seconds))
        self.settle()

    def settle(self) -> None:
        """Delivers the messages of all queues that are due, and what they lead to, until none is left."""
        while sum(self._deliver_all(queue) for queue in QUEUES):
            pass

    def put_report(self, body: Any) -> None:
        """Puts an event of a provider on the reports queue, as EventBridge does."""
        self.enqueue("reports", [{"MessageBody": body if isinstance(body, str) else json.dumps(body)}])

    def take_messages(self, queue: str) -> list[dict[str, Any]]:
        """Removes and returns the messages of a queue that are due, as SQS gives them to Lambda, in their order."""
        now, queued = wiring.now(), self.queued[queue]
        self.queued[queue] = [each for each in queued if each.due > now]
        return [each.record for each in queued if each.due <= now]

    def enqueue(self, queue: str, messages: Sequence[Mapping[str, Any]]) -> None:
        """Keeps messages, as entries of SendMessageBatch, for the consumer of a queue. A FIFO queue drops what it has had already."""
        for message in messages:
            deduplication = message.get("MessageDeduplicationId")
            if deduplication is None or deduplication not in self.deduplicated:
                self.deduplicated.add(deduplication)
                due = wiring.now() + timedelta(seconds=message.get("DelaySeconds", 0))
                self.queued[queue].append(QueuedMessage(due, _record(queue, next(self.numbers), message)))

    def _deliver_all(self, queue: str) -> int:
        records = self.take_messages(queue)
        for record in records:
            self._deliver(queue, record)
        return len(records)

    def _deliver(self, queue: str, record: dict[str, Any]) -> None:
        for receives in range(1, RECEIVES + 1):
            record["attributes"]["ApproximateReceiveCount"] = str(receives)
            if not self.invoke(queue, [record]):
                return
        self.undelivered.append(record)

    def _request(
        self, app: Any, method: str, path: str, body: Any, headers: Mapping[str, str], query: Mapping[str, str] | None
    ) -> dict[str, Any]:
        text = body if body is None or isinstance(body, str) else json.dumps(body)
        event = {
            "httpMethod": method,
            "path": path,
            "headers": {"Content-Type": "application/json", **headers},
            "queryStringParameters": dict(query) if query else None,
            "body": text,
            "requestContext": {"requestId": "request-1", "domainName": "events.example.com", "path": path},
        }
        response: dict[str, Any] = self._run(app, lambda name: app.lambda_handler(event, NamedContext(name)))
        self.responses.append(Exchange(event, response))
        return response

    def _run(self, app: Any, work: Callable[[str], Any]) -> Any:
        self.running = app.__name__.split(".")[1]
        try:
            return work(self.running)
        finally:
            self.running = ""


@contextmanager
def functions_on_moto(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[FunctionsOnMoto]:
    """The functions with empty tables and queues. The folder keeps their clock."""
    clock_file = folder / "clock"
    clock_file.write_text("0")
    monkeypatch.setenv("WAYPOST_CLOCK_FILE", str(clock_file))
    with deployed(monkeypatch):
        functions = FunctionsOnMoto(clock_file)
        for name, value in ENVIRONMENT.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("REPORTS_QUEUE_URL", client("sqs").create_queue(QueueName="reports")["QueueUrl"])
        monkeypatch.setenv("SIGNALS_QUEUE_ARN", _arn("signals.fifo"))
        monkeypatch.setenv("SCHEDULER_DEAD_LETTERS_ARN", _arn("scheduler-dead-letters"))
        client("scheduler").create_schedule_group(Name="timers")
        _intercept(functions, monkeypatch)
        yield functions


def _intercept(functions: FunctionsOnMoto, monkeypatch: pytest.MonkeyPatch) -> None:
    original = BaseClient._make_api_call

    def make_api_call(self: Any, operation: str, arguments: dict[str, Any]) -> Any:
        if not self.meta.endpoint_url.endswith(".amazonaws.com"):  # a local stack of the same process, which works in other threads
            return original(self, operation, arguments)
        call = AwsCall(functions.running, self.meta.service_model.service_name, operation, arguments)
        functions.calls.append(call)
        for fault in functions.faults:
            answer = fault(call)
            if answer is not None:
                return answer
        if call.service in _PROVIDERS:
            return _PROVIDERS[call.service](operation)
        if call.service == "sqs" and functions.running:
            return _sqs(functions, operation, arguments)
        return original(self, operation, arguments)

    def request(_: PinnedHttp, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> HttpResponse:
        functions.webhooks.append((method, url))
        return functions.receiver(method, url, headers, body)

    monkeypatch.setattr(BaseClient, "_make_api_call", make_api_call)
    monkeypatch.setattr(PinnedHttp, "request", request)


def rows_of(workspace: str) -> list[str]:
    """Every row that names a workspace, as text with compressed attributes as they are. moto answers scans much slower than this."""
    tables = dynamodb_backends[DEFAULT_ACCOUNT_ID]["eu-west-1"].tables
    items = [(name, item.to_json()["Attributes"]) for name, table in tables.items() for item in table.all_items()]
    return sorted(text for name, item in items if workspace in (text := f"{name} {json.dumps(item, default=str)}"))


def _ses(operation: str) -> dict[str, Any]:
    if operation == "GetAccount":
        quota = {"Max24HourSend": 50_000.0, "MaxSendRate": 1_000.0, "SentLast24Hours": 1.0}
        return {"SendQuota": quota, "SendingEnabled": True, "ProductionAccessEnabled": True}
    return {"MessageId": "ses-1"}


_PROVIDERS: Final[Mapping[str, Callable[[str], dict[str, Any]]]] = {
    "sesv2": _ses,
    "pinpoint-sms-voice-v2": lambda _: {"MessageId": "sms-1"},
}
"""The answers of the providers."""


def _sqs(functions: FunctionsOnMoto, operation: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of SQS. `settle` needs neither visibility timeouts nor receipt handles."""
    if operation.startswith("ChangeMessageVisibility"):
        return {"Successful": [], "Failed": []}
    entries = arguments["Entries"] if operation == "SendMessageBatch" else [arguments]
    functions.enqueue(arguments["QueueUrl"].rpartition("/")[2], entries)
    return {"Successful": [{"Id": each.get("Id", "")} for each in entries]}


def _record(queue: str, number: int, message: Mapping[str, Any]) -> dict[str, Any]:
    attributes = {"ApproximateReceiveCount": "1"}
    if "MessageGroupId" in message:
        attributes["MessageGroupId"] = message["MessageGroupId"]
    return {
        "messageId": f"m-{number}",
        "receiptHandle": f"handle-{number}",
        "body": message["MessageBody"],
        "attributes": attributes,
        "eventSourceARN": _arn(queue),
    }


def _arn(queue: str) -> str:
    return f"arn:aws:sqs:eu-west-1:123456789012:{queue}"
