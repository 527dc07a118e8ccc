"""The AWS calls of each kind of request to a warm ingest function, by name. Each call has a price, so a new one must show here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.ingest import app
from tests.fakes.ingest_harness import ADA, SCHEMA, identify, wire
from tests.fakes.keys import TEXT, stored
from tests.fakes.tables import aws, empty_table
from waypost import wiring
from waypost.adapters.aws import client
from waypost.adapters.dynamodb.keys import DynamoKeys
from waypost.adapters.dynamodb.workspaces import DynamoWorkspaces
from waypost.domain.values import exact_json


def clear_wiring() -> None:
    """Empties the caches of the wiring, so that its next use builds everything again."""
    for each in vars(wiring).values():
        if hasattr(each, "cache_clear"):
            each.cache_clear()


def post(*events: Any) -> int:
    """The status of the response to a batch."""
    headers = {"Authorization": f"Api-Key {TEXT}", "Content-Type": "application/json"}
    body = exact_json.dumps({"batch": events})
    context = LambdaContext()
    context._aws_request_id = "r-1"
    status: int = app.lambda_handler({"httpMethod": "POST", "path": "/events/batch", "headers": headers, "body": body}, context)[
        "statusCode"
    ]
    return status


@pytest.fixture(scope="module")
def moto() -> Iterator[None]:
    """An emulation of AWS in this process."""
    with aws():
        yield


@pytest.fixture
def calls(moto: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The calls of a warm function, which has a linked customer in its cache, from here on."""
    clear_wiring()
    tables = {name: empty_table(f"{name}Table") for name in ("Keys", "Workspaces", "Customers", "Events")}
    for name, table in tables.items():
        monkeypatch.setenv(f"{name.upper()}_TABLE", table.name)
    fifo = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    monkeypatch.setenv("SIGNALS_QUEUE_URL", client("sqs").create_queue(QueueName="signals.fifo", Attributes=fifo)["QueueUrl"])
    DynamoKeys(tables["Keys"]).add(stored())
    workspaces = DynamoWorkspaces(tables["Workspaces"])
    workspaces.add("w1", "Shop", "2026-11-23T05:17:13.000Z")
    workspaces.save_schema("w1", SCHEMA)
    assert post(identify(), wire(correlationValue="anonymous-1")) == 201
    recorded: list[str] = []

    def record(model: Any, **_: Any) -> None:
        recorded.append(model.name)

    clients = [client("dynamodb").meta.events, client("sqs", attempts=1).meta.events]
    for events in clients:
        events.register("before-call", record)
    yield recorded
    for events in clients:
        events.unregister("before-call", record)
    clear_wiring()


def triggers(count: int, **fields: Any) -> list[dict[str, Any]]:
    """This many different triggers."""
    return [wire(payload={"n": number}, **fields) for number in range(count)]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ((identify(at="2026-11-23T05:00:01Z", plan="pro"), wire("trigger_some_message")), ["UpdateItem", "SendMessageBatch"]),
        (triggers(1), ["SendMessageBatch"]),
        (triggers(100), ["SendMessageBatch"]),
        (triggers(100, correlationKey="email", correlationValue=ADA), ["SendMessageBatch"]),
        (triggers(100, correlationValue="anonymous-1"), ["BatchGetItem", "SendMessageBatch"]),
        (triggers(101), ["SendMessageBatch", "SendMessageBatch"]),
        ([wire("$set", payload={"plan": "pro"})], ["SendMessageBatch"]),
        (["bad"], ["UpdateItem", "BatchWriteItem"]),
    ],
    ids=["identify and trigger", "one", "hundred", "by primary key", "anonymous", "two messages", "set", "rejected"],
)
def test_a_warm_function_makes_these_calls(calls: list[str], events: Sequence[Any], expected: list[str]) -> None:
    """A request of each kind makes exactly these calls, in this order."""
    post(*events)
    assert calls == expected


def test_a_linked_customer_that_is_not_cached_costs_one_read(calls: list[str]) -> None:
    """A linked customer that is not cached is read by the first request and not by the second."""
    wiring.intake().linked.entries.clear()
    assert post(*triggers(100)) == 201
    assert calls == ["BatchGetItem", "SendMessageBatch"]
    calls.clear()
    assert post(*triggers(100)) == 201
    assert calls == ["SendMessageBatch"]


def test_a_first_identify_costs_four_calls(calls: list[str]) -> None:
    """A first `$identify` makes a write that finds no row, a read of tombstones, a transaction, and the message."""
    assert post(identify("eve@example.com", value="device-2")) == 201
    assert calls == ["UpdateItem", "BatchGetItem", "TransactWriteItems", "SendMessageBatch"]
