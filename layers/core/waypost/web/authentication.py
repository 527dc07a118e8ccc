"""Who may come in: keys, read at most once in a while by a warm function (contract 1.2)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from waypost.cache.ttl_cache import TtlCache
from waypost.domain.api_keys import Key, Scope, key_hash, key_in
from waypost.domain.errors import RefusedError, StaleError, UnavailableError
from waypost.ports import Keys

KEY_SECONDS: Final = 60
UNKNOWN_SECONDS: Final = 5


@dataclass(slots=True)
class Access:
    """The doors' memory of keys."""

    keys: Keys
    known_keys: TtlCache[Key | None] = field(default_factory=TtlCache)

    def admit(self, authorization: str | None, scope: Scope, now: datetime) -> Key:
        """The key of a request. RefusedError 401, one answer for every way to have no key, or 403 for the wrong scope.

        While the keys table is down, a key that was good goes on being good for the intake, so that no event is lost.
        """
        given = key_in(authorization)
        key = self._find(key_hash(given), now, scope) if given else None
        if key is None or not key.is_live(now):
            raise RefusedError(401, "unauthorized", "This needs a valid key: `Authorization: Api-Key <key>`.")
        if not key.allows(scope):
            raise RefusedError(403, "forbidden", f"This needs a key with the scope `{scope}`.")
        return key

    def _find(self, hashed: str, now: datetime, scope: Scope) -> Key | None:
        return self.known_keys.read(
            hashed,
            now,
            lambda key: KEY_SECONDS if key else UNKNOWN_SECONDS,
            lambda _: self._fresh(hashed, now),
            outlasts=lambda key: key is not None and scope == "events",
        )

    def _fresh(self, hashed: str, now: datetime) -> Key | None:
        key = self.keys.find(hashed)
        today = f"{now:%Y-%m-%d}"
        if key is not None and key.last_used_on != today:
            try:
                self.keys.used(hashed, today)
            except StaleError:
                return None
            except UnavailableError:
                return key  # the note of a day is not worth an event; the next reading tries again
        return key
