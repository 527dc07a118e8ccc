"""API keys: opaque texts that belong to one workspace. Only their hash is stored (docs/events.md#keys)."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

Scope = Literal["events", "admin"]
KEY_PATTERN: Final = re.compile(r"[\x21-\x7e]{20,200}")
_HEADER: Final = re.compile(r"api-key +(\S+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it is stored.

    `prefix` holds its first characters, by which a person recognizes it. `last_used_on` is a day (`YYYY-MM-DD`, UTC), None if it was
    never used.
    """

    id: str
    workspace: str
    hash: str
    prefix: str
    name: str
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime | None = None
    last_used_on: str | None = None

    def allows(self, scope: Scope) -> bool:
        """Whether the key has this scope. The scope `admin` includes every other."""
        return "admin" in self.scopes or scope in self.scopes

    def is_live(self, now: datetime) -> bool:
        """Whether the key has not expired."""
        return self.expires_at is None or now < self.expires_at


def key_hash(key: str) -> str:
    """The SHA-256 of a key, in hex. Keys are long and random, so a hash without salt cannot be reversed by guessing."""
    return hashlib.sha256(key.encode()).hexdigest()


def key_in(authorization: str | None) -> str | None:
    """The key in an Authorization header, `Api-Key <key>` with the scheme in any case; None if there is no well-formed key."""
    match = _HEADER.fullmatch((authorization or "").strip())
    return match[1] if match and KEY_PATTERN.fullmatch(match[1]) else None
