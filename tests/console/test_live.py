"""The live list of events: it shows what comes, keeps what a person reads, and needs no more memory the longer it is open.

The API is answered by the test and the clock of the page is advanced by it, so that an hour passes in seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.local.stack import Stack
from tests.console.browser import ConsolePage, open_console

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


@dataclass
class Feed:
    """The events that the API returns, newest first. Each poll adds `more` events. `is_failing`: it answers 503. `following`: a cursor."""

    more: int = 0
    following: str | None = None
    is_failing: bool = False
    polls: int = 0
    items: list[dict[str, Any]] = field(default_factory=list)

    def add(self, count: int) -> None:
        """Adds events."""
        for _ in range(count):
            number = self.polls * 1000 + len(self.items)
            at = (NOW + timedelta(seconds=2 * self.polls, milliseconds=len(self.items))).isoformat(timespec="milliseconds")
            each = {"uuid": f"event-{self.polls}-{number}", "event": "seen", "receivedAt": at.replace("+00:00", "Z"), "status": "accepted"}
            each |= {"customer": "c_1", "primaryKey": f"ada-{number}", "correlationKey": "_id", "correlationValue": "d", "source": "custom"}
            self.items.insert(0, {**each, "journeys": [], "messages": [], "reason": None, "payload": {}, "timestamp": each["receivedAt"]})
        del self.items[100:]

    def answer(self, route: Any) -> None:
        """Answers a call of the API."""
        url = route.request.url
        if "/api/events?" not in url:
            count = {"count": 0, "isLowerBound": False}
            chart = {"since": "2026-11-27T11:00:00Z", "until": "2026-11-27T12:00:00Z", "bucketSeconds": 60, "buckets": [], "complete": True}
            route.fulfill(json=chart if "histogram" in url else count)
        elif self.is_failing:
            route.fulfill(status=503, json={"status": 503, "code": "unavailable", "detail": "Send the request again.", "requestId": "r-1"})
        elif "status=rejected" in url:
            route.fulfill(json={"items": [], "next": None})
        else:
            self.polls += 1
            self.add(self.more)
            route.fulfill(json={"items": self.items, "next": self.following})


@pytest.fixture
def feed() -> Feed:
    """Twenty events."""
    feed = Feed()
    feed.add(60)
    return feed


@pytest.fixture
def live(chromium: Any, stack: Stack, feed: Feed) -> Iterator[ConsolePage]:
    """A tab with the events of the feed, whose clock stands."""
    with open_console(chromium, stack.url, "any-key-of-this-test") as page:
        page.tab.context.route("**/api/**", feed.answer)
        page.tab.context.route("**/_local/**", lambda route: route.fulfill(status=404, json={}))
        page.tab.clock.install(time=NOW)
        page.tab.goto(f"{page.url}/console#/events")
        page.tab.clock.run_for(400)
        page.tab.locator("tbody tr").first.wait_for()
        page.tab.clock.pause_at(NOW + timedelta(minutes=1))
        yield page


SOON = 80
"""How many of the 100 seconds of `poll` are left when the next poll is usually over."""


def poll(page: ConsolePage, feed: Feed, times: int = 1) -> None:
    """Advances the clock of the page until it has polled so many times."""
    for _ in range(times):
        before, left = feed.polls, 100
        while feed.polls == before and left:
            page.tab.clock.run_for(1000)
            left -= 1
            if left < SOON:  # the page may still be drawing what the poll before has brought, which takes time of the machine
                page.tab.wait_for_timeout(100)
        assert feed.polls > before, "the page polls no more"
    page.tab.clock.run_for(100)


def advance_until(page: ConsolePage, text: str) -> None:
    """Advances the clock of the page until it shows a text.

    It does so by seconds: a timer that is set by the answer to a request, which comes after a long jump, would never be due.
    """
    for _ in range(100):
        page.tab.clock.run_for(1000)
        if page.tab.get_by_text(text).count():
            return
    raise AssertionError(f"the page does not show {text!r}: {page.text()[:1000]}")


def rows(page: ConsolePage) -> int:
    """How many rows the list has."""
    return int(page.tab.evaluate("document.querySelectorAll('tbody tr').length"))


def test_a_new_event_appears_by_itself(live: ConsolePage, feed: Feed) -> None:
    """An event that arrives is a row after the next poll, above the others."""
    feed.add(1)
    poll(live, feed)
    live.tab.locator("tbody tr", has_text=feed.items[0]["primaryKey"]).first.wait_for()
    assert feed.items[0]["primaryKey"] in live.tab.locator("tbody tr").first.inner_text()


def test_focus_and_scroll_survive_ten_polls(live: ConsolePage, feed: Feed) -> None:
    """While a person stands on a row further down, ten polls move neither the focus nor the list; the page counts what is new."""
    row = live.tab.locator("tbody tr a.open").nth(30)
    row.focus()
    focused = "document.activeElement"
    scrolled = f"document.querySelector('.scroll').scrollTop, {focused}.getBoundingClientRect().top"
    place = f"[{focused}.getAttribute('href'), {scrolled}]"
    before = live.tab.evaluate(place)
    feed.more = 2
    poll(live, feed, 10)
    feed.more = 0
    poll(live, feed)
    new = len(feed.items) - 60
    assert new >= 20
    live.tab.get_by_role("button", name=f"{new} new").wait_for()
    assert live.tab.evaluate(place) == before
    live.tab.get_by_role("button", name=f"{new} new").click()
    assert rows(live) == len(feed.items)


def test_more_events_than_one_reading_has_keep_the_rows_that_are_read(live: ConsolePage, feed: Feed) -> None:
    """A row that has the focus stays although the rows between it and the newest were not read; the button for new rows leads to those."""
    live.tab.locator("tbody a.open").nth(3).focus()
    read = live.tab.evaluate("document.activeElement.closest('tr').dataset.key")
    feed.following = "cursor"
    feed.add(100)
    poll(live, feed)
    live.tab.get_by_role("button", name="at least 200 new").wait_for()
    assert live.tab.evaluate("document.activeElement.closest('tr').dataset.key") == read
    live.tab.get_by_role("button", name="at least 200 new").click()
    poll(live, feed)
    live.tab.locator("tbody tr", has_text=feed.items[0]["primaryKey"]).first.wait_for()
    assert read not in live.tab.evaluate("[...document.querySelectorAll('tbody tr')].map((row) => row.dataset.key)")


def test_a_pause_stops_and_going_on_goes_on(live: ConsolePage, feed: Feed) -> None:
    """A paused list requests and shows nothing new and keeps its filter; after it goes on, everything is there."""
    live.tab.get_by_role("button", name="Live").click()
    feed.add(5)
    before = feed.polls
    live.tab.clock.run_for(30_000)
    assert (feed.polls, rows(live)) == (before, 60)
    live.tab.get_by_role("button", name="Paused").click()
    live.tab.clock.run_for(100)
    live.tab.locator("tbody tr", has_text=feed.items[0]["primaryKey"]).first.wait_for()
    assert rows(live) == 65


def test_an_error_keeps_the_rows_and_the_page_tries_again(live: ConsolePage, feed: Feed) -> None:
    """Old rows stay under an error that says when the page tries again; when the API answers, the error is gone."""
    feed.is_failing = True
    advance_until(live, "The page tries again in")
    assert rows(live) == 60
    feed.is_failing = False
    feed.add(1)
    poll(live, feed)
    live.tab.get_by_text("The page tries again in").wait_for(state="detached")
    assert rows(live) == 61


def test_a_long_day_needs_no_more_memory(live: ConsolePage, feed: Feed) -> None:
    """With new events at each poll, the page has at most 200 rows, and after 100 polls no more elements and listeners than after 50."""
    session = live.tab.context.new_cdp_session(live.tab)
    session.send("Performance.enable")

    def measure() -> dict[str, float]:
        session.send("HeapProfiler.collectGarbage")
        return {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}

    feed.more = 10
    poll(live, feed, 50)
    middle = measure()
    poll(live, feed, 50)
    end = measure()
    assert rows(live) <= 200
    assert end["Nodes"] < middle["Nodes"] * 1.1
    assert end["JSEventListeners"] < middle["JSEventListeners"] * 1.1
    assert end["JSHeapUsedSize"] < middle["JSHeapUsedSize"] * 1.25
