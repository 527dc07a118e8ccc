"""Signatures, verified by the reference library of Standard Webhooks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from waypost.domain.messages.webhook_signatures import WebhookSecrets, secret_of, signed_headers

NOW = datetime.now(UTC)  # the reference library compares the timestamp with the clock of the machine
BODY = '{"who":"Zoë"}'.encode()
OLD, NEW = secret_of(b"o" * 24), secret_of(b"n" * 32)


@pytest.mark.parametrize("secret", [OLD, NEW])
def test_both_secrets_verify_for_a_day_after_a_rotation(secret: str) -> None:
    """Within 24 hours of a rotation a receiver verifies a request with the old and with the new secret."""
    secrets = WebhookSecrets((OLD,), NOW - timedelta(days=9)).rotated(NEW, NOW)
    headers = signed_headers("msg_1", NOW, BODY, secrets.active(NOW + timedelta(hours=23)))
    assert Webhook(secret).verify(BODY, headers) == {"who": "Zoë"}


def test_the_old_secret_does_not_sign_after_a_day() -> None:
    """24 hours after a rotation only the new secret verifies a request."""
    secrets = WebhookSecrets((OLD,), NOW - timedelta(days=9)).rotated(NEW, NOW - timedelta(hours=24))
    headers = signed_headers("msg_1", NOW, BODY, secrets.active(NOW))
    Webhook(NEW).verify(BODY, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(OLD).verify(BODY, headers)


@pytest.mark.parametrize(
    ("header", "value"), [("webhook-id", "msg_2"), ("webhook-timestamp", str(int(NOW.timestamp()) + 1))], ids=["id", "time"]
)
def test_the_signature_covers_id_and_time(header: str, value: str) -> None:
    """A request whose id or timestamp was changed does not verify."""
    headers = signed_headers("msg_1", NOW, BODY, [OLD]) | {header: value}
    with pytest.raises(WebhookVerificationError):
        Webhook(OLD).verify(BODY, headers)


def test_a_second_rotation_drops_the_oldest_secret() -> None:
    """After two rotations within a day there are two secrets, and the oldest is not one of them."""
    twice = WebhookSecrets((OLD,), NOW).rotated(NEW, NOW).rotated(secret_of(b"x" * 24), NOW)
    assert len(twice.secrets) == 2
    assert OLD not in twice.secrets
