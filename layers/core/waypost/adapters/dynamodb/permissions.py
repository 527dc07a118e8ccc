"""What the sender reads between claim and call: rows of two tables in one call. And the opt-outs that outlive an erasure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from waypost.adapters.dynamodb.address_rows import address_hash, address_row_key, is_suppression
from waypost.adapters.dynamodb.customer_items import from_item, key_of
from waypost.adapters.dynamodb.items import Item
from waypost.adapters.dynamodb.table import Table, get_from_tables
from waypost.domain.customers.rows import RowKey
from waypost.domain.messages.permission import Permission
from waypost.domain.values.wire_time import instant, iso

_OPT_OUTS: Final = "optOuts"
"""The attribute of an address row with a map of topics to times."""


@dataclass(frozen=True, slots=True)
class DynamoPermissions:
    """Whether messages may be sent. `secret_of` returns the secret key of a workspace, with which personal addresses are hashed."""

    customers: Table
    workspaces: Table
    secret_of: Callable[[str], bytes]

    def of(self, workspace: str, channel: str, address: str, main_row: RowKey) -> Permission:
        """What the main row of a customer and the row of an address say, read with strong consistency in one call."""
        address_key = address_row_key(workspace, channel, address_hash(workspace, channel, address, self.secret_of))
        found = get_from_tables({self.customers: [key_of(main_row)], self.workspaces: [address_key]})
        row = next((from_item(workspace, item) for item in found[self.customers]), None)
        about_address: Item = next(iter(found[self.workspaces]), {})
        return Permission(
            suppressed=bool(about_address) and is_suppression(about_address),
            opt_outs={topic: instant(at) for topic, at in about_address.get(_OPT_OUTS, {}).items()},
            facts=row.facts if row else {},
            erasing=row is None or row.erasing,
            moved=row is not None and row.linked_to is not None,
        )


@dataclass(frozen=True, slots=True)
class DynamoOptOuts:
    """The topics from which the customers of addresses had unsubscribed when they were erased."""

    workspaces: Table
    secret_of: Callable[[str], bytes]

    def add(self, workspace: str, channel: str, address: str, topics: Mapping[str, datetime]) -> None:
        """Stores opt-outs of an address; a repeat changes nothing."""
        self.add_by_hash(workspace, channel, address_hash(workspace, channel, address, self.secret_of), topics)

    def add_by_hash(self, workspace: str, channel: str, hashed: str, topics: Mapping[str, datetime]) -> None:
        """The same, by the hash of the address."""
        key = address_row_key(workspace, channel, hashed)
        # Two updates: one expression cannot create the map and set a part of it. Each is harmless when it is repeated.
        self.workspaces.update(
            key,
            UpdateExpression=f"SET {_OPT_OUTS} = if_not_exists({_OPT_OUTS}, :empty)",
            ExpressionAttributeValues={":empty": {}},
        )
        for topic, at in topics.items():
            self.workspaces.update_if(
                key,
                UpdateExpression=f"SET {_OPT_OUTS}.#topic = :at",
                ConditionExpression=f"attribute_not_exists({_OPT_OUTS}.#topic) OR {_OPT_OUTS}.#topic < :at",
                ExpressionAttributeNames={"#topic": topic},
                ExpressionAttributeValues={":at": iso(at)},
            )
