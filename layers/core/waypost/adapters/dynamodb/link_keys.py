"""The keys that sign the links in messages: one row of the workspaces table for each workspace, created on first use."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from waypost.adapters.dynamodb.conditions import if_revision
from waypost.adapters.dynamodb.items import Item
from waypost.adapters.dynamodb.table import Table
from waypost.domain.errors import RefusedError, StaleError
from waypost.domain.messages.links import KEY_KEPT_FOR, SigningKey
from waypost.domain.values.wire_time import instant, iso

_SECRET_BYTES: Final = 32
_ID_BYTES: Final = 4
_MAX_KEYS: Final = 100
"""How many keys a workspace has: the row of them is read often."""

REPEATED_ROTATION: Final = timedelta(minutes=1)
"""How long after a rotation a request to rotate counts as a repeat of it, whose sender has lost the response."""


@dataclass(frozen=True, slots=True)
class DynamoLinkKeys:
    """The signing keys of all workspaces, newest first (docs/messages.md#links)."""

    table: Table

    def of(self, workspace: str, now: datetime) -> Sequence[SigningKey]:
        """The keys of the workspace. The first call creates one."""
        return self.read(workspace) or self._create(workspace, now)

    def read(self, workspace: str) -> Sequence[SigningKey]:
        """The keys of the workspace; none if there are none."""
        item = self.table.get(_key(workspace))
        return _from_item(item) if item else ()

    def _create(self, workspace: str, now: datetime) -> Sequence[SigningKey]:
        # Of two first calls at the same time one loses. It must return the key of the winner: no page could verify what another key signed.
        # If botocore repeated a lost answer, the stored row is its own, and returning that is right too.
        created = (_new_key(now),)
        failed = self.table.put_if(_to_item(workspace, created, 1), **if_revision(0))
        return created if failed is None or failed.item is None else _from_item(failed.item)

    def rotate(self, workspace: str, now: datetime) -> SigningKey:
        """Creates a new key and keeps the old ones beside it, each until a year after it was replaced.

        Within a minute of a rotation it returns that rotation. StaleError if another rotation came first. RefusedError 409 if a year has
        had too many: a key that was dropped would break the links in messages that were sent.
        """
        item = self.table.get(_key(workspace))
        if item is None:
            return self._create(workspace, now)[0]
        current, *older = _from_item(item)
        if older and now < current.created_at + REPEATED_ROTATION:
            return current
        kept = [each for each in older if each.retired_at is None or now < each.retired_at + KEY_KEPT_FOR]
        if len(kept) + 2 > _MAX_KEYS:
            raise RefusedError(409, "too-many-keys", f"A workspace has at most {_MAX_KEYS} signing keys; each is kept for a year.")
        rotated = _to_item(workspace, (_new_key(now), replace(current, retired_at=now), *kept), int(item["rev"]) + 1)
        failed = self.table.put_if(rotated, **if_revision(item["rev"]))
        # The stored row may also be that of this call: after a lost answer botocore repeats the write, which fails on what it wrote.
        if failed is not None and (failed.item is None or _from_item(failed.item) != _from_item(rotated)):
            raise StaleError("the signing key was rotated at the same time")
        return _from_item(rotated)[0]


def _new_key(now: datetime) -> SigningKey:
    return SigningKey(secrets.token_hex(_ID_BYTES), secrets.token_bytes(_SECRET_BYTES), now)


def _key(workspace: str) -> Item:
    return {"workspace": workspace, "row": "link-keys"}


def _to_item(workspace: str, keys: Sequence[SigningKey], revision: int) -> Item:
    stored = [
        {
            "id": each.id,
            "secret": each.secret,
            "createdAt": iso(each.created_at),
            **({"retiredAt": iso(each.retired_at)} if each.retired_at else {}),
        }
        for each in keys
    ]
    return {**_key(workspace), "keys": stored, "rev": revision}


def _from_item(item: Item) -> tuple[SigningKey, ...]:
    return tuple(
        SigningKey(
            each["id"],
            bytes(each["secret"]),
            instant(each["createdAt"]),
            instant(each["retiredAt"]) if "retiredAt" in each else None,
        )
        for each in item["keys"]
    )
