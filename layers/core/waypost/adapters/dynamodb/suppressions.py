"""Suppressed addresses: rows of the workspaces table that hold a hash in place of the address."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from waypost.adapters.dynamodb.items import Item
from waypost.adapters.dynamodb.table import Table
from waypost.domain.journeys.message_steps import step_class
from waypost.domain.messages.suppression import Suppression
from waypost.domain.values.generated_ids import digest
from waypost.domain.values.wire_time import instant, iso

_PREFIX: Final = "suppressed/"


@dataclass(frozen=True, slots=True)
class DynamoSuppressions:
    """The addresses of all workspaces to which nothing is sent any more (docs/messages.md#suppressions)."""

    table: Table

    def holds(self, workspace: str, channel: str, address: str) -> bool:
        """Whether this address is suppressed on this channel."""
        return self.table.get(_key(workspace, channel, address)) is not None

    def add(self, workspace: str, channel: str, address: str, message: str | None = None, since: datetime | None = None) -> None:
        """Suppresses an address on a channel because of a message; a second time with the same message changes nothing."""
        self.table.put({**_key(workspace, channel, address), "message": message, "since": iso(since) if since else None})

    def remove(self, workspace: str, channel: str, address: str) -> None:
        """Lifts the suppression of an address on a channel, if there is one."""
        self.table.delete(_key(workspace, channel, address))

    def page(self, workspace: str, *, limit: int, before: str | None = None) -> tuple[list[Suppression], str | None]:
        """At most `limit` suppressions of a workspace after the position `before`, and the position to go on from (None: no more).

        They are in the order of their hashes, which is no order for a person: the key of a row holds no time.
        """
        items, last = self.table.query(
            "workspace = :workspace AND begins_with(#row, :prefix)",
            {":workspace": workspace, ":prefix": _PREFIX},
            ExpressionAttributeNames={"#row": "row"},
            Limit=limit,
            ConsistentRead=True,
            **({"ExclusiveStartKey": {"workspace": workspace, "row": before}} if before else {}),
        )
        return [_from_item(item) for item in items], last["row"] if last else None


def _key(workspace: str, channel: str, address: str) -> Item:
    comparable = step_class(channel).comparable_address(address)
    return {"workspace": workspace, "row": f"{_PREFIX}{channel}/{digest('address', comparable)}"}


def _from_item(item: Item) -> Suppression:
    _, channel, _ = item["row"].split("/", 2)
    return Suppression(channel, item["row"], item.get("message"), instant(item["since"]) if "since" in item else None)
