"""What a signal costs: every AWS call of a warm matcher, by name. A new call costs money, so it fails a test here first."""

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
from tests.fakes.moto_in_process import KEEP_SESSION
from tests.fakes.telemetry import named_context
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
from waypost.match.journey_counting import write_counts
from waypost.telemetry import FunctionTelemetry

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
    """A table with text keys. Its indexes are left out: the matcher only writes the attributes from which they are made."""
    boto3.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)],
    )


def clear_caches() -> None:
    """Makes the wiring build everything again at its next use."""
    for made in vars(wiring).values():
        if hasattr(made, "cache_clear"):
            made.cache_clear()
    client.cache_clear()


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The AWS calls of a warm matcher from here on. Its customer Ada exists, and `signed_up` enters a journey."""
    with mock_aws(config=KEEP_SESSION):
        clear_caches()
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
        deliver(identify_ada())
        made: list[str] = []
        for service in ("dynamodb", "sqs"):
            client(service).meta.events.register("before-call", lambda model, **_: made.append(model.name))
        yield made
        clear_caches()


def publish() -> None:
    """Publishes a journey that every `signed_up` enters."""
    journeys, definition = (
        DynamoJourneys(Table("Journeys")),
        journey(reentry={"mode": "always"}).model_dump(by_alias=True, exclude_none=True),
    )
    draft = Lifecycle("welcome", "Welcome", NOW, NOW).saved("Welcome", NOW)
    journeys.save_draft("w1", draft, definition)
    published = replace(draft, revision=1).publishing(NOW)
    journeys.publish("w1", published, ActiveJourneys(0, (ActiveVersion("welcome", 1, "published"),)))


def deliver(signal: EventsArrived) -> None:
    """One delivery of a signal to the matcher that the wiring builds."""
    match(signal, NOW, wiring.matching(), redelivered=False)


def identify_ada() -> EventsArrived:
    """The signal that creates Ada."""
    return arrived({"event": "$identify", "payload": {"distinct_id": "ada@example.com"}, "uuid": "i"})


def of_ada(*raw: dict[str, Any]) -> EventsArrived:
    """The signal that the intake makes of events of a device that it knows as Ada's."""
    return arrived(*raw, primary=ADA, known=True)


FIRST = ["BatchGetItem", "BatchGetItem"]
"""Receipts and tombstones, read at the same time."""


@pytest.mark.parametrize("number", [1, 20])
def test_triggers_that_no_journey_names_are_two_reads_and_a_write(calls: list[str], number: int) -> None:
    """Receipts and log page are written in one call, and 20 events cost the calls of one."""
    deliver(of_ada(*[{"event": "page_view"}] * number))
    assert calls == [*FIRST, "BatchWriteItem"]


def test_an_entry_with_a_message_is_eight_calls(calls: list[str]) -> None:
    """Customer and runs are read at the same time, then come one transaction, the send queue, the clearing of effects, and the log."""
    deliver(of_ada({"event": "signed_up"}))
    assert sorted(calls[:4]) == [*FIRST, "Query", "Query"]
    assert calls[4:] == ["TransactWriteItems", "SendMessageBatch", "UpdateItem", "BatchWriteItem"]


def test_an_event_without_effect_that_a_journey_names_is_a_transaction_in_place_of_the_write(calls: list[str]) -> None:
    """Its receipt must not replace one with an effect: receipt and page are one transaction, which is as many calls as before."""
    deliver(replace(of_ada({"event": "signed_up"}), historical=True))
    assert calls == [*FIRST, "TransactWriteItems"]


def test_a_duplicate_is_two_reads(calls: list[str]) -> None:
    """A duplicate reads receipts and tombstones, and neither customer nor runs, and writes nothing."""
    deliver(of_ada({"event": "signed_up"}))
    calls.clear()
    deliver(of_ada({"event": "signed_up"}))
    assert calls == FIRST


def test_attributes_are_one_more_write_however_many_events_set_them(calls: list[str]) -> None:
    """The intake knew that the id is Ada's, so all attributes go into her row of that id in one write."""
    sets = [{"event": "$set", "payload": {f"a{place}": place}, "timestamp": f"2026-11-23T05:17:2{place}Z"} for place in range(3)]
    deliver(of_ada(*sets))
    assert calls == [*FIRST, "UpdateItem", "BatchWriteItem"]


def test_a_signal_may_name_more_ids_than_one_read_takes(calls: list[str]) -> None:
    """The tombstones of 150 identifiers are read in two calls, because DynamoDB reads at most 100 rows in one."""
    names = [Identifier("correlation", f"device-{place}") for place in range(150)]
    assert wiring.customers().tombstones("w1", names) == {}
    assert calls == ["BatchGetItem", "BatchGetItem"]


def test_five_seconds_later_the_active_journeys_are_read_again(calls: list[str]) -> None:
    """The active journeys and the schema cost one read each; definitions of known versions are not read again."""
    match(
        replace(of_ada({"event": "page_view"}), received_at=NOW), NOW.replace(second=NOW.second + 5), wiring.matching(), redelivered=False
    )
    assert calls == [*FIRST, "GetItem", "GetItem", "BatchWriteItem"]


def test_the_numbers_of_all_entries_of_an_invocation_are_one_write(calls: list[str]) -> None:
    """Ten entries are one `UpdateItem` at the end of the invocation, and one in which nothing moved has none."""
    matching = wiring.matching()
    for place in range(10):
        deliver(of_ada({"event": "signed_up", "uuid": f"s{place}"}))
    calls.clear()
    telemetry = FunctionTelemetry(named_context("match"))
    write_counts(matching.counted, matching.counters, NOW, lambda: 0, telemetry)
    assert calls == ["UpdateItem"]
    deliver(of_ada({"event": "page_view"}))
    calls.clear()
    write_counts(matching.counted, matching.counters, NOW, lambda: 0, telemetry)
    assert calls == []
