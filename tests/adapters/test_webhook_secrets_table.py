"""The signing secrets for webhooks in DynamoDB."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.fakes.messages import NOW
from tests.fakes.tables import aws, empty_table
from waypost.adapters.dynamodb.webhook_secrets import DynamoWebhookSecrets


@pytest.fixture
def secrets() -> Iterator[DynamoWebhookSecrets]:
    """The empty table."""
    with aws():
        yield DynamoWebhookSecrets(empty_table("WorkspacesTable"))


def test_the_first_read_creates_the_secret(secrets: DynamoWebhookSecrets) -> None:
    """Every later read returns the secret that the first one created, and another workspace has another secret."""
    first = secrets.of("w1", NOW)
    assert secrets.of("w1", NOW + timedelta(days=1)) == first
    assert secrets.of("w2", NOW) != first
    assert first.secrets[0].startswith("whsec_")


def test_two_first_reads_at_the_same_time_return_one_secret(secrets: DynamoWebhookSecrets) -> None:
    """The one that loses the race returns the stored secret and not its own."""
    winner = secrets.of("w1", NOW)
    assert secrets._create("w1", NOW) == winner


def test_a_rotation_keeps_the_old_secret_beside_the_new_one(secrets: DynamoWebhookSecrets) -> None:
    """After a rotation both secrets are returned, the new one first, and so do later reads."""
    first = secrets.of("w1", NOW)
    rotated = secrets.rotate("w1", NOW + timedelta(days=2))
    assert rotated.secrets[0] != first.secrets[0]
    assert rotated.secrets[1] == first.secrets[0]
    assert secrets.of("w1", NOW + timedelta(days=2)) == rotated


def test_two_rotations_at_the_same_time_return_one_secret(secrets: DynamoWebhookSecrets, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rotation that has read the secret before another rotation returns what the other one stored, which stays valid.

    It may be the same rotation: botocore repeats a write whose answer was lost.
    """
    read = secrets.of("w1", NOW)
    winner = secrets.rotate("w1", NOW + timedelta(seconds=1))
    with monkeypatch.context() as patch:
        patch.setattr(DynamoWebhookSecrets, "of", lambda *_: read)
        assert secrets.rotate("w1", NOW + timedelta(seconds=2)) == winner
    assert secrets.of("w1", NOW + timedelta(seconds=3)) == winner


def test_a_repeated_rotation_keeps_the_secret_that_the_receivers_have(secrets: DynamoWebhookSecrets) -> None:
    """A client that lost the answer rotates again within a minute: it gets the first rotation, and the old secret still signs."""
    first = secrets.of("w1", NOW)
    rotated = secrets.rotate("w1", NOW)
    assert secrets.rotate("w1", NOW + timedelta(seconds=59)) == rotated
    assert rotated.secrets[1] == first.secrets[0]
    assert secrets.rotate("w1", NOW + timedelta(seconds=60)).secrets[1] == rotated.secrets[0]
