"""The last message to each address of a channel on which receivers can answer: rows of the workspaces table.

An answer names a number and neither a workspace nor a customer. So a partition for the channel lists the workspaces that send on it, and
each of these has a row for each number, under its own keyed hash, with the id of the last message. The id leads to the customer for as long
as the message exists, so an erasure has nothing to do here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from waypost.adapters.dynamodb.address_rows import address_hash
from waypost.adapters.dynamodb.items import Item, expiry
from waypost.adapters.dynamodb.table import Table
from waypost.domain.values.wire_time import iso

LAST_MESSAGE_KEPT: Final = timedelta(days=400)
"""How long after the last message an answer still leads to its customer."""


@dataclass(frozen=True, slots=True)
class DynamoLastMessages:
    """The last messages of all workspaces. `secret_of` returns the secret key of a workspace, with which addresses are hashed."""

    table: Table
    secret_of: Callable[[str], bytes]
    listed: set[tuple[str, str]] = field(default_factory=set)
    """The channels and workspaces that this instance has listed: each is written once."""

    def remember(self, workspace: str, channel: str, address: str, message: str, now: datetime) -> None:
        """Stores that this message, sent at this time, was the last one to an address. A repeat or an earlier one changes nothing."""
        if (channel, workspace) not in self.listed:
            self.table.put({"workspace": _senders(channel), "row": workspace})
            self.listed.add((channel, workspace))
        row = {"message": message, "at": iso(now), "expires": expiry(now, LAST_MESSAGE_KEPT)}
        # The record of a settled message may come again, after that of a later one to the same number.
        self.table.put_if(
            {**self._key(workspace, channel, address), **row},
            ConditionExpression="attribute_not_exists(#at) OR #at < :at",
            ExpressionAttributeNames={"#at": "at"},
            ExpressionAttributeValues={":at": row["at"]},
        )

    def of(self, channel: str, address: str) -> dict[str, str | None]:
        """The id of the last message to an address, by each workspace that sends on the channel; None where it sent none to the address."""
        listed = self.table.query_all("workspace = :senders", {":senders": _senders(channel)}, ConsistentRead=True)
        keys = {item["row"]: self._key(item["row"], channel, address) for item in listed}
        found = {item["workspace"]: str(item["message"]) for item in self.table.get_many(list(keys.values()))}
        return {workspace: found.get(workspace) for workspace in keys}

    def _key(self, workspace: str, channel: str, address: str) -> Item:
        return {"workspace": workspace, "row": f"last/{channel}/{address_hash(workspace, channel, address, self.secret_of)}"}


def _senders(channel: str) -> str:
    """The partition of the workspaces that send on a channel. No id of a workspace begins with this."""
    return f"senders/{channel}"
