"""Requests that read much: each answers in time with a cursor, and the parts together are complete."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pytest

from tests.fakes.event_history import FakeEventHistory
from tests.fakes.ingest_harness import NOW, event_of, wire
from tests.fakes.receipts import FakeReceipts
from tests.fakes.slow_clock import SlowClock
from tests.usecases.manage.test_timed_steps import NoMessages
from waypost.domain.customers.customer import Customer
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.errors import RefusedError
from waypost.domain.intake.event_log import Page
from waypost.domain.intake.events import Rejected, RejectedEvent
from waypost.domain.runs.run import CustomerRuns, VersionRow
from waypost.domain.values.cursors import cursor_of
from waypost.domain.values.wire_time import iso
from waypost.manage import event_lists, timeline
from waypost.manage.journeys import count_runs
from waypost.manage.requests import EventQuery, TimelineQuery
from waypost.manage.time_limit import time_limit
from waypost.manage.timeline import TimelineSources

FIRST_DAY = date(2026, 11, 1)
ADA = Customer("w1", "c_1", Identifier("primary", "ada"), "ada", (), {}, {})


def page(number: int, name: str = "seen") -> Page:
    """A page of one event, so many minutes old."""
    return Page("w1", "c_1", NOW - timedelta(minutes=number), f"s{number}", (event_of(wire(name, uuid=f"e{number}")),))


class CountedHistory(FakeEventHistory):
    """The event log with the number of pages that were read of it."""

    returned = 0

    def of_day(
        self, workspace: str, day: date, *, limit: int, before: str | None = None, since: datetime | None = None
    ) -> tuple[list[Page], str | None]:
        found, position = super().of_day(workspace, day, limit=limit, before=before, since=since)
        self.returned += len(found)
        return found, position


class CountedRejections:
    """A thousand rejected events of one day, one a second, with the number of those that were read."""

    returned = 0

    def of_day(
        self, workspace: str, day: date, *, limit: int, before: str | None = None, since: datetime | None = None
    ) -> tuple[list[tuple[str, RejectedEvent]], str | None]:
        rejected = RejectedEvent(0, {"event": "seen"}, Rejected("bad-text", "no", "/batch/0"))
        positions = [f"{iso(NOW - timedelta(seconds=number))}#r" for number in range(1_000) if not since or number <= (NOW - since).seconds]
        found = [(at, rejected) for at in positions if at.startswith(day.isoformat()) and (before is None or at < before)]
        self.returned += min(len(found), limit)
        return found[:limit], found[limit - 1][0] if len(found) > limit else None


def test_a_list_of_a_slow_log_answers_in_time_and_goes_on() -> None:
    """Each read of the log takes 5 seconds and returns one page. Each request ends in 25 seconds, and all of them list every event."""
    log, clock = FakeEventHistory(*map(page, range(12)), most=1), SlowClock(5)
    listed: list[str] = []
    requests, cursor = 0, None
    while cursor is not None or not requests:
        started, requests = clock.now, requests + 1
        query = EventQuery(limit=50, cursor=cursor, event="seen")
        found = event_lists.logged_page(log, FakeReceipts(), "w1", query, NOW.date(), NOW, has_time=time_limit(clock))
        assert clock.now - started <= 25
        listed += [each.event.uuid for each in found.items]
        cursor = found.next
    assert (listed, requests) == ([f"e{number}" for number in range(12)], 3)


def test_an_export_of_a_slow_log_answers_in_time_and_goes_on() -> None:
    """The same of a timeline, which an export consists of."""
    log, clock = FakeEventHistory(*map(page, range(12)), most=1), SlowClock(5)
    sources = TimelineSources(log, FakeReceipts(), NoMessages(), ())
    uuids: list[str] = []
    requests, cursor = 0, None
    while cursor is not None or not requests:
        started, requests = clock.now, requests + 1
        found = timeline.page(sources, ADA, TimelineQuery(cursor=cursor), NOW, time_limit(clock))
        assert clock.now - started <= 25
        uuids += [each.event.uuid for each in found.items if each.event]
        cursor = found.next
    assert (uuids, requests) == ([f"e{number}" for number in range(12)], 3)


@pytest.mark.parametrize("name", ["seen", "bought"])
def test_since_bounds_what_is_read_of_the_log(name: str) -> None:
    """Of a day with 300 events, a list since 10 minutes ago reads those of that time alone, and it ends there."""
    log = CountedHistory(*map(page, range(300)))
    query = EventQuery(limit=20, since=NOW - timedelta(minutes=10), event=name)
    found = event_lists.logged_page(log, FakeReceipts(), "w1", query, FIRST_DAY, NOW)
    assert (len(found.items), found.next) == (11 if name == "seen" else 0, None)
    assert log.returned == 11


def test_since_bounds_what_is_read_of_rejected_events() -> None:
    """Of a thousand rejected events, a list since 10 seconds ago reads those of that time alone, and it ends there."""
    rejected = CountedRejections()
    query = EventQuery(limit=20, since=NOW - timedelta(seconds=10), status="rejected", event="other")
    found = event_lists.rejected_page(rejected, "w1", query, FIRST_DAY, NOW)
    assert (found.items, found.next) == ((), None)
    assert rejected.returned == 11


@dataclass
class SlowCounts:
    """A journey with so many runs, of which each read counts ten."""

    runs: int

    def history(self, workspace: str, customer: str) -> CustomerRuns:
        return CustomerRuns(VersionRow(), ())

    def counts(self, workspace: str, journey: str, after: str | None = None) -> tuple[Mapping[str, int], str | None]:
        done = int(after.split("\n")[2]) if after else 0
        number = min(10, self.runs - done)
        return {"wait": number}, f"live#wait\nc_1\n{done + number}" if done + number < self.runs else None


def test_counts_of_a_slow_journey_answer_in_time_and_go_on() -> None:
    """Each read takes 3 seconds. Each request ends in 24 seconds, and the parts add up to the number of runs."""
    runs, clock = SlowCounts(155), SlowClock(3)
    total: Counter[str] = Counter()
    requests, cursor = 0, None
    while cursor is not None or not requests:
        started, requests = clock.now, requests + 1
        counts, cursor = count_runs(runs, "w1", "welcome", cursor, time_limit(clock))
        assert clock.now - started <= 24
        total.update(counts)
    assert (total, requests) == (Counter(wait=155), 3)


@pytest.mark.parametrize("position", ["x", "a\nb", "a\n\nb", "\n\n"])
def test_a_forged_cursor_of_counts_is_400(position: str) -> None:
    """A position that is no key of a run is refused before it comes to the table."""
    cursor = cursor_of(position, "w1", {"list": "DiagramQuery", "journey": "welcome"})
    with pytest.raises(RefusedError) as refused:
        count_runs(SlowCounts(1), "w1", "welcome", cursor, lambda: True)
    assert refused.value.code == "bad-cursor"


def test_a_cursor_of_counts_belongs_to_its_journey() -> None:
    """With another journey it is refused."""
    _, cursor = count_runs(SlowCounts(20), "w1", "welcome", None, lambda: False)
    with pytest.raises(RefusedError):
        count_runs(SlowCounts(20), "w1", "other", cursor, lambda: True)
