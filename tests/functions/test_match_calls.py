"""What a signal costs: every AWS call of a warm matcher, by name. A new one is a price, so it is written down here first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.fakes.journeys import journey
from tests.fakes.match_harness import SCHEMA, arrived
from tests.fakes.messages import NOW
from waypost import wiring
from waypost.adapters.aws import client
from waypost.adapters.dynamodb.journeys import DynamoJourneys
from waypost.adapters.dynamodb.table import Table
from waypost.adapters.dynamodb.workspaces import DynamoWorkspaces
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.journeys.lifecycle import Lifecycle
from waypost.domain.journeys.published import ActiveJourneys, ActiveVersion
from waypost.domain.signals import EventsArrived
from waypost.match.dispatch import match

TABLES = {
    "CUSTOMERS_TABLE": ("primaryKey", "correlationId"),
    "RUNS_TABLE": ("customer", "row"),
    "EVENTS_TABLE": ("id", "at"),
    "MESSAGES_TABLE": ("id",),
    "JOURNEYS_TABLE": ("workspace", "row"),
    "WORKSPACES_TABLE": ("workspace", "row"),
    "DEAD_TABLE": ("workspace", "at"),
}
ADA = Identifier("primary", "ada@example.com")


def make_table(name: str, keys: tuple[str, ...]) -> None:
    """A table with text keys; the matcher writes into indexes without knowing."""
    boto3.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)],
    )


def forget() -> None:
    """Makes the next use of the wiring build everything anew."""
    for made in vars(wiring).values():
        if hasattr(made, "cache_clear"):
            made.cache_clear()
    client.cache_clear()


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A warm matcher for whose customer Ada `signed_up` opens a journey; the calls that it makes from here on."""
    with mock_aws():
        forget()
        for variable, keys in TABLES.items():
            monkeypatch.setenv(variable, variable.removesuffix("_TABLE").title())
            make_table(variable.removesuffix("_TABLE").title(), keys)
        for variable in ("SIGNALS_QUEUE_ARN", "SCHEDULE_GROUP", "SCHEDULER_ROLE_ARN", "SCHEDULER_DEAD_LETTERS_ARN"):
            monkeypatch.setenv(variable, variable.lower())
        for variable in ("SIGNALS_QUEUE_URL", "SEND_QUEUE_URL", "DELAYS_QUEUE_URL"):
            monkeypatch.setenv(variable, boto3.client("sqs").create_queue(QueueName=variable.split("_", maxsplit=1)[0])["QueueUrl"])
        workspaces = DynamoWorkspaces(Table("Workspaces"))
        workspaces.add("w1", "One", "2026-11-23T05:17:13.000Z")
        workspaces.save_schema("w1", SCHEMA)
        publish()
        matched(identified())
        made: list[str] = []
        for service in ("dynamodb", "sqs"):
            client(service).meta.events.register("before-call", lambda model, **_: made.append(model.name))
        yield made
        forget()


def publish() -> None:
    """Publishes the journey."""
    journeys, definition = (
        DynamoJourneys(Table("Journeys")),
        journey(reentry={"mode": "always"}).model_dump(by_alias=True, exclude_none=True),
    )
    draft = Lifecycle("welcome", "Welcome", NOW, NOW).saved("Welcome", NOW)
    journeys.save_draft("w1", draft, definition)
    published = replace(draft, revision=1).publishing(NOW)
    journeys.publish("w1", published, ActiveJourneys(0, (ActiveVersion("welcome", 1, "published"),)))


def matched(signal: EventsArrived) -> None:
    """One delivery of a signal, by the matcher as the function has it."""
    match(signal, NOW, wiring.matching(), redelivered=False)


def identified() -> EventsArrived:
    """The signal that makes Ada."""
    return arrived({"event": "$identify", "payload": {"distinct_id": "ada@example.com"}, "uuid": "i"})


def of_ada(*raw: dict[str, Any]) -> EventsArrived:
    """The signal that the intake makes of events of Ada's device, which it knows."""
    return arrived(*raw, primary=ADA, known=True)


FIRST = ["BatchGetItem", "BatchGetItem"]
"""Receipts and tombstones, asked for at the same time."""


@pytest.mark.parametrize("number", [1, 20])
def test_triggers_that_no_journey_names_are_two_reads_and_a_write(calls: list[str], number: int) -> None:
    """Receipts and page go together; 20 events cost the calls of one."""
    matched(of_ada(*[{"event": "page_view"}] * number))
    assert calls == [*FIRST, "BatchWriteItem"]


def test_an_entry_with_a_message_is_eight_calls(calls: list[str]) -> None:
    """Customer and runs at the same time, one transaction, the send queue, what is owed cleared, the log."""
    matched(of_ada({"event": "signed_up"}))
    assert sorted(calls[:4]) == [*FIRST, "Query", "Query"]
    assert calls[4:] == ["TransactWriteItems", "SendMessageBatch", "UpdateItem", "BatchWriteItem"]


def test_a_duplicate_is_two_reads(calls: list[str]) -> None:
    """And nothing else: neither customer, runs nor log."""
    matched(of_ada({"event": "signed_up"}))
    calls.clear()
    matched(of_ada({"event": "signed_up"}))
    assert calls == FIRST


def test_attributes_are_one_more_write_however_many_events_set_them(calls: list[str]) -> None:
    """The intake knew that the id is Ada's, so her row of that id takes all of them."""
    sets = [{"event": "$set", "payload": {f"a{place}": place}, "timestamp": f"2026-11-23T05:17:2{place}Z"} for place in range(3)]
    matched(of_ada(*sets))
    assert calls == [*FIRST, "UpdateItem", "BatchWriteItem"]


def test_a_signal_may_name_more_ids_than_one_read_takes(calls: list[str]) -> None:
    """100 events with an anonymous id each, and DynamoDB reads 100 rows at once."""
    names = [Identifier("correlation", f"device-{place}") for place in range(150)]
    assert wiring.customers().tombstones("w1", names) == {}
    assert calls == ["BatchGetItem", "BatchGetItem"]


def test_five_seconds_later_the_journeys_are_asked_for_again(calls: list[str]) -> None:
    """What is in force and the schema, a read each; definitions that are known are not read."""
    match(
        replace(of_ada({"event": "page_view"}), received_at=NOW), NOW.replace(second=NOW.second + 5), wiring.matching(), redelivered=False
    )
    assert calls == [*FIRST, "GetItem", "GetItem", "BatchWriteItem"]
