"""Events, their receipts and rejected events through the management function on the template's tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from tests.fakes.api_client import call
from tests.fakes.ingest_harness import event_of, wire
from waypost.adapters.dynamodb.events import DynamoLog, DynamoReceipts
from waypost.adapters.dynamodb.rejected_events import DynamoRejectedEvents
from waypost.adapters.dynamodb.table import Table
from waypost.domain.intake.event_log import Page
from waypost.domain.intake.events import Rejected, RejectedEvent
from waypost.domain.intake.receipts import JourneyOutcome, Receipt

NOW = datetime.now(UTC)


EVENTS_TABLE = Table("EventsTable")


pytestmark = pytest.mark.usefixtures("workspace")


def test_the_list_of_events_shows_receipts_and_payloads(workspace: str) -> None:
    """Events come newest first and page by page, with their receipts and payloads, filtered by name and time."""
    events = [event_of(wire("bought", uuid=f"e{number}", payload={"total": number})) for number in range(3)]
    receipt = Receipt("e2", "bought", NOW, "c_1", (JourneyOutcome("welcome", "entered", None, "r_1"),), ("msg_1",))
    DynamoLog(DynamoReceipts(EVENTS_TABLE, timedelta(days=90))).write(
        workspace, [Page(workspace, "c_1", NOW, "s1", tuple(events))], [receipt]
    )
    status, first = call("GET", "/api/events", query={"limit": "2"})
    assert (status, [each["uuid"] for each in first["items"]]) == (200, ["e2", "e1"])
    assert first["items"][0]["journeys"] == [{"journey": "welcome", "outcome": "entered", "reason": None, "run": "r_1", "branches": []}]
    assert (first["items"][0]["messages"], first["items"][0]["payload"]) == (["msg_1"], {"total": 2})
    rest = call("GET", "/api/events", query={"cursor": first["next"]})[1]
    assert ([each["uuid"] for each in rest["items"]], rest["next"]) == (["e0"], None)
    assert call("GET", "/api/events", query={"event": "other"})[1]["items"] == []
    assert call("GET", "/api/events", query={"since": "2100-01-01T00:00:00Z"})[1]["items"] == []
    assert call("GET", "/api/events/e2")[1]["journeys"] == first["items"][0]["journeys"]
    assert call("GET", "/api/events/e1")[0] == 404


def test_a_rejected_event_is_shown_as_it_was_sent(workspace: str) -> None:
    """It is listed with its error and all that was sent, even with a lone surrogate. One that is nested too deeply has no body."""
    rejected = DynamoRejectedEvents(EVENTS_TABLE)
    deep: Any = []
    for _ in range(400):
        deep = [deep]
    sent = [
        RejectedEvent(0, {"event": "\ud800", "payload": 3}, Rejected("bad-text", "half a pair", "/batch/0/event")),
        RejectedEvent(1, {"event": "deep", "payload": deep}, Rejected("too-deep", "16 levels", "/batch/1/payload")),
    ]
    rejected.keep(workspace, NOW, "request-0", sent)
    rejected.count(workspace, NOW, 2)
    status, tracked = call("GET", "/api/events", query={"status": "rejected"})
    assert (status, tracked["next"]) == (200, None)
    newest, oldest = tracked["items"]
    assert (newest["error"]["code"], newest["sent"]) == ("too-deep", None)
    assert (oldest["status"], oldest["event"], oldest["payload"], oldest["error"]["pointer"]) == ("rejected", "\ud800", 3, "/batch/0/event")
    only = call("GET", "/api/events", query={"status": "rejected", "event": "deep"})[1]["items"]
    assert [each["event"] for each in only] == ["deep"]


def test_an_id_in_a_path_is_decoded_once(workspace: str) -> None:
    """The receipt of an event whose uuid holds percent signs and slashes is found by its uuid, encoded once."""
    uuid = "100%25/a b+%2F"
    receipt = Receipt(uuid, "bought", NOW, "c_1", (), ())
    DynamoLog(DynamoReceipts(EVENTS_TABLE, timedelta(days=90))).write(
        workspace, [Page(workspace, "c_1", NOW, "s1", (event_of(wire("bought", uuid=uuid)),))], [receipt]
    )
    assert call("GET", f"/api/events/{quote(uuid, safe='')}")[1]["uuid"] == uuid
