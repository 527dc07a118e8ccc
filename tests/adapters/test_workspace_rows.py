"""What sending keeps beside messages: parked records, suppressions, webhook secrets."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from moto import mock_aws

from tests.fakes.messages import NOW, FakeDeadLetters, FakeSuppressions
from waypost.adapters.aws import client
from waypost.adapters.dynamodb.dead_letters import DynamoDeadLetters
from waypost.adapters.dynamodb.suppressions import DynamoSuppressions
from waypost.adapters.dynamodb.table import Table
from waypost.adapters.dynamodb.webhook_secrets import DynamoWebhookSecrets
from waypost.domain.dead_letters import Parked
from waypost.domain.errors import StaleError


def a_table(name: str, sort: str) -> Table:
    """A table of workspaces' rows."""
    boto3.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in ("workspace", sort)],
        KeySchema=[{"AttributeName": "workspace", "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}],
    )
    return Table(name)


@pytest.fixture
def aws() -> Iterator[None]:
    """AWS in this process."""
    with mock_aws():
        client.cache_clear()
        yield
        client.cache_clear()


@pytest.fixture
def dead(aws: None) -> DynamoDeadLetters:
    """The table of parked records."""
    return DynamoDeadLetters(a_table("Dead", "at"))


@pytest.fixture
def workspaces(aws: None) -> Table:
    """The table of workspaces."""
    return a_table("Workspaces", "row")


def parked(**changes: str) -> Parked:
    """A parked message; the arguments make it another."""
    at = NOW + timedelta(seconds=int(changes.get("second", 0)))
    return Parked(changes.get("workspace", "w1"), "message", changes.get("subject", "msg_1"), '{"a":"Zoë\ud800"}', "gave-up", at)


def test_a_parked_record_comes_back_as_it_was(dead: DynamoDeadLetters) -> None:
    """Body included, whatever is in it; parked twice it is there once; it ends after 30 days."""
    dead.park(parked())
    dead.park(parked())
    assert dead.page("w1", limit=10) == ([parked()], None)
    assert dead.get("w1", parked().position) == parked()
    row = dead.table.get({"workspace": "w1", "at": parked().position})
    assert row is not None
    assert datetime.fromtimestamp(row["expires"], UTC) == NOW + timedelta(days=30)


def test_the_fake_parks_once_as_well() -> None:
    """The contract that the use case leans on."""
    fake = FakeDeadLetters()
    fake.park(parked())
    fake.park(parked())
    assert list(fake.parked.values()) == [parked()]


def test_parked_records_are_listed_newest_first_by_workspace(dead: DynamoDeadLetters) -> None:
    """Each workspace sees its own, page by page."""
    for second in range(5):
        dead.park(parked(second=str(second), subject=f"msg_{second}"))
    dead.park(parked(workspace="w2"))
    first, before = dead.page("w1", limit=3)
    rest, end = dead.page("w1", limit=3, before=before)
    assert [each.subject for each in (*first, *rest)] == [f"msg_{second}" for second in (4, 3, 2, 1, 0)]
    assert end is None


def test_a_redriven_record_is_gone(dead: DynamoDeadLetters) -> None:
    """Once it is back on its queue, nothing is left of it here; removing it twice is harmless."""
    dead.park(parked())
    dead.remove(parked())
    dead.remove(parked())
    assert dead.get("w1", parked().position) is None


@pytest.mark.parametrize("kind", ["DynamoDB", "fake"])
def test_a_suppressed_address_is_suppressed_on_its_channel_in_its_workspace(kind: str, workspaces: Table) -> None:
    """Nowhere else, and twice is once."""
    suppressions = DynamoSuppressions(workspaces) if kind == "DynamoDB" else FakeSuppressions()
    suppressions.add("w1", "webhook", "https://example.com/hook")
    suppressions.add("w1", "webhook", "https://example.com/hook")
    assert suppressions.holds("w1", "webhook", "https://example.com/hook")
    assert not suppressions.holds("w1", "webhook", "https://example.com/Hook")
    assert not suppressions.holds("w2", "webhook", "https://example.com/hook")
    assert not suppressions.holds("w1", "email", "https://example.com/hook")


def test_e_mail_addresses_compare_without_case_and_are_kept_as_hashes(workspaces: Table) -> None:
    """Ada@Example.com unsubscribes ada@example.com; the table of suppressions is no list of addresses."""
    suppressions = DynamoSuppressions(workspaces)
    suppressions.add("w1", "email", " Ada@Example.com")
    assert suppressions.holds("w1", "email", "ada@example.com")
    rows, _ = workspaces.query("workspace = :w", {":w": "w1"})
    assert "example" not in str(rows)


def test_the_first_to_ask_makes_the_webhook_secret(workspaces: Table) -> None:
    """Everybody after that reads the same one; another workspace has its own."""
    secrets = DynamoWebhookSecrets(workspaces)
    first = secrets.of("w1", NOW)
    assert secrets.of("w1", NOW + timedelta(days=1)) == first
    assert secrets.of("w2", NOW) != first
    assert first.secrets[0].startswith("whsec_")


def test_two_that_ask_first_get_one_secret(workspaces: Table) -> None:
    """The loser of the race takes the winner's."""
    secrets = DynamoWebhookSecrets(workspaces)
    winner = secrets.of("w1", NOW)
    assert secrets._first("w1", NOW) == winner


def test_rotating_keeps_the_old_secret_beside_the_new(workspaces: Table) -> None:
    """Receivers get a day to change over."""
    secrets = DynamoWebhookSecrets(workspaces)
    first = secrets.of("w1", NOW)
    rotated = secrets.rotate("w1", NOW + timedelta(days=2))
    assert rotated.secrets[1] == first.secrets[0]
    assert secrets.of("w1", NOW + timedelta(days=2)) == rotated


def test_of_two_rotations_at_once_one_is_told(workspaces: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the secret that the first was shown would not be the one that signs."""
    secrets = DynamoWebhookSecrets(workspaces)
    read = secrets.of("w1", NOW)
    secrets.rotate("w1", NOW + timedelta(seconds=1))
    monkeypatch.setattr(DynamoWebhookSecrets, "of", lambda *_: read)
    with pytest.raises(StaleError):
        secrets.rotate("w1", NOW + timedelta(seconds=2))
