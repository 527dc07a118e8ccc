"""The messages that count under caps, in DynamoDB and in the fake: one contract for both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.fakes.messages import NOW, FakeCapCounts
from tests.fakes.tables import aws, empty_table
from waypost.adapters.dynamodb.cap_counts import DynamoCapCounts, counts_key
from waypost.adapters.dynamodb.table import Table
from waypost.domain.messages.caps import CountedMessage, StoredCount
from waypost.domain.values.generated_ids import is_message_id

CapCounts = DynamoCapCounts | FakeCapCounts
FIRST = CountedMessage("msg_1", NOW, "general", "email")
SECOND = CountedMessage("msg_2", NOW + timedelta(milliseconds=1), "news", "webhook")
COUNTED = StoredCount((FIRST, SECOND), merged=2, kept_until=(NOW + timedelta(days=1)).replace(microsecond=0))


@pytest.fixture
def table() -> Iterator[Table]:
    """The empty table."""
    with aws():
        yield empty_table("MessagesTable")


@pytest.fixture(params=["DynamoDB", "fake"])
def counts(request: pytest.FixtureRequest) -> CapCounts:
    """Both implementations."""
    return DynamoCapCounts(request.getfixturevalue("table")) if request.param == "DynamoDB" else FakeCapCounts()


def test_what_was_saved_is_read(counts: CapCounts) -> None:
    """The places of a customer come back as they were, under the next revision; another customer and another workspace have none."""
    assert counts.save("w1", "c_1", COUNTED) is None
    assert counts.read("w1", "c_1") == counts.read("w1", "c_1", latest=True) == replace(COUNTED, revision=1)
    assert counts.read("w1", "c_2") == counts.read("w2", "c_1") == StoredCount()


def test_of_two_writers_with_one_revision_one_writes(counts: CapCounts) -> None:
    """A save over another revision than the stored one writes nothing and returns what is stored, also if nothing is stored any more."""
    assert counts.save("w1", "c_1", replace(COUNTED, counted=(FIRST,))) is None
    found = counts.save("w1", "c_1", COUNTED)
    assert found == counts.read("w1", "c_1") == replace(COUNTED, counted=(FIRST,), revision=1)
    assert counts.save("w1", "c_1", replace(COUNTED, revision=1)) is None
    assert counts.save("w1", "c_2", replace(COUNTED, revision=1)) == StoredCount()


def test_places_of_several_ids_are_read_together(counts: CapCounts) -> None:
    """The places under several ids of a customer come back together; ids without a row, or that come twice, add nothing."""
    assert counts.save("w1", "c_1", replace(COUNTED, counted=(FIRST,))) is None
    assert counts.save("w1", "c_2", replace(COUNTED, counted=(SECOND,))) is None
    assert sorted(counts.counted_of("w1", ["c_1", "c_2", "c_3", "c_1"])) == [FIRST, SECOND]


def test_a_row_expires_and_its_key_is_none_of_a_message(table: Table) -> None:
    """The row has the time at which DynamoDB may delete it, and no message and no rendered content has its key."""
    DynamoCapCounts(table).save("w1", "c_1", COUNTED)
    row = table.get(counts_key("w1", "c_1"))
    assert row is not None
    assert row["expires"] == COUNTED.kept_until.timestamp()
    assert not is_message_id(row["id"].removeprefix("w1#"))


def test_fourteen_places_cost_one_write_unit(table: Table) -> None:
    """The row of 14 messages of the usual topic stays within a kilobyte, which is one write unit."""
    counted = tuple(CountedMessage(f"msg_{number:025}", NOW, "general", "email") for number in range(14))
    DynamoCapCounts(table).save("w_demo", "c_" + 25 * "x", replace(COUNTED, counted=counted))
    row = table.get(counts_key("w_demo", "c_" + 25 * "x"))
    assert row is not None
    assert sum(len(name) + len(value if isinstance(value, (str, bytes)) else str(value)) for name, value in row.items()) <= 1024
