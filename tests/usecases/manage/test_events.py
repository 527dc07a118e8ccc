"""The list of events, read one by one from the pages of the event log."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from tests.fakes.event_history import FakeEventHistory
from tests.fakes.ingest_harness import NOW, event_of, wire
from tests.fakes.receipts import FakeReceipts
from waypost.domain.intake.event_log import Page
from waypost.domain.intake.receipts import Receipt
from waypost.manage import event_lists
from waypost.manage.event_lists import LoggedEvent
from waypost.manage.requests import EventQuery

FIRST_DAY = date(2026, 11, 1)
RARE = {"b2": "bought", "a1": "bought", "f1": "bought"}


def page(name: str, *uuids: str, hours_ago: int = 0) -> Page:
    """A page with these events."""
    logged = tuple(event_of(wire(RARE.get(uuid, "seen"), uuid=uuid)) for uuid in uuids)
    return Page("w1", "c_1", NOW - timedelta(hours=hours_ago), name, logged)


TODAY = [page("a", "a1"), page("b", "b1", "b2", "b3"), page("c", "c1"), page("d", "d1"), page("e", "e1")]
PAGES = [*TODAY, page("f", "f1", "f2", hours_ago=30), page("g", hours_ago=99)]
LOG = FakeEventHistory(*PAGES)
NEWEST_FIRST = ["e1", "d1", "c1", "b3", "b2", "b1", "a1", "f2", "f1"]


def all_pages(limit: int, event: str | None = None, log: FakeEventHistory = LOG) -> list[LoggedEvent]:
    """The items of all pages of the list, one page after another."""
    found: list[LoggedEvent] = []
    cursor = None
    while True:
        query = EventQuery(limit=limit, cursor=cursor, event=event)
        one = event_lists.logged_page(log, FakeReceipts(), "w1", query, FIRST_DAY, NOW)
        found += one.items
        cursor = one.next
        if cursor is None:
            return found


@pytest.mark.parametrize("limit", range(1, 11))
def test_every_event_is_listed_once(limit: int) -> None:
    """No event is missing or doubled, wherever a page of the list ends: between pages of the log, within one, or at the end of a day."""
    assert [each.event.uuid for each in all_pages(limit)] == NEWEST_FIRST


@pytest.mark.parametrize("most", [1, 2, 3])
@pytest.mark.parametrize("limit", [1, 2, 5, 10])
def test_a_read_of_the_log_that_stops_early_hides_nothing(limit: int, most: int) -> None:
    """Every event is listed once, although the log returns fewer pages than requested, as DynamoDB does above 1 MB."""
    assert [each.event.uuid for each in all_pages(limit, log=FakeEventHistory(*PAGES, most=most))] == NEWEST_FIRST


@pytest.mark.parametrize("limit", range(1, 5))
def test_a_rare_event_is_found_among_many(limit: int) -> None:
    """A filter by name lists every event of that name, however many others lie in between."""
    assert [each.event.uuid for each in all_pages(limit, "bought")] == ["b2", "a1", "f1"]


def test_an_event_is_listed_with_its_receipt() -> None:
    """An event that has a receipt is listed with it, and one without a receipt is listed all the same."""
    receipts = FakeReceipts()
    receipts.put("w1", [Receipt("b2", "bought", NOW, "c_1")])
    found = event_lists.logged_page(LOG, receipts, "w1", EventQuery(), FIRST_DAY, NOW).items
    assert {each.event.uuid for each in found if each.receipt} == {"b2"}
    assert len(found) == len(NEWEST_FIRST)


def test_since_is_compared_with_the_time_of_receipt() -> None:
    """An event that was received at that time is listed, and one that was received before is not."""
    for since, listed in ((NOW, 7), (NOW - timedelta(hours=30), 9), (NOW - timedelta(hours=29), 7)):
        assert len(event_lists.logged_page(LOG, FakeReceipts(), "w1", EventQuery(since=since), FIRST_DAY, NOW).items) == listed
