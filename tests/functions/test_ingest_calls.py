"""What a request costs: every AWS call of a warm intake, by name. A new one is a price, so it is written down here first."""

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


def forget() -> None:
    """Makes the next use of the wiring build everything anew."""
    for made in vars(wiring).values():
        if hasattr(made, "cache_clear"):
            made.cache_clear()


def post(*events: Any) -> int:
    """The status of a batch."""
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
    """AWS in this process."""
    with aws():
        yield


@pytest.fixture
def calls(moto: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A warm intake that has just named Ada; the calls that it makes from here on."""
    forget()
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
    made: list[str] = []

    def note(model: Any, **_: Any) -> None:
        made.append(model.name)

    used = [client("dynamodb").meta.events, client("sqs", attempts=1).meta.events]
    for events in used:
        events.register("before-call", note)
    yield made
    for events in used:
        events.unregister("before-call", note)
    forget()


def triggers(count: int, **fields: Any) -> list[dict[str, Any]]:
    """So many different triggers."""
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
    ids=["documented batch", "one", "hundred", "by primary key", "anonymous", "two messages", "set", "refused"],
)
def test_a_warm_function_makes_these_calls(calls: list[str], events: Sequence[Any], expected: list[str]) -> None:
    """No more and no other ones."""
    post(*events)
    assert calls == expected


def test_a_linked_customer_that_is_not_in_memory_costs_one_read(calls: list[str]) -> None:
    """Once; from then on it is remembered."""
    wiring.intake().linked.known.clear()
    assert post(*triggers(100)) == 201
    assert calls == ["BatchGetItem", "SendMessageBatch"]
    calls.clear()
    assert post(*triggers(100)) == 201
    assert calls == ["SendMessageBatch"]


def test_a_first_naming_costs_four_calls(calls: list[str]) -> None:
    """A write that finds nothing, a look for tombstones, a transaction, and the message."""
    assert post(identify("eve@example.com", value="device-2")) == 201
    assert calls == ["UpdateItem", "BatchGetItem", "TransactWriteItems", "SendMessageBatch"]
