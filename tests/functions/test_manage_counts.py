"""The counts of a journey's messages through the management function, and the reads of the table that they need."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.fakes.api_client import call
from tests.fakes.messages import pending_message
from waypost.adapters.dynamodb import message_items
from waypost.adapters.dynamodb.table import Table
from waypost.domain.messages.message import MessageStatus
from waypost.manage import message_counts

NOW = datetime.now(UTC)
JOURNEY = {"entry": {"event": "go"}, "steps": [{"id": "end", "type": "exit"}]}


@pytest.fixture(autouse=True)
def journey(workspace: str) -> None:
    """A journey with seven sent messages of one step and two skipped ones of another."""
    call("PUT", "/api/journeys/welcome", JOURNEY)
    call("PUT", "/api/journeys/other", JOURNEY)
    for number in range(9):
        step, status = ("hello", MessageStatus.SENT) if number < 7 else ("bye", MessageStatus.SKIPPED)
        at = NOW - timedelta(hours=number)
        message = pending_message(id=f"msg_{number}", workspace=workspace, step=step, status=status, created_at=at)
        Table("MessagesTable").put(message_items.to_item(message))


def test_the_counts_of_a_journey() -> None:
    """All messages of the journey are counted, and those of another journey are not."""
    status, counts = call("GET", "/api/journeys/welcome/counts")
    assert (status, counts) == (
        200,
        {
            "steps": [{"step": "bye", "total": 2, "messages": {"skipped": 2}}, {"step": "hello", "total": 7, "messages": {"sent": 7}}],
            "complete": True,
            "next": None,
        },
    )
    assert call("GET", "/api/journeys/other/counts") == (200, {"steps": [], "complete": True, "next": None})
    since = (NOW - timedelta(minutes=90)).isoformat()
    assert call("GET", "/api/journeys/welcome/counts", query={"since": since})[1]["steps"][0]["total"] == 2
    assert call("GET", "/api/journeys/nothing/counts")[0] == 404


def test_each_request_of_the_counts_makes_a_bounded_number_of_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of nine messages, a request that may read twice two of them makes two queries and two batch reads, and is marked as a part."""
    calls: Counter[str] = Counter()

    def counted(name: str) -> None:
        method = getattr(Table, name)

        def call_and_count(table: Table, *args: Any, **options: Any) -> Any:
            calls[name] += table.name == "MessagesTable"
            return method(table, *args, **options)

        monkeypatch.setattr(Table, name, call_and_count)

    for name in ("query", "_get_batch", "get"):
        counted(name)
    monkeypatch.setattr(message_counts, "READS", 2)
    monkeypatch.setattr(message_counts, "MESSAGES_PER_READ", 2)
    parts: list[tuple[int, int, int, bool]] = []
    total, cursor = 0, None
    while cursor is not None or not parts:
        calls.clear()
        part = call("GET", "/api/journeys/welcome/counts", query={"cursor": cursor} if cursor else None)[1]
        parts.append((calls["query"], calls["_get_batch"], calls["get"], part["complete"]))
        total += sum(each["total"] for each in part["steps"])
        cursor = part["next"]
    assert parts[:2] == [(2, 2, 0, False)] * 2
    assert not parts[-1][-1]
    assert total == 9
