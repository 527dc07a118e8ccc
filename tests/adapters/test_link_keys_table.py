"""The keys that sign links, in DynamoDB and in memory."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.fakes.messages import NOW
from tests.fakes.tables import aws, empty_table
from waypost.adapters.dynamodb import link_keys
from waypost.adapters.dynamodb.conditions import FailedCondition
from waypost.adapters.dynamodb.items import Item
from waypost.adapters.dynamodb.link_keys import DynamoLinkKeys
from waypost.adapters.dynamodb.table import Table
from waypost.cache.signing_keys import SigningKeys
from waypost.domain.errors import RefusedError, StaleError
from waypost.domain.messages.links import KEY_KEPT_FOR, Link, LinkPurpose, SigningKey, UnverifiedToken, parse_token, token_of


@pytest.fixture
def keys() -> Iterator[DynamoLinkKeys]:
    """The empty table."""
    with aws():
        yield DynamoLinkKeys(empty_table("WorkspacesTable"))


def test_the_first_use_creates_a_key_and_a_read_does_not(keys: DynamoLinkKeys) -> None:
    """A page of a workspace without keys creates none; the first message does, and another workspace has another key."""
    assert keys.read("w1") == ()
    first = keys.of("w1", NOW)
    assert (len(first), len(first[0].secret)) == (1, 32)
    assert keys.of("w1", NOW + timedelta(days=1)) == keys.read("w1") == first
    assert keys.of("w2", NOW)[0].secret != first[0].secret


def test_two_first_uses_at_the_same_time_have_one_key(keys: DynamoLinkKeys) -> None:
    """The one that loses the race signs with the stored key: no page could verify another one."""
    winner = keys.of("w1", NOW)
    assert keys._create("w1", NOW) == winner


def test_a_rotated_key_is_kept_for_a_year(keys: DynamoLinkKeys) -> None:
    """After a rotation the new key comes first; the old one is there until more than a year has passed and the key is rotated again."""
    [first] = keys.of("w1", NOW)
    assert keys.rotate("w1", NOW + timedelta(days=2)) == keys.read("w1")[0]
    assert [each.id for each in keys.read("w1")][1:] == [first.id]
    keys.rotate("w1", NOW + timedelta(days=2) + KEY_KEPT_FOR - timedelta(seconds=1))
    assert first.id in {each.id for each in keys.read("w1")}
    keys.rotate("w1", NOW + timedelta(days=2) + KEY_KEPT_FOR + timedelta(minutes=1))
    assert first.id not in {each.id for each in keys.read("w1")}
    assert len(keys.read("w1")) == 3
    assert timedelta(days=365) < KEY_KEPT_FOR


def test_a_repeated_rotation_is_one_rotation(keys: DynamoLinkKeys) -> None:
    """A client that lost the answer rotates again within a minute and gets the same key."""
    keys.of("w1", NOW)
    rotated = keys.rotate("w1", NOW)
    assert keys.rotate("w1", NOW + timedelta(seconds=59)) == rotated
    assert keys.rotate("w1", NOW + timedelta(seconds=60)) != rotated


def test_a_rotation_that_lost_a_race_is_refused(keys: DynamoLinkKeys, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two rotations that have read the same keys one is saved, and the other one is a StaleError: no key is lost."""
    keys.of("w1", NOW)
    item = keys.table.get(link_keys._key("w1"))
    keys.rotate("w1", NOW + timedelta(days=1))
    stored = keys.read("w1")
    with monkeypatch.context() as patch:
        patch.setattr(type(keys.table), "get", lambda *_: item)
        with pytest.raises(StaleError):
            keys.rotate("w1", NOW + timedelta(days=1))
    assert keys.read("w1") == stored


def test_a_repeated_write_of_a_rotation_is_a_success(keys: DynamoLinkKeys, monkeypatch: pytest.MonkeyPatch) -> None:
    """Botocore repeats a write whose answer was lost; the repeat finds its own row, which is no lost race."""
    keys.of("w1", NOW)
    put_if = type(keys.table).put_if

    def put_twice(table: Table, item: Item, **condition: Any) -> FailedCondition | None:
        put_if(table, item, **condition)
        return put_if(table, item, **condition)

    monkeypatch.setattr(type(keys.table), "put_if", put_twice)
    assert keys.rotate("w1", NOW + timedelta(days=1)) == keys.read("w1")[0]


def test_more_keys_than_a_workspace_may_have_are_refused(keys: DynamoLinkKeys, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that is not a year old is never dropped to make room for another one."""
    monkeypatch.setattr(link_keys, "_MAX_KEYS", 3)
    keys.of("w1", NOW)
    for days in (1, 2):
        keys.rotate("w1", NOW + timedelta(days=days))
    with pytest.raises(RefusedError) as refused:
        keys.rotate("w1", NOW + timedelta(days=3))
    assert (refused.value.status, refused.value.code) == (409, "too-many-keys")
    assert len(keys.read("w1")) == 3


def _token(keys: DynamoLinkKeys, number: int = 0) -> UnverifiedToken:
    link = Link(LinkPurpose.UNSUBSCRIBE, "w1", "c_1", "hash", "email", "news", NOW + timedelta(days=365))
    token = parse_token(token_of(link, keys.read("w1")[number]))
    assert token is not None
    return token


def test_links_of_both_keys_work_after_a_rotation(keys: DynamoLinkKeys) -> None:
    """A warm page that does not know a new key reads the keys again after five seconds, and the old key verifies its links as before."""
    keys.of("w1", NOW)
    page, old = SigningKeys(keys), _token(keys)
    assert page.verified(old, NOW) == old.link
    keys.rotate("w1", NOW + timedelta(seconds=1))
    new = _token(keys)
    assert page.verified(new, NOW + timedelta(seconds=6)) == new.link
    assert page.verified(old, NOW + timedelta(seconds=7)) == old.link


def test_a_forged_link_costs_no_read_each(keys: DynamoLinkKeys, monkeypatch: pytest.MonkeyPatch) -> None:
    """Links with a key that does not exist read the keys of their workspace once in five seconds, however many there are."""
    keys.of("w1", NOW)
    other = DynamoLinkKeys(keys.table)
    forged = _token(keys)
    keys.table.delete(link_keys._key("w1"))
    reads: list[str] = []

    def read(_: DynamoLinkKeys, workspace: str) -> tuple[SigningKey, ...]:
        reads.append(workspace)
        return ()

    monkeypatch.setattr(DynamoLinkKeys, "read", read)
    page = SigningKeys(other)
    for milliseconds in range(0, 4_000, 100):
        assert page.verified(forged, NOW + timedelta(milliseconds=milliseconds)) is None
    assert reads == ["w1"]


def test_the_sender_signs_with_a_new_key_within_five_minutes(keys: DynamoLinkKeys) -> None:
    """A warm sender uses its key for at most five minutes after a rotation, and the old key outlives those links."""
    sender = SigningKeys(keys)
    first = sender.current("w1", NOW)
    rotated = keys.rotate("w1", NOW + timedelta(seconds=1))
    assert sender.current("w1", NOW + timedelta(seconds=299)) == first
    assert sender.current("w1", NOW + timedelta(seconds=300)) == rotated
