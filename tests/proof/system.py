"""All of Waypost in one process: the real handlers, use cases and adapters on simulated services of AWS.

A test posts requests, delivers records of the queues to workers, and advances the clock. Nothing happens by itself, so each test decides
the order, and a run is the same whenever it has the same seed.
"""

from __future__ import annotations

import inspect
import json
import logging
import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import _lru_cache_wrapper, partial
from pathlib import Path
from random import Random
from typing import Any, Final
from uuid import UUID

import boto3
import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.ingest import app as ingest_app
from functions.local import template as templates
from functions.manage import app as manage_app
from functions.match import app as match_app
from functions.send import app as send_app
from tests.proof.aws.calls import Aws, Call, Client, ProcessEndedError
from tests.proof.aws.clock import Clock, SimulatedExecutor, SimulatedTime
from tests.proof.aws.dynamodb import DynamoDb
from tests.proof.aws.providers import Receivers, Ses, Sms
from tests.proof.aws.scheduler import Scheduler
from tests.proof.aws.sqs import Sqs, queues_of
from tests.proof.aws.tables import tables_of
from waypost import telemetry, wiring
from waypost.adapters import aws as aws_adapter
from waypost.adapters import backoff, pinned_http, webhook
from waypost.adapters.dynamodb import sent_tests
from waypost.domain.errors import UnavailableError
from waypost.manage import journey_runs, layouts, suppressions

TEMPLATE: Final = templates.load(Path(__file__).parents[2] / "template.yaml")
TABLES: Final = tables_of(TEMPLATE)
QUEUES: Final = queues_of(TEMPLATE)
HANDLERS: Final[Mapping[str, Callable[..., Any]]] = {
    "ingest": inspect.unwrap(ingest_app.lambda_handler),  # without the decorator that prints the metrics, which `_record_metric` keeps
    "match": match_app.lambda_handler,
    "send": send_app.lambda_handler,
    "manage": manage_app.lambda_handler,
}
ADMIN_KEY: Final = "proof-admin-key-0000000000"
CONSUMERS: Final = {"SignalsQueue": "match", "DelaysQueue": "match", "SendQueue": "send", "ReportsQueue": "send"}
"""The function that consumes a queue."""


def timeout_of(function: str) -> float:
    """The seconds after which Lambda ends an invocation of a function."""
    return float(TEMPLATE["Resources"][f"{function.capitalize()}Function"]["Properties"]["Timeout"])


class Context(LambdaContext):
    """What Lambda passes to a function beside the event."""

    _aws_request_id = "lambda-request"
    _function_name = "function"


@dataclass
class Worker:
    """A warm instance of a function, with what it keeps in memory."""

    function: str
    memory: dict[tuple[Any, ...], Any] = field(default_factory=dict)


@dataclass
class System:
    """The functions of a stack and the services that they call. `random` decides what a service leaves open."""

    seed: int = 0
    index_lag: float | Callable[[], float] | None = None
    table_lag: float | Callable[[], float] | None = None
    clock: Clock = field(default_factory=Clock)
    workers: dict[str, Worker] = field(default_factory=dict)
    metrics: Counter[tuple[str, str]] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    tokens: int = 0

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.dynamodb = DynamoDb(self.clock, self.random, TABLES, index_lag=self.index_lag, table_lag=self.table_lag)
        self.sqs = Sqs(self.clock, self.random, QUEUES)
        self.scheduler = Scheduler(self.clock, self.random, self.sqs)
        self.ses = Ses(self.clock, self.random, self.sqs)
        self.sms = Sms(self.clock, self.random, sqs=self.sqs)
        self.receivers = Receivers(self.clock, self.random)
        services = {
            "dynamodb": self.dynamodb,
            "sqs": self.sqs,
            "scheduler": self.scheduler,
            "sesv2": self.ses,
            "pinpoint-sms-voice-v2": self.sms,
        }
        self.aws = Aws(self.clock, services, new_token=self.token)
        self.worker = Worker("manage")

    # ------------------------------------------------------------ what a test does

    def request(
        self, method: str, path: str, body: Any = None, key: str | None = ADMIN_KEY, worker: str = "", **query: str
    ) -> tuple[int, Any]:
        """Status and JSON of the response to a request. Status 0, without a body, if the function ended before it answered."""
        function = "ingest" if _is_of_intake(method, path) else "manage"
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Api-Key {key}"} if key else {})
        event = {
            "httpMethod": method,
            "path": path,
            "headers": headers,
            "queryStringParameters": query or None,
            "body": None if body is None else json.dumps(body),
            "requestContext": {"requestId": f"request-{self.token()}", "domainName": "api.example.com", "path": path},
        }
        try:
            response = self.invoke(function, event, worker)
        except ProcessEndedError:
            return 0, None
        return response["statusCode"], json.loads(response["body"] or "null")

    def deliver(self, queue: str, worker: str = "") -> bool:
        """Delivers the records of a queue that can be received now, in one batch, as an event source mapping does. False if there are none.

        Records that the function does not report as failed are deleted. If the function ends, all of them come again after the visibility
        timeout.
        """
        records = self.sqs.receive(queue, 10)
        if records:
            self.process(queue, records, worker)
        return bool(records)

    def process(self, queue: str, records: Sequence[Mapping[str, Any]], worker: str = "") -> None:
        """Gives received records to a worker, and deletes those that it has processed."""
        try:
            response = self.invoke(CONSUMERS[queue], {"Records": records}, worker)
        except ProcessEndedError:
            return
        failed = {each["itemIdentifier"] for each in response["batchItemFailures"]}
        for record in records:
            if record["messageId"] not in failed:
                self.sqs.delete(queue, record["receiptHandle"])

    def invoke(self, function: str, event: Any, worker: str = "") -> Any:
        """Invokes a function on the worker of this name. ProcessEndedError if its process ends; the next invocation starts one."""
        name = f"{function}{worker}"
        if name not in self.workers:
            self.workers[name] = Worker(function)
        # A provider may report while its caller waits, so one invocation can be in the middle of another one.
        before = self.worker, self.aws.function, self.aws.deadline
        self.worker, self.aws.function = self.workers[name], function
        self.aws.deadline = self.clock.seconds + timeout_of(function)
        try:
            return HANDLERS[function](event, Context())
        except ProcessEndedError:
            self.workers.pop(name, None)
            raise
        finally:
            self.worker, self.aws.function, self.aws.deadline = before

    def settle(self) -> None:
        """Delivers everything that comes without a further timer of Scheduler, and lets the time pass that records wait."""
        while self.step():
            pass

    def step(self, worker: str = "") -> bool:
        """Delivers the records of one queue; if there are none, advances the clock to when one becomes visible. False if none is left."""
        if any(self.deliver(queue, worker) for queue in CONSUMERS):
            return True
        waits = [seconds for seconds in map(self.sqs.next_visible, CONSUMERS) if seconds is not None]
        if not waits:
            return False
        self.clock.advance(max(min(waits), 0.001))
        return True

    def advance(self, seconds: float) -> None:
        """Advances the clock and fires the schedules that are due by then."""
        self.clock.advance(seconds)
        self.scheduler.fire()

    def restart(self) -> None:
        """Replaces all instances of functions by new ones, with nothing in memory."""
        self.workers.clear()
        self.worker = Worker("manage")

    # ------------------------------------------------------------ what the code under test uses

    def token(self) -> str:
        """A text that no other call returns."""
        self.tokens += 1
        return f"{self.tokens:032x}"

    def remembered(self, compute: Callable[..., Any], *arguments: Any) -> Any:
        """What the worker that is at work keeps in memory for a cached function of the wiring."""
        memory, key = self.worker.memory, (compute, arguments)
        if key not in memory:
            memory[key] = compute(*arguments)
        return memory[key]

    def webhook(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Any:
        """One request to the receiver of a webhook."""
        call = Call(self.aws.function, "webhook", method, (url,), attempts=1)
        return self.aws.call(call, lambda: self.receivers.request(method, url, headers, body))


def _is_of_intake(method: str, path: str) -> bool:
    """Whether API Gateway gives the request to the ingest function (template.yaml)."""
    return path.startswith("/events") or (method == "POST" and path.startswith("/api/events"))


class _Metric:
    """A metric in the embedded format, which adds to the numbers of the active system."""

    def __init__(self) -> None:
        self.reason = ""

    def add_dimension(self, name: str, value: str) -> None:
        """As `EphemeralMetrics`."""
        if name == "reason":
            self.reason = value

    def add_metric(self, name: str, unit: Any, value: int) -> None:
        """As `EphemeralMetrics`."""
        active().metrics[name, self.reason] += value

    def flush_metrics(self) -> None:
        """As `EphemeralMetrics`."""


class _ErrorLog(logging.Handler):
    """Keeps the lines of the level ERROR of the active system, but for those about an outage."""

    def emit(self, record: logging.LogRecord) -> None:
        """Keeps one line, with the traceback that it has."""
        if not (record.exc_info and isinstance(record.exc_info[1], UnavailableError)):
            active().errors.append(logging.Formatter().format(record))


_active: list[System] = []


def active() -> System:
    """The system on which the functions of this process work."""
    return _active[-1]


@contextmanager
def on(system: System) -> Iterator[System]:
    """Lets the functions of this process work on this system."""
    _active.append(system)
    try:
        yield system
    finally:
        _active.pop()


@contextmanager
def simulated() -> Iterator[None]:
    """Replaces in this process what the functions use of AWS, of the clock, of threads and of chance."""
    time = SimulatedTime(lambda: active().clock)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment().items():
            patch.setenv(name, value)
        aws_adapter.client.cache_clear()
        patch.setattr(boto3, "client", lambda service, config=None: Client(lambda: active().aws, service, _attempts(config)))
        for module in (backoff, ingest_app, match_app, send_app, wiring):
            patch.setattr(module, "time", time)
        for module in (wiring, send_app, journey_runs, layouts, suppressions):
            patch.setattr(module, "ThreadPoolExecutor", _executor)
        for module in (ingest_app, send_app, sent_tests):
            patch.setattr(module, "uuid4", lambda: UUID(active().token()))
        patch.setattr(secrets, "token_hex", lambda size=16: active().token()[-2 * size :])
        patch.setattr(secrets, "token_bytes", lambda size=32: active().token().encode()[-size:])
        patch.setattr(backoff, "random", _Chance())
        patch.setattr(pinned_http, "PinnedHttp", _Http)
        patch.setattr(webhook, "WebhookChannel", partial(webhook.WebhookChannel, monotonic=time.monotonic))
        for name, function in list(vars(wiring).items()):
            if isinstance(function, _lru_cache_wrapper):
                patch.setattr(wiring, name, partial(_remembered, function.__wrapped__))
        patch.setattr(wiring, "now", lambda: active().clock.now)
        patch.setattr(telemetry, "EphemeralMetrics", _Metric)
        patch.setattr(telemetry, "single_metric", _single_metric)
        patch.setattr(telemetry.metrics, "add_metric", _record_metric)
        log = logging.getLogger(telemetry.logger.service)
        patch.setattr(log, "handlers", [_ErrorLog()])
        patch.setattr(log, "level", logging.ERROR)
        log.manager._clear_cache()  # type: ignore[attr-defined]
        yield
    aws_adapter.client.cache_clear()


def _attempts(config: Any) -> int:
    return int(config.retries["total_max_attempts"]) if config is not None else 2


def _executor(max_workers: int = 8) -> SimulatedExecutor:
    return SimulatedExecutor(lambda: active().clock, max_workers)


def _remembered(compute: Callable[..., Any], *arguments: Any) -> Any:
    return active().remembered(compute, *arguments)


class _Chance:
    """The random pauses between attempts. They are of the active system, so that its run does not depend on those before it."""

    def uniform(self, shortest: float, longest: float) -> float:
        """As `random.uniform`."""
        return active().random.uniform(shortest, longest)


class _Http:
    """The HTTP client of webhooks."""

    def request(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Any:
        """As `PinnedHttp`."""
        return active().webhook(method, url, headers, body)


@contextmanager
def _single_metric(name: str, unit: Any, value: int) -> Iterator[_Metric]:
    metric = _Metric()
    yield metric
    metric.add_metric(name, unit, value)


def _record_metric(name: str, unit: Any, value: int) -> None:
    active().metrics[name, ""] += value


def environment() -> dict[str, str]:
    """The environment variables that the template gives to the functions, with the names of the simulated resources."""
    variables: dict[str, str] = {}
    for function in HANDLERS:
        properties = TEMPLATE["Resources"][f"{function.capitalize()}Function"]["Properties"]
        for name, value in properties["Environment"]["Variables"].items():
            variables[name] = _value(value)
    fixed = {"SENDER_ADDRESS": "Waypost <hello@example.com>", "PUBLIC_URL": "https://api.example.com", "SMS_ORIGINATION": "+15550100"}
    return variables | fixed | {"EVENT_LOG": "full", "RECEIPT_DAYS": "90", "SEND_CONCURRENCY": "20", "SMS_TYPE": "TRANSACTIONAL"}


def _value(value: Any) -> str:
    """The value of a variable: the name of a table, the URL of a queue, an ARN, or a text."""
    if not isinstance(value, dict):
        return str(value)
    if "Ref" in value:
        name = value["Ref"]
        kind = TEMPLATE["Resources"].get(name, {}).get("Type", "")
        return QUEUES[name].url if kind == "AWS::SQS::Queue" else name if kind else ""
    if "Fn::GetAtt" in value:
        name = value["Fn::GetAtt"][0]
        return QUEUES[name].arn if name in QUEUES else f"arn:aws:iam::123456789012:role/{name}"
    return ""
