"""The signing secrets for webhooks: one row of the workspaces table for each workspace, created on first use."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from waypost.adapters.dynamodb.conditions import if_absent
from waypost.adapters.dynamodb.items import Item
from waypost.adapters.dynamodb.table import Table
from waypost.domain.messages.webhook_signatures import WebhookSecrets, secret_of
from waypost.domain.values.wire_time import instant, iso

_KEY_BYTES: Final = 24

REPEATED_WITHIN: Final = timedelta(minutes=1)
"""How long after a rotation a request to rotate counts as a repeat of it, whose sender has lost the response."""


@dataclass(frozen=True, slots=True)
class DynamoWebhookSecrets:
    """The signing secrets of all workspaces (docs/messages.md#signatures)."""

    table: Table

    def of(self, workspace: str, now: datetime) -> WebhookSecrets:
        """The secrets of the workspace. The first call creates them."""
        item = self.table.get(_key(workspace))
        return _from_item(item) if item else self._create(workspace, now)

    def _create(self, workspace: str, now: datetime) -> WebhookSecrets:
        # Of two first calls at the same time one loses. It must return the secret of the winner: a webhook that was signed with its own
        # could never be verified. If botocore repeated a lost answer, the stored row is its own, and returning that is right too.
        created = WebhookSecrets((_random_secret(),), now)
        failed = self.table.put_if(_to_item(workspace, created), **if_absent("workspace"))
        return created if failed is None or failed.item is None else _from_item(failed.item)

    def rotate(self, workspace: str, now: datetime) -> WebhookSecrets:
        """Creates a new secret and keeps the old one beside it for a day.

        Within a minute of a rotation, and where another rotation came first, it returns that rotation. A second one would drop the only
        secret that the receivers have.
        """
        current = self.of(workspace, now)
        if len(current.secrets) > 1 and now < current.rotated_at + REPEATED_WITHIN:
            return current
        rotated = current.rotated(_random_secret(), now)
        condition = {
            "ConditionExpression": "rotatedAt = :rotatedAt AND secrets = :secrets",
            "ExpressionAttributeValues": {":rotatedAt": iso(current.rotated_at), ":secrets": list(current.secrets)},
        }
        # The stored row may also be that of this call: after a lost answer botocore repeats the write, which fails on what it wrote.
        failed = self.table.put_if(_to_item(workspace, rotated), **condition)
        if failed is None:
            return rotated
        return _from_item(failed.item) if failed.item else self.of(workspace, now)


def _random_secret() -> str:
    return secret_of(secrets.token_bytes(_KEY_BYTES))


def _key(workspace: str) -> Item:
    return {"workspace": workspace, "row": "webhook-secret"}


def _to_item(workspace: str, webhook_secrets: WebhookSecrets) -> Item:
    return {**_key(workspace), "secrets": list(webhook_secrets.secrets), "rotatedAt": iso(webhook_secrets.rotated_at)}


def _from_item(item: Item) -> WebhookSecrets:
    return WebhookSecrets(tuple(item["secrets"]), instant(item["rotatedAt"]))
