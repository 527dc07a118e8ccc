"""Suppressed addresses: attributes of the rows of addresses in the workspaces table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from waypost.adapters.dynamodb.address_rows import ADDRESS_PREFIX, SUPPRESSION_ATTRIBUTES, address_hash, address_row_key, is_suppression
from waypost.adapters.dynamodb.items import Item
from waypost.adapters.dynamodb.table import Table
from waypost.domain.messages.suppression import Suppression, SuppressionCause
from waypost.domain.values.wire_time import instant, iso


@dataclass(frozen=True, slots=True)
class DynamoSuppressions:
    """The addresses of all workspaces to which nothing is sent any more (docs/messages.md#suppressions).

    `secret_of` returns the secret key of a workspace, with which personal addresses are hashed.
    """

    table: Table
    secret_of: Callable[[str], bytes]

    def holds(self, workspace: str, channel: str, address: str) -> bool:
        """Whether this address is suppressed on this channel."""
        return self.find(workspace, channel, address) is not None

    def find(self, workspace: str, channel: str, address: str) -> Suppression | None:
        """The suppression of an address on a channel, or None."""
        item = self.table.get(self._key(workspace, channel, address))
        return _from_item(item) if item is not None and is_suppression(item) else None

    def position(self, workspace: str, channel: str, address: str) -> str:
        """The position of an address among the suppressions, whether or not it is suppressed. Reads nothing."""
        return str(self._key(workspace, channel, address)["row"])

    def add(self, workspace: str, channel: str, address: str, cause: SuppressionCause) -> None:
        """Suppresses an address on a channel. Of several causes the latest one is kept, in whatever order they come.

        What a provider reports of a time before the last lift of the address changes nothing.
        """
        # Reports come more than once and in any order, and a dead-letter queue may bring one back after days. Without the condition on
        # `lifted` such a report would undo the decision of the operator who has lifted the address since.
        values = {"reason": cause.reason, "source": cause.source, "since": iso(cause.since)}
        later_than = ("since", "lifted") if cause.source == "provider" else ("since",)
        set_message = ", #message = :message" if cause.message else " REMOVE #message"
        self.table.update_if(
            self._key(workspace, channel, address),
            UpdateExpression=f"SET #reason = :reason, #source = :source, #since = :since{set_message}",
            ConditionExpression=" AND ".join(f"(attribute_not_exists(#{name}) OR #{name} < :since)" for name in later_than),
            ExpressionAttributeNames={f"#{name}": name for name in (*SUPPRESSION_ATTRIBUTES, *later_than)},
            ExpressionAttributeValues={
                **{f":{name}": value for name, value in values.items()},
                **({":message": cause.message} if cause.message else {}),
            },
        )

    def remove(self, workspace: str, channel: str, address: str, at: datetime) -> None:
        """Lifts the suppression of an address on a channel, at this time. What else the row holds stays."""
        self.table.update(
            self._key(workspace, channel, address),
            UpdateExpression="SET #lifted = :lifted REMOVE " + ", ".join(f"#{name}" for name in SUPPRESSION_ATTRIBUTES),
            ExpressionAttributeNames={f"#{name}": name for name in (*SUPPRESSION_ATTRIBUTES, "lifted")},
            ExpressionAttributeValues={":lifted": iso(at)},
        )

    def page(self, workspace: str, *, limit: int, before: str | None = None) -> tuple[list[Suppression], str | None]:
        """At most `limit` suppressions of a workspace after the position `before`, and the position to go on from (None: no more).

        They are in the order of their hashes, which is no order for a person: the key of a row holds no time. Fewer than `limit` do not
        mean that there are no more: rows without a suppression are read and left out. ValueError if `before` is no position among them.
        """
        # DynamoDB refuses a query that starts outside of its own range.
        if before is not None and not before.startswith(ADDRESS_PREFIX):
            raise ValueError("a position that is none of an address")
        items, last = self.table.query(
            "workspace = :workspace AND begins_with(#row, :prefix)",
            {":workspace": workspace, ":prefix": ADDRESS_PREFIX},
            ExpressionAttributeNames={"#row": "row"},
            Limit=limit,
            ConsistentRead=True,
            **({"ExclusiveStartKey": {"workspace": workspace, "row": before}} if before else {}),
        )
        return [_from_item(item) for item in items if is_suppression(item)], last["row"] if last else None

    def _key(self, workspace: str, channel: str, address: str) -> Item:
        return address_row_key(workspace, channel, address_hash(workspace, channel, address, self.secret_of))


def _from_item(item: Item) -> Suppression:
    _, channel, _ = item["row"].split("/", 2)
    since = instant(item["since"]) if "since" in item else None
    # Rows of earlier releases have no reason and no source: those suppressed endpoints of webhooks only, after a 410.
    return Suppression(channel, item["row"], item.get("reason", "gone"), item.get("source", "provider"), item.get("message"), since)
