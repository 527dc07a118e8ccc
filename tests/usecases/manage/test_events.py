"""The live tracker: events out of the log's pages, one by one."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from tests.fakes.event_history import FakeEventHistory
from tests.fakes.ingest_harness import NOW, event_of, wire
from tests.fakes.receipts import FakeReceipts
from waypost.domain.intake.event_log import Page
from waypost.domain.intake.receipts import Receipt
from waypost.manage import events
from waypost.manage.events import Recorded
from waypost.manage.requests import EventQuery

RARE = {"b2": "bought", "a1": "bought", "f1": "bought"}


def page(name: str, *uuids: str, hours_ago: int = 0) -> Page:
    """A page with these events."""
    happened = tuple(event_of(wire(RARE.get(uuid, "seen"), uuid=uuid)) for uuid in uuids)
    return Page("w1", "c_1", NOW - timedelta(hours=hours_ago), name, happened)


TODAY = [page("a", "a1"), page("b", "b1", "b2", "b3"), page("c", "c1"), page("d", "d1"), page("e", "e1")]
LOG = FakeEventHistory(*TODAY, page("f", "f1", "f2", hours_ago=30), page("g", hours_ago=99))
NEWEST_FIRST = ["e1", "d1", "c1", "b3", "b2", "b1", "a1", "f2", "f1"]


def timed_step(limit: int, event: str | None = None) -> list[Recorded]:
    """All parts of the list, one after another."""
    found: list[Recorded] = []
    cursor = None
    while True:
        query = EventQuery(limit=limit, cursor=cursor, event=event)
        part = events.recorded(LOG, FakeReceipts(), "w1", query, date(2026, 11, 1), NOW)
        found += part.items
        cursor = part.next
        if cursor is None:
            return found


@pytest.mark.parametrize("limit", range(1, 11))
def test_every_event_is_shown_once(limit: int) -> None:
    """Wherever a part ends: between pages, inside one, or at the end of a day."""
    assert [each.event.uuid for each in timed_step(limit)] == NEWEST_FIRST


@pytest.mark.parametrize("limit", range(1, 5))
def test_a_rare_event_is_found_among_many(limit: int) -> None:
    """By its name, however many others lie in between."""
    assert [each.event.uuid for each in timed_step(limit, "bought")] == ["b2", "a1", "f1"]


def test_an_event_comes_with_its_receipt() -> None:
    """Those that have one; an event of the log without a receipt is shown all the same."""
    receipts = FakeReceipts()
    receipts.put("w1", [Receipt("b2", "bought", NOW, "c_1")])
    found = events.recorded(LOG, receipts, "w1", EventQuery(), date(2026, 11, 1), NOW).items
    assert {each.event.uuid for each in found if each.receipt} == {"b2"}


def test_since_is_a_time_of_receipt() -> None:
    """What came at that time is still shown, what came before is not."""
    for since, shown in ((NOW, 7), (NOW - timedelta(hours=30), 9), (NOW - timedelta(hours=29), 7)):
        assert len(events.recorded(LOG, FakeReceipts(), "w1", EventQuery(since=since), date(2026, 11, 1), NOW).items) == shown
