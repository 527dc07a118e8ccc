"""The keys that sign the links in messages, kept in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from waypost import ports
from waypost.cache.ttl_cache import TtlCache
from waypost.domain.messages.links import Link, SigningKey, UnverifiedToken

SIGNING_KEY_SECONDS: Final = 300
"""How old the keys in memory may be: for this long after a rotation a sender still signs with the key from before."""

UNKNOWN_SIGNING_KEY_SECONDS: Final = 5
"""How long it stays in memory that a key does not exist: the link of a first message after a rotation works after this time at most."""

SIGNING_KEY_OUTAGE_SECONDS: Final = 12 * 3600
"""How old they may be while the table is unavailable."""


@dataclass(slots=True)
class SigningKeys:
    """The signing keys of workspaces."""

    keys: ports.LinkKeys
    cache: TtlCache[Sequence[SigningKey]] = field(default_factory=TtlCache)

    def current(self, workspace: str, now: datetime) -> SigningKey:
        """The key that signs new links; the first call creates it. UnavailableError if the keys cannot be read."""
        return self.cache.read(
            workspace,
            now,
            lambda keys: SIGNING_KEY_SECONDS if keys else 0,
            lambda *_: self.keys.of(workspace, now),
            outage_age=lambda keys: SIGNING_KEY_OUTAGE_SECONDS if keys else 0,
        )[0]

    def verified(self, token: UnverifiedToken, now: datetime) -> Link | None:
        """The link in a token; None if it is forged, or if its key is older than a year. UnavailableError if the keys cannot be read."""

        def max_age(keys: Sequence[SigningKey]) -> float:
            return SIGNING_KEY_SECONDS if any(key.id == token.key_id for key in keys) else UNKNOWN_SIGNING_KEY_SECONDS

        keys = self.cache.read(
            token.workspace, now, max_age, lambda *_: self.keys.read(token.workspace), outage_age=lambda _: SIGNING_KEY_OUTAGE_SECONDS
        )
        return token.verified(keys)
