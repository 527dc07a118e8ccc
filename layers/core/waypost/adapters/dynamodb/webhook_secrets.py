"""A workspace's webhook signing secrets, one row, made on first use."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from waypost.adapters.dynamodb.table import Item, Table
from waypost.domain.errors import StaleError
from waypost.domain.messages.webhook_signatures import WebhookSecrets, secret_of
from waypost.domain.values.wire_time import instant, iso

_ROW: Final = "webhook-secret"
_KEY_BYTES: Final = 24


@dataclass(frozen=True, slots=True)
class DynamoWebhookSecrets:
    """The signing secrets of all workspaces."""

    table: Table

    def of(self, workspace: str, now: datetime) -> WebhookSecrets:
        """The workspace's secrets; the first to ask makes them."""
        row = self.table.get({"workspace": workspace, "row": _ROW})
        return _secrets(row) if row else self._first(workspace, now)

    def _first(self, workspace: str, now: datetime) -> WebhookSecrets:
        made = WebhookSecrets((_fresh(),), now)
        met = self.table.put(_item(workspace, made), ConditionExpression="attribute_not_exists(workspace)")
        return made if met is None or met.item is None else _secrets(met.item)

    def rotate(self, workspace: str, now: datetime) -> WebhookSecrets:
        """A new secret, with the old one beside it for a day; StaleError if another rotation came first."""
        was = self.of(workspace, now)
        made = was.rotated(_fresh(), now)
        condition = {
            "ConditionExpression": "rotatedAt = :was AND secrets = :secrets",
            "ExpressionAttributeValues": {":was": iso(was.rotated_at), ":secrets": list(was.secrets)},
        }
        if self.table.put(_item(workspace, made), **condition) is not None:
            raise StaleError("the webhook secret was rotated at the same time")
        return made


def _fresh() -> str:
    return secret_of(secrets.token_bytes(_KEY_BYTES))


def _item(workspace: str, made: WebhookSecrets) -> Item:
    return {"workspace": workspace, "row": _ROW, "secrets": list(made.secrets), "rotatedAt": iso(made.rotated_at)}


def _secrets(row: Item) -> WebhookSecrets:
    return WebhookSecrets(tuple(row["secrets"]), instant(row["rotatedAt"]))
