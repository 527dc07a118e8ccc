"""Standard Webhooks: the signature over id, time and body, and the secrets that make it."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

PREFIX: Final = "whsec_"
OVERLAP: Final = timedelta(hours=24)
"""How long the old secret signs beside the new one after a rotation."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """A workspace's signing secrets, `whsec_` and base64: the current one first, then the one it replaced."""

    secrets: tuple[str, ...]
    rotated_at: datetime

    def active(self, now: datetime) -> tuple[str, ...]:
        """The secrets that sign now."""
        return self.secrets if now < self.rotated_at + OVERLAP else self.secrets[:1]

    def rotated(self, fresh: str, now: datetime) -> Secrets:
        """These secrets once `fresh` has become the current one."""
        return Secrets((fresh, self.secrets[0]), now)


def secret_of(key: bytes) -> str:
    """The text of a secret made of 24 to 64 random bytes."""
    return PREFIX + base64.b64encode(key).decode()


def signed_headers(message_id: str, now: datetime, body: bytes, secrets: Sequence[str]) -> dict[str, str]:
    """The three headers by which a receiver knows that we sent this body now; one signature for each secret."""
    seconds = str(int(now.timestamp()))
    signed = f"{message_id}.{seconds}.".encode() + body
    signatures = (base64.b64encode(hmac.digest(_key(secret), signed, hashlib.sha256)).decode() for secret in secrets)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": seconds,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


def _key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(PREFIX))
