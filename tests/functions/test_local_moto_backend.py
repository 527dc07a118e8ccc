"""The parts that the local run adds to moto: consumers, the REST API, the template, and the processes of the functions."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import boto3
import httpx
import pytest
from moto import mock_aws

from functions.local import template
from functions.local.moto_backend import consumer as consumers
from functions.local.moto_backend import rest_api
from functions.local.moto_backend.consumer import Activity, Consumer, Consumers, Invoke, failed_ids
from functions.local.moto_backend.deployment import EventSource, small_template
from functions.local.moto_backend.function_process import FunctionError, running_function
from functions.local.paths import ROOT, TEMPLATE
from tests.fakes.moto_in_process import KEEP_SESSION

STACK = template.load(TEMPLATE)


@pytest.fixture
def sqs() -> Iterator[Any]:
    """An empty SQS."""
    with mock_aws(config=KEEP_SESSION):
        yield boto3.client("sqs")


def consumer(sqs: Any, invoke: Invoke, *bodies: str) -> Consumer:
    """The consumer of a standard queue with these messages."""
    url = sqs.create_queue(QueueName="queue")["QueueUrl"]
    for body in bodies:
        sqs.send_message(QueueUrl=url, MessageBody=body)
    return Consumer(sqs, EventSource("MatchFunction", url, "arn:aws:sqs:eu-west-1:000000000000:queue", 10), invoke)


def left(sqs: Any) -> dict[str, int]:
    """How many messages of the queue can be received now, and how many are in flight."""
    names = {"now": "ApproximateNumberOfMessages", "in flight": "ApproximateNumberOfMessagesNotVisible"}
    url = sqs.get_queue_url(QueueName="queue")["QueueUrl"]
    counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(names.values()))["Attributes"]
    return {name: int(counts[attribute]) for name, attribute in names.items()}


def test_only_the_records_that_did_not_fail_are_deleted(sqs: Any) -> None:
    """A reported record stays in the queue for its redelivery; the other one is gone."""

    def invoke(event: dict[str, Any]) -> Any:
        return {"batchItemFailures": [{"itemIdentifier": each["messageId"]} for each in event["Records"] if each["body"] == "bad"]}

    assert consumer(sqs, invoke, "good", "bad").consume() == 2
    assert left(sqs) == {"now": 0, "in flight": 1}


def test_a_batch_whose_function_raises_stays_in_the_queue(sqs: Any) -> None:
    """No record is deleted when the function raises."""

    def invoke(event: dict[str, Any]) -> Any:
        raise FunctionError("broken")

    assert consumer(sqs, invoke, "a", "b").consume() == 2
    assert left(sqs) == {"now": 0, "in flight": 2}


def test_a_record_has_the_shape_that_lambda_gives_to_it(sqs: Any) -> None:
    """The keys are those of the records in events/, except what is in FIFO queues only."""
    expected = json.loads((ROOT / "events" / "send-message.json").read_text(encoding="utf-8"))["Records"][0]
    events: list[dict[str, Any]] = []
    consumer(sqs, events.append, "body").consume()
    [record] = events[0]["Records"]
    assert expected.keys() <= record.keys()
    assert {"ApproximateReceiveCount", "SentTimestamp", "ApproximateFirstReceiveTimestamp"} <= record["attributes"].keys()


def test_an_invocation_ends_the_pause_of_the_consumers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A consumer that waits to ask its empty queue again asks as soon as a function has run, also if the function has failed."""
    monkeypatch.setattr(consumers, "PAUSE", 60.0)
    activity = Activity()

    def fail(event: dict[str, Any]) -> Any:
        raise FunctionError("broken")

    pausing = threading.Thread(target=activity.pause, daemon=True)
    pausing.start()
    end = time.monotonic() + 10
    while pausing.is_alive() and time.monotonic() < end:
        with pytest.raises(FunctionError):
            activity.noting(fail)({})
        pausing.join(0.05)
    assert not pausing.is_alive()


def test_a_message_for_later_is_not_waited_for(sqs: Any) -> None:
    """A delayed message does not count as due; one that can be received does."""
    delayed = consumer(sqs, lambda event: None)
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName="queue")["QueueUrl"], MessageBody="later", DelaySeconds=900)
    assert not any(Consumers([delayed]).pending().left.values())
    assert any(Consumers([consumer(sqs, lambda event: None, "now")]).pending().left.values())


@pytest.mark.parametrize(
    ("response", "failed"),
    [
        (None, ""),
        ({}, ""),
        ({"batchItemFailures": None}, ""),
        ({"batchItemFailures": []}, ""),
        ({"batchItemFailures": [{"itemIdentifier": "a"}]}, "a"),
        ({"batchItemFailures": [{"itemIdentifier": "unknown"}]}, "ab"),
        ({"batchItemFailures": [{"itemIdentifier": None}]}, "ab"),
        ({"batchItemFailures": [{}]}, "ab"),
        ({"batchItemFailures": ["a"]}, "ab"),
        ("a", "ab"),
    ],
)
def test_a_response_is_read_as_lambda_reads_it(response: Any, failed: str) -> None:
    """No failures is success; a response that Lambda could not read fails the whole batch."""
    assert failed_ids(response, ["a", "b"]) == set(failed)


@pytest.mark.parametrize(
    ("method", "path", "function", "resource"),
    [
        ("POST", "/api/events/batch/", "IngestFunction", "/api/events/{proxy+}"),
        ("POST", "/api/events/", "IngestFunction", "/api/events"),
        ("GET", "/api/events/some-uuid", "ManageFunction", "/api/events/{proxy+}"),
        ("GET", "/events/batch", "IngestFunction", "/events/{proxy+}"),
        ("GET", "/", "ManageFunction", "/"),
        ("GET", "/nothing/here", "ManageFunction", "/{proxy+}"),
        ("PUT", "/api/schema", "ManageFunction", "/api/{proxy+}"),
    ],
)
def test_a_request_reaches_the_function_of_the_template(method: str, path: str, function: str, resource: str) -> None:
    """An exact resource comes before a greedy one, a longer one before a shorter one."""
    found = rest_api.find(rest_api.methods(STACK), method, path)
    assert found is not None
    assert (found.function, found.resource) == (function, resource)


def test_a_method_that_a_resource_lacks_reaches_no_function() -> None:
    """The path chooses the resource first: a greedy resource with ANY does not catch what an exact one lacks."""
    declared = [rest_api.Method("/a", "GET", "First"), rest_api.Method("/{proxy+}", "ANY", "Second")]
    assert rest_api.find(declared, "POST", "/a") is None


def call(function: Invoke, method: str, path: str, **options: Any) -> httpx.Response:
    """A request to the REST API in which one function answers everything."""
    names = template.resources(STACK, "AWS::Serverless::Function")
    transport = httpx.ASGITransport(rest_api.rest_api(STACK, dict.fromkeys(names, function)))

    async def send() -> httpx.Response:
        async with httpx.AsyncClient(transport=transport) as client:
            return await client.request(method, f"http://rest-api/{rest_api.STAGE}{path}", **options)

    return asyncio.run(send())


def test_a_function_gets_the_event_of_api_gateway() -> None:
    """Path without stage, query and headers in both forms, a base64 body; the response has the function's status, headers and body."""
    events: list[dict[str, Any]] = []

    def function(event: dict[str, Any]) -> Any:
        events.append(event)
        return {"statusCode": 201, "headers": {"X-Request-Id": "r"}, "body": "é", "isBase64Encoded": False}

    response = call(function, "POST", "/api/events/a%2Fb/?x=1&x=2&y=", content=b"{}", headers=[("X-A", "1"), ("X-A", "2")])
    assert (response.status_code, response.headers["x-request-id"], response.text) == (201, "r", "é")
    [event] = events
    assert (event["httpMethod"], event["path"], event["resource"]) == ("POST", "/api/events/a%2Fb/", "/api/events/{proxy+}")
    assert event["pathParameters"] == {"proxy": "a%2Fb"}
    assert event["queryStringParameters"] == {"x": "2", "y": ""}
    assert event["multiValueQueryStringParameters"] == {"x": ["1", "2"], "y": [""]}
    assert event["multiValueHeaders"]["x-a"] == ["1", "2"]
    assert (base64.b64decode(event["body"]), event["isBase64Encoded"]) == (b"{}", True)
    assert (event["requestContext"]["stage"], event["requestContext"]["path"]) == ("live", "/live/api/events/a%2Fb/")


def test_a_function_that_raises_is_a_bad_gateway() -> None:
    """The response is a 502, which the gateway proxy replaces by the response of the template."""

    def function(event: dict[str, Any]) -> Any:
        raise FunctionError("broken")

    assert call(function, "GET", "/api/health").status_code == 502


def test_moto_gets_only_tables_and_queues() -> None:
    """FIFO queues have names that end in `.fifo`; each variable of each function is an output, and so is each name that the CLI needs."""
    small = small_template(STACK)
    assert {resource["Type"] for resource in small["Resources"].values()} == {"AWS::DynamoDB::Table", "AWS::SQS::Queue"}
    queues = [resource["Properties"] for resource in small["Resources"].values() if resource["Type"] == "AWS::SQS::Queue"]
    assert all(queue["QueueName"].endswith(".fifo") == queue.get("FifoQueue", False) for queue in queues)
    for name, function in template.resources(STACK, "AWS::Serverless::Function").items():
        assert {f"{name}/{variable}" for variable in function["Environment"]["Variables"]} <= small["Outputs"].keys()
    assert {"KeysTable", "WorkspacesTable"} <= small["Outputs"].keys()


def test_a_handler_that_raises_is_an_error_and_the_function_lives_on(caplog: pytest.LogCaptureFixture) -> None:
    """An event that the handler cannot read raises FunctionError each time, and the traceback is in the log."""
    with running_function("match", {"AWS_DEFAULT_REGION": "eu-west-1"}) as match:
        for _ in range(2):
            with pytest.raises(FunctionError, match=r"KeyError.*Records"):
                match.invoke({})
        assert match.alive()
    assert any("KeyError" in each.getMessage() for each in caplog.records if each.levelname == "ERROR")


def test_a_function_whose_process_ended_is_an_error() -> None:
    """The caller gets FunctionError in place of a result that never comes."""
    with running_function("no-such-function", {}) as function:
        with pytest.raises(FunctionError, match="has ended"):
            function.invoke({})
        end = time.monotonic() + 10
        while function.alive() and time.monotonic() < end:
            time.sleep(0.01)
        assert not function.alive()
