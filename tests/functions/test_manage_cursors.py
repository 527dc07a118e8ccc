"""Forged cursors at every list of the management API: each is 400 or the page at that position, and never a 500."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.fakes.api_client import call, new_workspace, send
from tests.fakes.ingest_harness import event_of, identify, wire
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
from waypost.domain.values.cursors import cursor_of
from waypost.manage import requests
from waypost.manage.requests import ListQuery

NOW = datetime.now(UTC)
EVENTS_TABLE = Table("EventsTable")


@pytest.fixture(scope="module")
def lists(tables: None) -> list[tuple[str, ListQuery]]:
    """The path and the query of every list of a workspace in which each has a row. The workspace is that of the last query."""
    workspace = new_workspace()
    call("PUT", "/api/schema", {"primaryKey": {"name": "email", "type": "Email"}})
    call("PUT", "/api/journeys/welcome", {"entry": {"event": "x"}, "steps": [{"id": "end", "type": "exit"}]})
    identifying.identify_customer(wiring.managing().customers, workspace, event_of(identify()))
    customer = call("GET", "/api/customers", query={"primaryKey": "ada@example.com"})[1]["id"]
    log = DynamoLog(DynamoReceipts(EVENTS_TABLE, timedelta(days=90)))
    log.write(workspace, [Page(workspace, customer, NOW, "s1", (event_of(wire("bought", uuid="e1")),))], [])
    rejected = DynamoRejectedEvents(EVENTS_TABLE)
    rejected.keep(workspace, NOW, "r1", [RejectedEvent(0, {}, Rejected("bad-text", "no", "/batch/0"))])
    rejected.count(workspace, NOW, 1)
    Table("MessagesTable").put(message_items.to_item(pending_message(id="msg_1", workspace=workspace, customer=customer, created_at=NOW)))
    wiring.managing().dead_letters.park(Parked(workspace, "signal", "s1", "{}", "gave-up", NOW))
    return [
        ("/api/keys", requests.KeyQuery()),
        ("/api/journeys", requests.JourneyQuery()),
        ("/api/dead-letters", requests.DeadLetterQuery()),
        ("/api/messages", requests.MessageQuery()),
        ("/api/messages", requests.MessageQuery(customer=customer)),
        ("/api/messages", requests.MessageQuery(journey="welcome")),
        ("/api/messages", requests.MessageQuery(customer=customer, since=NOW - timedelta(days=1))),
        ("/api/messages", requests.MessageQuery(since=NOW - timedelta(days=1))),
        ("/api/dead-letters", requests.DeadLetterQuery(kind="signal", reason="gave-up")),
        ("/api/events", requests.EventQuery()),
        ("/api/events", requests.EventQuery(status="rejected")),
        ("/api/suppressions", requests.SuppressionQuery()),
        (f"/api/customers/{customer}/consents", requests.ConsentQuery()),
        (f"/api/customers/{customer}/timeline", requests.TimelineQuery()),
        (f"/api/customers/{customer}/export", requests.TimelineQuery()),
    ]


def statuses(lists: list[tuple[str, ListQuery]], cursor: Any) -> set[int]:
    """The statuses of all lists with a cursor, or with the cursor that a function makes of the filter of each."""
    found = set()
    for path, query in lists:
        given_cursor = cursor if isinstance(cursor, str) else cursor(query.filter_key())
        parameters = {name: value for name, value in query.filter_key().items() if name != "list"}
        found.add(call("GET", path, query={**parameters, "cursor": given_cursor})[0])
    return found


def test_each_list_has_a_first_page(lists: list[tuple[str, ListQuery]]) -> None:
    """Without a cursor each of the lists is 200, so that the other tests are about cursors alone."""
    for path, query in lists:
        assert call("GET", path, query={name: value for name, value in query.filter_key().items() if name != "list"})[0] == 200


# A caller can compute the digest in a cursor, so a forged position comes as far as the tables.
@settings(max_examples=15, deadline=None)
@given(st.text(st.characters(), max_size=40) | st.from_regex(r"2026-1[12]-..[T#~].{0,9}", fullmatch=True))
@example("")
@example("nonsense")
@example("2026-13-45T00:00:00.000Z#x")
@example("0001-01-01~")
@example("9999-12-31~")
@example("zzzz")
@example("~")
@example("2026-11-23")
@example("#")
@example("live#end\nc_1\nrun/welcome//r_1")
@example("a\n\nb")
@example("\x00")
@example("x" * 1025)
@example("2026-11-23T05:17:13.000Z#" + "x" * 1400)
def test_a_cursor_with_a_forged_position_is_never_a_500(lists: list[tuple[str, ListQuery]], position: str) -> None:
    """Whatever a position says, the answer is the page there or 400 `bad-cursor`."""
    workspace = wiring.authenticator().authenticate("Api-Key waypost-local-admin-key", "admin", NOW).workspace

    def forged(filter_key: Any) -> str:
        try:
            return cursor_of(position, workspace, filter_key)
        except UnicodeEncodeError:
            return base64.urlsafe_b64encode(json.dumps([position, "x"]).encode()).decode().rstrip("=")

    assert statuses(lists, forged) <= {200, 400}
    query = {"counts": "true", "cursor": forged({"list": "DiagramQuery", "journey": "welcome"})}
    assert send("GET", "/api/journeys/welcome/diagram", query=query)["statusCode"] in (200, 400)


@settings(max_examples=25, deadline=None)
@given(
    st.text(max_size=40).filter(bool)
    | st.binary(max_size=40).map(lambda raw: base64.urlsafe_b64encode(raw).decode())
    | st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=3), st.lists, max_leaves=4).map(
        lambda value: base64.urlsafe_b64encode(json.dumps(value).encode()).decode()
    )
)
@example(base64.urlsafe_b64encode(b'["\\ud800","x"]').decode())
@example(base64.urlsafe_b64encode(b"[" * 1400).decode())
@example(base64.urlsafe_b64encode(b"[1e999999999999999999999,1]").decode())
@example("x" * 2001)
@example("=")
def test_a_cursor_that_is_none_is_400(lists: list[tuple[str, ListQuery]], cursor: str) -> None:
    """Any other text is 400 at every list, and not the first page."""
    assert statuses(lists, cursor) == {400}
