"""The list of messages through the management function on the template's tables: those since a time, and the calls for them."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest

from tests.fakes.api_client import call
from tests.fakes.call_counter import count_table_calls
from tests.fakes.messages import pending_message
from waypost import wiring
from waypost.adapters.dynamodb import message_items
from waypost.adapters.dynamodb.table import Table
from waypost.domain.messages.message import MessageStatus

NOON = datetime.combine(datetime.now(UTC).date(), time(12), UTC)


@pytest.fixture(autouse=True)
def at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is noon, so that a day does not begin in the middle of a test."""
    monkeypatch.setattr(wiring, "now", lambda: NOON)


@pytest.fixture(autouse=True)
def messages(workspace: str, at_noon: None) -> None:
    """Forty messages, one for each half hour up to now, of which each second one is sent."""
    items = [
        message_items.to_item(
            pending_message(
                id=f"msg_{number:02}",
                workspace=workspace,
                status=(MessageStatus.SENT, MessageStatus.FAILED)[number % 2],
                step=("hello", "nudge", "thanks")[number % 3],
                version=1 + number // 20,
                created_at=NOON - timedelta(minutes=30 * number),
            )
        )
        for number in range(40)
    ]
    Table("MessagesTable").put_many(items)


def listed(since: datetime, **query: str) -> list[str]:
    """The ids of all parts of the list."""
    found: list[str] = []
    cursor, more = None, True
    while more:
        status, part = call("GET", "/api/messages", query={"since": since.isoformat(), **query, **({"cursor": cursor} if cursor else {})})
        assert status == 200, part
        found += [each["id"] for each in part["items"]]
        cursor = part["next"]
        more = cursor is not None
    return found


@pytest.mark.parametrize("limit", ["1", "3", "200"])
@pytest.mark.parametrize("by", [{}, {"customer": "c_1"}, {"journey": "welcome"}], ids=["all", "customer", "journey"])
def test_messages_since_a_time(by: dict[str, str], limit: str) -> None:
    """Messages from this time of creation on are listed once and newest first, by every index, over midnight, also in small pages."""
    for number in (0, 3, 30):
        since = NOON - timedelta(minutes=30 * number)
        assert listed(since, limit=limit, **by) == [f"msg_{each:02}" for each in range(number + 1)]
    assert listed(NOON - timedelta(minutes=30, microseconds=-1), limit=limit, **by) == ["msg_00"]
    assert listed(NOON - timedelta(hours=2), limit=limit, status="failed", **by) == ["msg_01", "msg_03"]
    assert listed(NOON + timedelta(days=1), limit=limit, **by) == []


@pytest.mark.parametrize("by", [{}, {"customer": "c_1"}, {"journey": "welcome"}], ids=["all", "customer", "journey"])
def test_messages_of_a_step_and_of_a_version(by: dict[str, str]) -> None:
    """`step` and `version` leave out the messages of other steps and versions, together with `status`, in every list."""
    begin = NOON - timedelta(days=1)
    assert listed(begin, limit="2", step="nudge", **by) == [f"msg_{each:02}" for each in range(1, 40, 3)]
    assert listed(begin, version="2", **by) == [f"msg_{each:02}" for each in range(20, 40)]
    assert listed(begin, version="2", step="hello", status="failed", **by) == ["msg_21", "msg_27", "msg_33", "msg_39"]


@pytest.mark.parametrize("since", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_a_time_at_the_end_of_the_calendar_is_a_time(since: str) -> None:
    """Neither the first nor the last instant of the calendar is an error."""
    status, part = call("GET", "/api/messages", query={"since": since, "limit": "200"})
    assert (status, len(part["items"]) in (0, 40)) == (200, True)


def test_a_poll_that_finds_nothing_is_four_queries_of_keys() -> None:
    """Without a message since that time, one query for each of the four shards of the day finds no row, and no row is read."""
    with count_table_calls("MessagesTable") as calls:
        assert listed(NOON + timedelta(seconds=1)) == []
    assert calls == {"query": 4}


def test_messages_without_content_are_listed_without_reading_it() -> None:
    """With `content=false` the same messages come with an empty `rendered`, and the batch read of the contents is left out."""
    query = {"since": (NOON - timedelta(hours=1)).isoformat()}
    with count_table_calls("MessagesTable") as calls:
        _, short = call("GET", "/api/messages", query={**query, "content": "false"})
    assert calls == {"query": 4, "batch_get_item": 1}
    _, whole = call("GET", "/api/messages", query={**query, "content": "true"})
    assert short["items"] == [{**each, "rendered": {}} for each in whole["items"]]
    assert short["items"]


def test_a_poll_reads_the_new_messages_alone() -> None:
    """With three messages since that time, the four queries are followed by one batch read of three and one of their contents."""
    with count_table_calls("MessagesTable") as calls:
        assert len(listed(NOON - timedelta(hours=1))) == 3
    assert calls == {"query": 4, "batch_get_item": 2}
