"""Opt-outs that are kept with an address, because there is no customer to keep them with (docs/messages.md#the-page)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from waypost.adapters.dynamodb.address_rows import address_row_key
from waypost.adapters.dynamodb.table import Table
from waypost.domain.values.wire_time import iso


@dataclass(frozen=True, slots=True)
class DynamoOptOuts:
    """The opt-outs of all addresses, in the rows of the addresses."""

    table: Table

    def add(self, workspace: str, channel: str, address_hash: str, topics: Sequence[str], at: datetime) -> None:
        """Stores that an address gets no more messages of these topics (`*`: of all). Storing it again changes nothing but the time."""
        # Two calls: a path into a map is an error as long as the map does not exist, and a condition on that would have a third outcome.
        key = address_row_key(workspace, channel, address_hash)
        names, values = {"#optOuts": "optOuts"}, {":at": iso(at)}
        self.table.update(
            key,
            UpdateExpression="SET #optOuts = if_not_exists(#optOuts, :none)",
            ExpressionAttributeNames=names,
            ExpressionAttributeValues={":none": {}},
        )
        self.table.update(
            key,
            UpdateExpression="SET " + ", ".join(f"#optOuts.#topic{place} = :at" for place in range(len(topics))),
            ExpressionAttributeNames={**names, **{f"#topic{place}": topic for place, topic in enumerate(topics)}},
            ExpressionAttributeValues=values,
        )
