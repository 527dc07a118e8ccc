"""Signatures that any Standard Webhooks library accepts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from waypost.domain.messages.webhook_signatures import WebhookSecrets, secret_of, signed_headers

NOW = datetime.now(UTC)  # the oracle compares the timestamp with its own clock
BODY = '{"who":"Zoë"}'.encode()
OLD, NEW = secret_of(b"o" * 24), secret_of(b"n" * 32)


@pytest.mark.parametrize("secret", [OLD, NEW])
def test_a_receiver_with_either_secret_accepts_while_rotating(secret: str) -> None:
    """For a day after a rotation both the old and the new secret verify what we send."""
    secrets = WebhookSecrets((OLD,), NOW - timedelta(days=9)).rotated(NEW, NOW)
    headers = signed_headers("msg_1", NOW, BODY, secrets.active(NOW + timedelta(hours=23)))
    assert Webhook(secret).verify(BODY, headers) == {"who": "Zoë"}


def test_the_old_secret_dies_a_day_after_the_rotation() -> None:
    """A leaked secret is worth nothing once its day is over."""
    secrets = WebhookSecrets((OLD,), NOW - timedelta(days=9)).rotated(NEW, NOW - timedelta(hours=24))
    headers = signed_headers("msg_1", NOW, BODY, secrets.active(NOW))
    Webhook(NEW).verify(BODY, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(OLD).verify(BODY, headers)


@pytest.mark.parametrize(
    ("header", "value"), [("webhook-id", "msg_2"), ("webhook-timestamp", str(int(NOW.timestamp()) + 1))], ids=["id", "time"]
)
def test_id_and_time_are_signed(header: str, value: str) -> None:
    """Nobody can replay our body under another id or at another time."""
    headers = signed_headers("msg_1", NOW, BODY, [OLD]) | {header: value}
    with pytest.raises(WebhookVerificationError):
        Webhook(OLD).verify(BODY, headers)


def test_a_second_rotation_drops_the_oldest_secret() -> None:
    """There are never more than two."""
    twice = WebhookSecrets((OLD,), NOW).rotated(NEW, NOW).rotated(secret_of(b"x" * 24), NOW)
    assert len(twice.secrets) == 2
    assert OLD not in twice.secrets
