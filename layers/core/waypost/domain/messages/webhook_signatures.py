"""Signatures by the Standard Webhooks specification, and the secrets of a workspace (`docs/messages.md#signatures`)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - the form of a secret, not a secret
ROTATION_OVERLAP: Final = timedelta(hours=24)
"""How long the previous secret signs together with the current one, so that receivers can change over without a gap."""


@dataclass(frozen=True, slots=True)
class WebhookSecrets:
    """The signing secrets of a workspace, each `whsec_` and base64: the current one first, then the one that it replaced, if any."""

    secrets: tuple[str, ...]
    rotated_at: datetime

    def active(self, now: datetime) -> tuple[str, ...]:
        """The secrets that sign at this time: the current one, and the previous one within 24 hours of the rotation."""
        return self.secrets if now < self.rotated_at + ROTATION_OVERLAP else self.secrets[:1]

    def rotated(self, new_secret: str, now: datetime) -> WebhookSecrets:
        """The secrets after `new_secret` has become the current one. A third one is dropped: at most two sign at once."""
        return WebhookSecrets((new_secret, self.secrets[0]), now)


def secret_of(key: bytes) -> str:
    """A key of 24 to 64 random bytes as the text of a secret."""
    return SECRET_PREFIX + base64.b64encode(key).decode()


def signed_headers(message_id: str, now: datetime, body: bytes, secrets: Sequence[str]) -> dict[str, str]:
    """The headers by which a receiver verifies id, time and body: `webhook-id`, `-timestamp`, and `-signature` with one for each secret."""
    seconds = str(int(now.timestamp()))
    signed = f"{message_id}.{seconds}.".encode() + body
    signatures = (base64.b64encode(hmac.digest(_key(secret), signed, hashlib.sha256)).decode() for secret in secrets)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": seconds,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


def _key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(SECRET_PREFIX))
