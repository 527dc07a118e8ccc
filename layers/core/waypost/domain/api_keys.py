"""API keys: opaque texts that belong to one workspace; only their hash is ever stored (contract 1.2)."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

Scope = Literal["events", "admin"]
KEY: Final = re.compile(r"[\x21-\x7e]{20,200}")
_HEADER: Final = re.compile(r"api-key +(\S+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it is stored. `last_used_on` is a day, `prefix` the characters that a person knows it by."""

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
        """Whether the key may do this; `admin` may do everything."""
        return "admin" in self.scopes or scope in self.scopes

    def is_live(self, now: datetime) -> bool:
        """Whether the key has not expired."""
        return self.expires_at is None or now < self.expires_at


def key_hash(key: str) -> str:
    """What is stored of a key. Keys are long and random, so a plain SHA-256 cannot be turned back."""
    return hashlib.sha256(key.encode()).hexdigest()


def key_in(authorization: str | None) -> str | None:
    """The key in an Authorization header, `Api-Key <key>` with the scheme in any case; None where there is none."""
    match = _HEADER.fullmatch((authorization or "").strip())
    return match[1] if match and KEY.fullmatch(match[1]) else None
