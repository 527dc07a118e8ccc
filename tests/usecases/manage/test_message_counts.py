"""The counts of a journey's messages: bounded in reads and time, a lower bound is marked, and the parts add up."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from tests.fakes.messages import NOW, FakeMessages, pending_message
from tests.fakes.slow_clock import SlowClock
from waypost.domain.errors import RefusedError
from waypost.domain.messages.message import Message, MessageStatus
from waypost.domain.values.wire_time import iso
from waypost.manage.message_counts import MESSAGES_PER_READ, READS, count_messages
from waypost.manage.requests import CountsQuery
from waypost.manage.responses.messages import CountsResponse
from waypost.manage.time_limit import time_limit

STATUSES = list(MessageStatus)


@dataclass
class ManyMessages(FakeMessages):
    """A journey with so many messages, one a second into the past, of two steps and of each status in turn. Counts the reads of pages."""

    number: int = 0
    pages: int = 0
    limits: list[int] = field(default_factory=list)

    def page(
        self, workspace: str, *, limit: int, before: str | None = None, journey: str | None = None, **_: object
    ) -> tuple[list[Message], str | None]:
        assert (workspace, journey) == ("w1", "welcome")
        self.pages += 1
        first = int(before.rpartition("#")[2]) + 1 if before else 0
        last = min(first + limit, self.number)
        found = [self._message(each) for each in range(first, last)]
        return found, f"{iso(found[-1].created_at)}#{last - 1}" if last < self.number else None

    def receivers(self, workspace: str, messages: object) -> dict[str, str]:
        """Fails: a count needs no receiver, and reading them would double its price."""
        raise AssertionError(f"receivers {workspace} {messages}")

    def _message(self, number: int) -> Message:
        step, status = ("hello", "hook")[number % 2], STATUSES[number % len(STATUSES)]
        return pending_message(id=str(number), step=step, status=status, created_at=NOW - timedelta(seconds=number))


def test_messages_are_counted_by_step_and_status() -> None:
    """Each message of the journey is in one count, and a journey without messages has none."""
    messages = ManyMessages(number=2 * len(STATUSES))
    counts, following = count_messages(messages, "w1", "welcome", CountsQuery())
    assert following is None
    assert {step: sum(by_status.values()) for step, by_status in counts.items()} == {"hello": len(STATUSES), "hook": len(STATUSES)}
    assert sum((Counter(by_status) for by_status in counts.values()), Counter()) == Counter(dict.fromkeys(STATUSES, 2))
    assert count_messages(ManyMessages(), "w1", "welcome", CountsQuery()) == ({}, None)


def test_a_request_reads_a_bounded_number_of_pages() -> None:
    """However many messages there are, a request makes ten reads; the cursors lead through all of them, and the parts add up."""
    messages = ManyMessages(number=2 * READS * MESSAGES_PER_READ + 7)
    total: Counter[tuple[str, MessageStatus]] = Counter()
    reads: list[int] = []
    cursor: str | None = None
    while cursor is not None or not reads:
        before = messages.pages
        counts, cursor = count_messages(messages, "w1", "welcome", CountsQuery(cursor=cursor))
        reads.append(messages.pages - before)
        total.update({(step, status): number for step, by_status in counts.items() for status, number in by_status.items()})
    assert reads == [READS, READS, 1]
    assert total.total() == messages.number


def test_counts_end_with_the_time_of_the_request() -> None:
    """Where each read takes 9 seconds, a request makes no read after 20 seconds and gives a cursor."""
    messages, clock = ManyMessages(number=READS * MESSAGES_PER_READ), SlowClock(9)
    counts, following = count_messages(messages, "w1", "welcome", CountsQuery(), time_limit(clock))
    assert (messages.pages, following is None) == (3, False)
    assert sum(sum(by_status.values()) for by_status in counts.values()) == 3 * MESSAGES_PER_READ


def test_since_ends_the_counts_at_an_older_message() -> None:
    """Messages before `since` are not counted, and are read up to the end of the page that holds the first of them."""
    messages = ManyMessages(number=5 * MESSAGES_PER_READ)
    counts, following = count_messages(messages, "w1", "welcome", CountsQuery(since=NOW - timedelta(seconds=9)))
    assert (sum(sum(by_status.values()) for by_status in counts.values()), following, messages.pages) == (10, None, 1)


def test_a_cursor_belongs_to_its_journey_and_its_time() -> None:
    """A cursor of another journey, or with another `since`, is refused."""
    messages = ManyMessages(number=READS * MESSAGES_PER_READ + 1)
    _, cursor = count_messages(messages, "w1", "welcome", CountsQuery())
    for journey, query in (("other", CountsQuery(cursor=cursor)), ("welcome", CountsQuery(cursor=cursor, since=NOW))):
        with pytest.raises(RefusedError) as refused:
            count_messages(messages, "w1", journey, query)
        assert refused.value.code == "bad-cursor"


def test_a_part_is_marked_as_a_lower_bound() -> None:
    """Only an answer without a cursor, to a request without one, is complete: any other has the numbers of a part."""
    counts = {"b": Counter({MessageStatus.SENT: 2}), "a": Counter({MessageStatus.FAILED: 1, MessageStatus.SENT: 1})}
    response = CountsResponse.of(counts, is_complete=False, following="next")
    assert response.model_dump(mode="json") == {
        "steps": [
            {"step": "a", "total": 2, "messages": {"failed": 1, "sent": 1}},
            {"step": "b", "total": 2, "messages": {"sent": 2}},
        ],
        "complete": False,
        "next": "next",
    }
