"""What the routes of events cost: every AWS call of a warm management function, by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.fakes.api_client import call, identify_in
from tests.fakes.ingest_harness import ADA, event_of, identify, wire
from waypost import wiring
from waypost.adapters.aws import client
from waypost.adapters.dynamodb.events import DynamoLog, DynamoReceipts
from waypost.adapters.dynamodb.rejected_events import DynamoRejectedEvents
from waypost.adapters.dynamodb.table import Table
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.customers.rows import correlation_key
from waypost.domain.intake.event_log import Page
from waypost.domain.intake.events import Rejected, RejectedEvent
from waypost.domain.intake.receipts import JourneyOutcome, Receipt
from waypost.identify import write_facts

NOW = datetime.now(UTC)
LOG = DynamoLog(DynamoReceipts(Table("EventsTable"), timedelta(days=90)))
SHARDS = 4


@pytest.fixture
def calls(workspace: str) -> Iterator[Counter[str]]:
    """The calls of DynamoDB from here on, of a function that has the key of the requests in memory."""
    call("GET", "/api/schema")
    made: Counter[str] = Counter()

    def count(model: object, **_: object) -> None:
        made[getattr(model, "name", "")] += 1

    events = client("dynamodb").meta.events
    events.register("before-call", count, unique_id="calls")
    yield made
    events.unregister("before-call", count, unique_id="calls")


def log(workspace: str, number: int, *, age: timedelta, moved: bool = False) -> None:
    """Logs one event, with a receipt."""
    event = replace(event_of(wire("bought", uuid=f"e{number}")), facts={})
    outcomes = (JourneyOutcome("welcome", "entered", None, "r_1"),) if moved else ()
    receipt = Receipt(event.uuid, "bought", NOW - age, "c_1", outcomes)
    LOG.write(workspace, [Page(workspace, "c_1", NOW - age, f"s{number}", (event,))], [receipt])


def test_a_poll_without_anything_new_reads_only_the_index(workspace: str, calls: Counter[str]) -> None:
    """Of a workspace with 40 older events, a list since a later time makes one query for each part of the day's index, and it ends."""
    for number in range(40):
        log(workspace, number, age=timedelta(seconds=60 + number))
    since = (NOW - timedelta(seconds=15)).isoformat()
    days = len({(NOW - timedelta(seconds=15)).date(), datetime.now(UTC).date()})
    calls.clear()
    assert call("GET", "/api/events", query={"since": since}) == (200, {"items": [], "next": None})
    assert calls == {"Query": SHARDS * days}
    calls.clear()
    assert call("GET", "/api/events", query={"since": since, "status": "rejected"}) == (200, {"items": [], "next": None})
    assert calls == {"Query": days}


def test_a_poll_reads_what_is_new_in_a_bounded_number_of_calls(workspace: str, calls: Counter[str]) -> None:
    """Three new events take a query for each part of the index, and a batch each for pages, receipts and customers, and the schema."""
    for number in range(3):
        log(workspace, number, age=timedelta(seconds=number))
    calls.clear()
    found = call("GET", "/api/events", query={"since": (NOW - timedelta(seconds=15)).isoformat()})[1]
    assert ([each["uuid"] for each in found["items"]], found["next"]) == (["e0", "e1", "e2"], None)
    days = len({(NOW - timedelta(seconds=15)).date(), datetime.now(UTC).date()})
    assert calls == {"Query": SHARDS * days, "BatchGetItem": 3, "GetItem": 1}


def test_the_list_of_events_with_an_effect_reads_a_bounded_part(workspace: str, calls: Counter[str]) -> None:
    """Ten reads at most look for events with an effect. The parts together have all of them, and each event is in one of the two lists."""
    for number in range(40):
        log(workspace, number, age=timedelta(seconds=number), moved=number == 39)
    calls.clear()
    first = call("GET", "/api/events", query={"effect": "true", "limit": "1"})[1]
    assert first["items"] == []
    assert calls["Query"] <= 10 * (SHARDS + 1) * 2
    assert calls["BatchGetItem"] <= 20
    found: list[str] = []
    cursor = first["next"]
    while cursor is not None:
        part = call("GET", "/api/events", query={"effect": "true", "limit": "1", "cursor": cursor})[1]
        found, cursor = found + [each["uuid"] for each in part["items"]], part["next"]
    assert found == ["e39"]
    others = call("GET", "/api/events", query={"effect": "false", "limit": "200"})[1]["items"]
    assert [each["uuid"] for each in others] == [f"e{number}" for number in range(39)]


def test_an_event_is_listed_with_the_ids_that_it_was_sent_with(workspace: str) -> None:
    """A primary key, a linked correlation id and an anonymous one are each shown as sent, and the first two with the customer's key."""
    call("PUT", "/api/schema", {"primaryKey": {"name": "email", "type": "Email"}})
    identify_in(workspace, identify(ADA, "phone-1"))
    sent = [
        wire(uuid="e0", correlationKey="email", correlationValue="ADA@example.com"),
        wire(uuid="e1", correlationValue="phone-1"),
        wire(uuid="e2", correlationValue="phone-2"),
    ]
    events = tuple(replace(event_of(raw), facts={}) for raw in sent)
    LOG.write(workspace, [Page(workspace, "c_1", NOW, "s1", events)], [])
    listed = {each["uuid"]: each for each in call("GET", "/api/events")[1]["items"]}
    shown = {uuid: (each["correlationKey"], each["correlationValue"], each["primaryKey"]) for uuid, each in listed.items()}
    assert shown == {"e0": ("email", ADA, ADA), "e1": ("_id", "phone-1", ADA), "e2": ("_id", "phone-2", None)}


def test_a_rejected_event_is_listed_with_the_ids_that_it_was_sent_with(workspace: str) -> None:
    """A text in either place is shown, and any other value there is null."""
    raw = [{"correlationKey": "_id", "correlationValue": "null"}, {"correlationKey": 3, "correlationValue": ["a"]}, "text"]
    rejected = [RejectedEvent(place, each, Rejected("illegal-id", "no", "")) for place, each in enumerate(raw)]
    DynamoRejectedEvents(Table("EventsTable")).keep(workspace, NOW, "r1", rejected)
    items = call("GET", "/api/events", query={"status": "rejected"})[1]["items"]
    assert [(each["correlationKey"], each["correlationValue"]) for each in items[::-1]] == [("_id", "null"), (None, None), (None, None)]
    assert {each["primaryKey"] for each in items} == {None}


def test_the_events_of_one_customer_are_listed_with_those_of_merged_customers(workspace: str) -> None:
    """With `customer`, events under the ids of merged customers are in the list, and those of other customers are not."""
    write_facts(
        wiring.managing().customers,
        correlation_key(workspace, Identifier("correlation", "phone-1")),
        event_of(wire("$set", payload={"plan": "free"})).facts,
    )
    anonymous = call("GET", "/api/customers", query={"correlationId": "phone-1"})[1]["id"]
    identify_in(workspace, identify(ADA, "phone-1"))
    customer = call("GET", "/api/customers", query={"primaryKey": ADA})[1]["id"]
    for name, owner in (("s1", anonymous), ("s2", "c_other"), ("s3", customer)):
        LOG.write(workspace, [Page(workspace, owner, NOW, name, (replace(event_of(wire(uuid=name)), facts={}),))], [])
    items = call("GET", "/api/events", query={"customer": customer})[1]["items"]
    assert [each["uuid"] for each in items] == ["s3", "s1"]
    assert call("GET", "/api/events", query={"customer": customer, "since": "2100-01-01T00:00:00Z"})[1]["items"] == []


@pytest.mark.parametrize("wrong", [{"effect": "true"}, {"customer": "c_1"}])
def test_rejected_events_have_neither_customer_nor_effect(workspace: str, wrong: dict[str, str]) -> None:
    """A filter by one of them is refused for rejected events, because an empty list would look like an answer."""
    status, problem = call("GET", "/api/events", query={"status": "rejected", **wrong})
    assert (status, problem["code"]) == (400, "bad-parameter")


def test_a_histogram_takes_the_same_calls_whatever_there_is(workspace: str, calls: Counter[str]) -> None:
    """It is one query for each part of the index, one for the counters of rejected events, and one batch where there are few pages."""
    rejected = DynamoRejectedEvents(Table("EventsTable"))
    rejected.count(workspace, NOW, 7)
    for number in range(30):
        log(workspace, number, age=timedelta(seconds=number))
    calls.clear()
    status, found = call("GET", "/api/events/histogram", query={"buckets": "10"})
    days = len({found["since"][:10], found["until"][:10]})
    assert calls == {"Query": (SHARDS + 1) * days, "BatchGetItem": 1}
    assert (status, found["bucketSeconds"], len(found["buckets"]), found["complete"]) == (200, 360, 10, True)
    assert sum(each["accepted"] for each in found["buckets"]) == 30
    assert sum(each["rejected"] for each in found["buckets"]) == 7
    for number in range(30, 110):
        log(workspace, number, age=timedelta(seconds=1))
    calls.clear()
    busy = call("GET", "/api/events/histogram", query={"buckets": "10"})[1]
    assert calls == {"Query": (SHARDS + 1) * len({busy["since"][:10], busy["until"][:10]})}
    assert (sum(each["accepted"] for each in busy["buckets"]), busy["complete"]) == (110, False)
    assert call("GET", "/api/events/histogram", query={"since": (NOW - timedelta(days=2)).isoformat()})[0] == 400
