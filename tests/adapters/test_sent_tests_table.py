"""The number of tests of templates that a workspace sends, in DynamoDB."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Lock
from typing import Any

import pytest

from tests.fakes.messages import NOW
from tests.fakes.tables import aws, empty_table
from waypost.adapters import backoff
from waypost.adapters.dynamodb.sent_tests import DynamoSentTests
from waypost.adapters.dynamodb.table import Table
from waypost.domain.errors import UnavailableError

MINUTE = timedelta(minutes=1)


@pytest.fixture
def tests(monkeypatch: pytest.MonkeyPatch) -> Iterator[DynamoSentTests]:
    """The empty table, without pauses between attempts."""
    monkeypatch.setattr(backoff, "random_pause", lambda *_: None)
    with aws():
        yield DynamoSentTests(empty_table("WorkspacesTable"))


def test_a_workspace_sends_twenty_tests_in_any_hour(tests: DynamoSentTests) -> None:
    """The 21st test within an hour is not counted; it has to wait until the first one is an hour old, and then one more is possible."""
    for number in range(20):
        assert tests.count("w1", NOW + number * MINUTE) is None
    assert tests.count("w1", NOW + 50 * MINUTE) == 10 * MINUTE
    assert tests.count("w1", NOW + 59 * MINUTE) == MINUTE
    assert tests.count("w1", NOW + 60 * MINUTE) is None
    assert tests.count("w1", NOW + 60 * MINUTE) == MINUTE


def test_each_workspace_has_its_own_tests(tests: DynamoSentTests) -> None:
    """What one workspace has sent does not count for another one."""
    for _ in range(20):
        assert tests.count("w1", NOW) is None
    assert tests.count("w1", NOW) is not None
    assert tests.count("w2", NOW) is None


def test_concurrent_tests_are_counted_each(tests: DynamoSentTests, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 30 requests at the same time exactly 20 are counted, however often they meet; the others wait or are unavailable."""
    monkeypatch.setattr("waypost.adapters.dynamodb.sent_tests._ATTEMPTS", 60)
    # moto checks a condition and writes in two steps, between which another thread may write; DynamoDB does both at once.
    lock, put_if = Lock(), Table.put_if

    def put_at_once(table: Table, *arguments: Any, **condition: Any) -> Any:
        with lock:
            return put_if(table, *arguments, **condition)

    monkeypatch.setattr(Table, "put_if", put_at_once)
    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(lambda _: tests.count("w1", NOW), range(30)))
    assert sum(result is None for result in results) == 20


def test_a_repeated_write_counts_once(tests: DynamoSentTests, monkeypatch: pytest.MonkeyPatch) -> None:
    """Botocore repeats a write whose answer was lost: the repeat fails on the row of the first one, and the test is counted once."""
    put_if = Table.put_if

    def put_twice(table: Table, item: Any, **condition: Any) -> Any:
        put_if(table, item, **condition)
        return put_if(table, item, **condition)

    with monkeypatch.context() as patch:
        patch.setattr(Table, "put_if", put_twice)
        for _ in range(19):
            assert tests.count("w1", NOW) is None
    assert tests.count("w1", NOW) is None
    assert tests.count("w1", NOW) is not None


def test_a_row_that_changes_all_the_time_is_an_outage(tests: DynamoSentTests, monkeypatch: pytest.MonkeyPatch) -> None:
    """If another request wins each time, nothing is counted for this one."""
    put_if = Table.put_if

    def lose(table: Table, item: Any, **condition: Any) -> Any:
        table.put({**item, "rev": item["rev"] + 1, "token": "other"})
        return put_if(table, item, **condition)

    monkeypatch.setattr(Table, "put_if", lose)
    with pytest.raises(UnavailableError):
        tests.count("w1", NOW)
