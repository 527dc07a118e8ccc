"""Dead letters in DynamoDB, and the part of the contract that the use cases need of the fake."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.fakes.messages import NOW, FakeDeadLetters
from tests.fakes.tables import aws, empty_table
from waypost.adapters.dynamodb.dead_letters import DynamoDeadLetters
from waypost.domain.dead_letters import Parked


@pytest.fixture
def dead_letters() -> Iterator[DynamoDeadLetters]:
    """The empty table."""
    with aws():
        yield DynamoDeadLetters(empty_table("DeadTable"))


def dead_letter(*, second: int = 0, workspace: str = "w1", subject: str = "msg_1") -> Parked:
    """A dead letter of the send queue at a second of this minute."""
    return Parked(workspace, "message", subject, '{"a":"Zoë\ud800"}', "gave-up", NOW + timedelta(seconds=second))


def test_a_dead_letter_is_read_as_it_was_stored(dead_letters: DynamoDeadLetters) -> None:
    """Stored twice, it is there once; its body is read back equal, lone surrogates included; its row expires after 30 days."""
    dead_letters.park(dead_letter())
    dead_letters.park(dead_letter())
    assert dead_letters.page("w1", limit=10) == ([dead_letter()], None)
    assert dead_letters.get("w1", dead_letter().position) == dead_letter()
    row = dead_letters.table.get({"workspace": "w1", "at": dead_letter().position})
    assert row is not None
    assert datetime.fromtimestamp(row["expires"], UTC) == NOW + timedelta(days=30)


def test_the_fake_stores_a_dead_letter_once_as_well() -> None:
    """A dead letter that is stored twice in the fake is there once, as in DynamoDB."""
    fake = FakeDeadLetters()
    fake.park(dead_letter())
    fake.park(dead_letter())
    assert list(fake.parked.values()) == [dead_letter()]


def test_dead_letters_are_listed_newest_first_by_workspace(dead_letters: DynamoDeadLetters) -> None:
    """Two pages together hold every dead letter of the workspace once, newest first, and none of another workspace."""
    for second in range(5):
        dead_letters.park(dead_letter(second=second, subject=f"msg_{second}"))
    dead_letters.park(dead_letter(workspace="w2"))
    first, before = dead_letters.page("w1", limit=3)
    rest, end = dead_letters.page("w1", limit=3, before=before)
    assert [each.subject for each in (*first, *rest)] == [f"msg_{second}" for second in (4, 3, 2, 1, 0)]
    assert end is None


def test_dead_letters_are_redriven_from_the_oldest_on(dead_letters: DynamoDeadLetters) -> None:
    """Two reads together return every dead letter of the workspace once, oldest first, and none of another workspace."""
    for second in range(5):
        dead_letters.park(dead_letter(second=second, subject=f"msg_{second}"))
    dead_letters.park(dead_letter(workspace="w2"))
    first, after = dead_letters.oldest("w1", limit=3)
    rest, end = dead_letters.oldest("w1", limit=3, after=after)
    assert ([each.subject for each in (*first, *rest)], end) == ([f"msg_{second}" for second in range(5)], None)


def test_a_removed_dead_letter_is_gone(dead_letters: DynamoDeadLetters) -> None:
    """A dead letter that was removed cannot be read, and removing it a second time raises nothing."""
    dead_letters.park(dead_letter())
    dead_letters.remove(dead_letter())
    dead_letters.remove(dead_letter())
    assert dead_letters.get("w1", dead_letter().position) is None
