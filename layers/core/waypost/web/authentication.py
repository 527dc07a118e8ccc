"""Authentication by API key. A warm function reads each key at most once a minute (docs/events.md#keys)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from waypost.cache.ttl_cache import TtlCache, call_directly
from waypost.domain.api_keys import Key, Scope, key_hash, key_in
from waypost.domain.errors import RefusedError, StaleError, UnavailableError
from waypost.ports import Caller, Keys

KEY_SECONDS: Final = 60
"""How long a key stays in memory: a revoked key works at most this long."""
UNKNOWN_SECONDS: Final = 5
"""How long it stays in memory that a key is unknown: a new key works after this time at the latest."""
OUTAGE_SECONDS: Final = 3600
"""How long after its last read a key may still send events while its table is unavailable: a revoked key works at most this long."""


@dataclass(slots=True)
class Authenticator:
    """Finds the key of a request, with a cache of the keys that it has read, by their hash."""

    keys: Keys
    cached_keys: TtlCache[Key | None] = field(default_factory=TtlCache)

    def authenticate(self, authorization: str | None, scope: Scope, now: datetime, caller: Caller = call_directly) -> Key:
        """The key of a request, which has the scope; `caller` makes the calls to the keys table.

        RefusedError 401 for a missing, malformed, unknown, expired or revoked key, with one response for all five so that it reveals
        nothing about the keys that exist; or 403 for the wrong scope.

        While the keys table is unavailable, a key stays valid for the scope `events` for up to an hour after it was read, so that no event
        is lost. The management API gets an UnavailableError: its callers can wait.
        """
        given = key_in(authorization)
        key = self._find(key_hash(given), now, scope, caller) if given else None
        if key is None or not key.is_live(now):
            raise RefusedError(401, "unauthorized", "This request needs a valid key: `Authorization: Api-Key <key>`.")
        if not key.allows(scope):
            raise RefusedError(403, "forbidden", f"This request needs a key with the scope `{scope}`.")
        return key

    def _find(self, hashed: str, now: datetime, scope: Scope, caller: Caller) -> Key | None:
        return self.cached_keys.read(
            hashed,
            now,
            lambda key: KEY_SECONDS if key else UNKNOWN_SECONDS,
            lambda _, has_fallback: self._read(hashed, now, caller, has_fallback=has_fallback),
            outage_age=lambda key: OUTAGE_SECONDS if key is not None and scope == "events" else 0,
        )

    def _read(self, hashed: str, now: datetime, caller: Caller, *, has_fallback: bool) -> Key | None:
        """The key from its table. Its first read of a day records that day as its last use.

        The record is a conditional write, so it never restores a key that was revoked after the read: then the key is gone.
        """
        key = caller(lambda: self.keys.find(hashed), has_fallback=has_fallback)
        today = f"{now:%Y-%m-%d}"
        if key is not None and key.last_used_on != today:
            try:
                caller(lambda: self.keys.used(hashed, today), has_fallback=True)
            except StaleError:
                return None
            except UnavailableError:
                return key  # losing events would be worse than losing the day of last use; the next read tries again
        return key
