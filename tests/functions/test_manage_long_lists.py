"""Every list of the management API, and the dry run, on tables whose reads stop early: each item is listed once, and none is hidden."""

from __future__ import annotations

import random
import string
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.fakes.api_client import call, new_workspace
from tests.fakes.ingest_harness import ADA, event_of, identify, wire
from tests.fakes.messages import pending_message
from waypost import identify as identifying
from waypost import wiring
from waypost.adapters.dynamodb import message_items
from waypost.adapters.dynamodb.events import DynamoLog, DynamoReceipts
from waypost.adapters.dynamodb.rejected_events import DynamoRejectedEvents
from waypost.adapters.dynamodb.table import Table
from waypost.domain.dead_letters import Parked
from waypost.domain.intake.event_log import Page
from waypost.domain.intake.events import Rejected, RejectedEvent

NOW = datetime.now(UTC).replace(microsecond=0)
ITEMS = 9
WELCOME = {"entry": {"event": "go", "reentry": {"mode": "always"}}, "steps": [{"id": "end", "type": "exit"}]}


@pytest.fixture(scope="module")
def workspace(tables: None) -> str:
    """The id of a new workspace with one named customer, who has `ITEMS` of everything that lists show."""
    created = new_workspace()
    call("PUT", "/api/schema", {"primaryKey": {"name": "email", "type": "Email"}})
    identifying.identify_customer(wiring.managing().customers, created, event_of(identify(ADA)))
    customer = call("GET", "/api/customers", query={"primaryKey": ADA})[1]["id"]
    log, rejected = DynamoLog(DynamoReceipts(Table("EventsTable"), timedelta(days=90))), DynamoRejectedEvents(Table("EventsTable"))
    for number in range(ITEMS):
        at = NOW - timedelta(hours=number)
        event = replace(event_of(wire("go", uuid=f"e{number}")), facts={})
        log.write(created, [Page(created, customer, at, f"s{number}", (event,))], [])
        error = Rejected("bad-text", str(number), "/batch/0")
        rejected.keep(created, at, f"r{number}", [RejectedEvent(0, {"event": f"r{number}"}, error)])
        message = pending_message(id=f"msg_{number}", workspace=created, customer=customer, created_at=at)
        Table("MessagesTable").put(message_items.to_item(message))
        wiring.managing().dead_letters.park(Parked(created, "signal", f"s{number}", "{}", "gave-up", at))
        call("PUT", f"/api/journeys/j{number}", WELCOME)
        call("POST", "/api/keys", {"name": f"k{number}", "scopes": ["events"]})
    return created


@pytest.fixture
def short_reads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A query returns two rows at most, as DynamoDB returns a few where rows are large."""
    query = Table.query

    def short(table: Table, condition: str, values: Any, **options: Any) -> tuple[list[Any], Any]:
        return query(table, condition, values, **{**options, "Limit": min(2, options.get("Limit", 2))})

    with monkeypatch.context() as patch:
        patch.setattr(Table, "query", short)
        yield


def parts(path: str, query: Mapping[str, str], items: str = "items") -> list[Any]:
    """The items of all parts of a list."""
    found: list[Any] = []
    cursor, more = None, True
    while more:
        status, part = call("GET", path, query={**query, **({"cursor": cursor} if cursor else {})})
        assert status == 200, part
        assert len(part[items]) <= int(query["limit"])
        found += part[items]
        cursor = part["next"]
        more = cursor is not None
    return found


@pytest.mark.usefixtures("short_reads")
@pytest.mark.parametrize("limit", ["4", "200"])
def test_no_list_ends_where_a_read_stops(workspace: str, limit: str) -> None:
    """Keys, journeys, dead letters, messages, events, rejected events, the timeline and the export are complete and in order."""
    customer = call("GET", "/api/customers", query={"primaryKey": ADA})[1]["id"]
    newest = [str(number) for number in range(ITEMS)]

    def listed(path: str, value: Any, items: str = "items", **query: str) -> list[str]:
        return [value(each) for each in parts(path, {"limit": limit, **query}, items)]

    by_message = [listed("/api/messages", lambda each: each["id"], **by) for by in ({}, {"customer": customer}, {"journey": "welcome"})]
    assert by_message == [[f"msg_{each}" for each in newest]] * 3, workspace
    assert listed("/api/events", lambda each: each["uuid"]) == [f"e{each}" for each in newest]
    assert listed("/api/events", lambda each: each["event"], status="rejected") == [f"r{each}" for each in newest]
    assert listed("/api/dead-letters", lambda each: each["subject"]) == [f"s{each}" for each in newest]
    assert set(listed("/api/journeys", lambda each: each["id"])) == {f"j{each}" for each in newest}
    assert set(listed("/api/keys", lambda each: each["name"])) == {"first admin key", *(f"k{each}" for each in newest)}
    entries = [f"{kind}{each}" for each in newest for kind in ("msg_", "e")]
    for path, items in ((f"/api/customers/{customer}/timeline", "items"), (f"/api/customers/{customer}/export", "history")):
        assert listed(path, lambda each: each.get("message") or each["uuid"], items) == entries
    sent = parts(f"/api/customers/{customer}/export", {"limit": limit}, "messages")
    assert [each["id"] for each in sent] == [f"msg_{each}" for each in newest]


@pytest.mark.usefixtures("short_reads")
def test_a_dry_run_plays_all_recorded_events(workspace: str) -> None:
    """A dry run simulates every recorded event of the requested period, and no older one, although each DynamoDB read returns one part."""
    body = {"customer": {"primaryKey": ADA}, "recorded": {"since": (NOW - timedelta(hours=ITEMS - 2)).isoformat()}}
    status, done = call("POST", "/api/journeys/j0/simulate", body)
    assert status == 200, (done, workspace)
    assert len([move for move in done["moves"] if move["reason"] == "entered"]) == ITEMS - 1


def test_rejected_events_beyond_a_megabyte_are_all_listed(workspace: str) -> None:
    """Of 40 rejected events of 93 KB, of which one read returns eleven, a part of 50 or less is followed by the others."""
    letters = random.Random(1)
    rejected = DynamoRejectedEvents(Table("EventsTable"))
    for number in range(40):
        raw = {"event": "large", "payload": "".join(letters.choices(string.ascii_letters, k=93_000))}
        at = NOW - timedelta(seconds=number)
        rejected.keep(workspace, at, f"l{number}", [RejectedEvent(0, raw, Rejected("bad-text", str(number), "/batch/0"))])
    found = parts("/api/events", {"limit": "50", "status": "rejected", "event": "large"})
    assert [each["error"]["detail"] for each in found] == [str(number) for number in range(40)]
