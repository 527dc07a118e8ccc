"""Signatures, verified by the reference library of Standard Webhooks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from waypost.domain.messages.webhook_signatures import WebhookSecrets, secret_of, signed_headers

BODY = '{"who":"Zoë"}'.encode()
OLD, NEW = secret_of(b"o" * 24), secret_of(b"n" * 32)


@pytest.fixture
def now() -> datetime:
    """The time of the test: the reference library refuses a timestamp that is over five minutes from the clock of the machine."""
    return datetime.now(UTC)


@pytest.mark.parametrize("secret", [OLD, NEW])
def test_both_secrets_verify_for_a_day_after_a_rotation(secret: str, now: datetime) -> None:
    """Within 24 hours of a rotation a receiver verifies a request with the old and with the new secret."""
    secrets = WebhookSecrets((OLD,), now - timedelta(days=9)).rotated(NEW, now)
    headers = signed_headers("msg_1", now, BODY, secrets.active(now + timedelta(hours=23)))
    assert Webhook(secret).verify(BODY, headers) == {"who": "Zoë"}


def test_the_old_secret_does_not_sign_after_a_day(now: datetime) -> None:
    """24 hours after a rotation only the new secret verifies a request."""
    secrets = WebhookSecrets((OLD,), now - timedelta(days=9)).rotated(NEW, now - timedelta(hours=24))
    headers = signed_headers("msg_1", now, BODY, secrets.active(now))
    Webhook(NEW).verify(BODY, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(OLD).verify(BODY, headers)


@pytest.mark.parametrize("header", ["webhook-id", "webhook-timestamp"])
def test_the_signature_covers_id_and_time(header: str, now: datetime) -> None:
    """A request whose id or timestamp was changed does not verify."""
    changed = {"webhook-id": "msg_2", "webhook-timestamp": str(int(now.timestamp()) + 1)}
    headers = signed_headers("msg_1", now, BODY, [OLD]) | {header: changed[header]}
    with pytest.raises(WebhookVerificationError):
        Webhook(OLD).verify(BODY, headers)


def test_a_second_rotation_drops_the_oldest_secret(now: datetime) -> None:
    """After two rotations within a day there are two secrets, and the oldest is not one of them."""
    twice = WebhookSecrets((OLD,), now).rotated(NEW, now).rotated(secret_of(b"x" * 24), now)
    assert len(twice.secrets) == 2
    assert OLD not in twice.secrets
