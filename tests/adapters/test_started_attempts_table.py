"""Attempts that started and did not end, in DynamoDB, and the part of the contract that the use cases need of the fake."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.fakes.messages import NOW, FakeStartedAttempts
from tests.fakes.tables import aws, empty_table
from waypost.adapters.dynamodb.started_attempts import PARTITION, DynamoStartedAttempts
from waypost.ports import StartedAttempts


@pytest.fixture(params=["dynamodb", "fake"])
def attempts(request: pytest.FixtureRequest) -> Iterator[StartedAttempts]:
    """No attempt has started."""
    if request.param == "fake":
        yield FakeStartedAttempts()
        return
    with aws():
        yield DynamoStartedAttempts(empty_table("DeadTable"), lambda: NOW)


def test_a_record_starts_as_often_as_the_limit_says(attempts: StartedAttempts) -> None:
    """The fourth start without an end is refused, and so is every later one; another record has its own count."""
    assert [attempts.start("r1", 3) for _ in range(5)] == [True, True, True, False, False]
    assert attempts.start("r2", 3)


def test_an_end_resets_the_starts(attempts: StartedAttempts) -> None:
    """An attempt that ended counts no more, and to end a record that never started is no error."""
    for _ in range(3):
        assert attempts.start("r1", 3)
        attempts.end("r1")
    attempts.end("r2")
    assert attempts.start("r1", 1)


def test_the_row_expires_with_the_record() -> None:
    """A row whose record is gone does not stay for ever."""
    with aws():
        table = empty_table("DeadTable")
        DynamoStartedAttempts(table, lambda: NOW).start("r1", 3)
        row = table.get({"workspace": PARTITION, "at": "r1"})
    assert row is not None
    assert datetime.fromtimestamp(row["expires"], UTC) == NOW + timedelta(days=14)
