"""Dead letters in a table of their own, because SQS cannot list or filter records and cannot keep workspaces apart."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from waypost.adapters.dynamodb.items import Item, expiry
from waypost.adapters.dynamodb.json_attributes import compress, decompress
from waypost.adapters.dynamodb.table import Table
from waypost.domain.dead_letters import KEPT_DAYS, Parked
from waypost.domain.values.wire_time import instant


@dataclass(frozen=True, slots=True)
class DynamoDeadLetters:
    """The dead letters of all workspaces: signals that could not be processed, and messages that failed."""

    table: Table

    def park(self, parked: Parked) -> None:
        """Stores a dead letter for 30 days. Storing it a second time changes nothing."""
        self.table.put(
            {
                **key(parked.workspace, parked.position),
                "kind": parked.kind,
                "body": compress(parked.body),
                "reason": parked.reason,
                "expires": expiry(parked.parked_at, timedelta(days=KEPT_DAYS)),
            }
        )

    def get(self, workspace: str, position: str) -> Parked | None:
        """The dead letter at this position, or None."""
        item = self.table.get(key(workspace, position))
        return from_item(item) if item else None

    def remove(self, parked: Parked) -> None:
        """Deletes a dead letter after its record was sent to its queue again."""
        self.table.delete(key(parked.workspace, parked.position))

    def discard(self, workspace: str, position: str) -> bool:
        """Deletes the dead letter at this position, and its record with it. False if there is none."""
        return self.table.delete_existing(key(workspace, position))

    def count(self, workspace: str, *, limit: int) -> tuple[int, bool]:
        """How many dead letters the workspace has, counted in one call up to `limit`, and whether that is only a lower bound."""
        return self.table.count("workspace = :workspace", {":workspace": workspace}, limit=limit)

    def page(self, workspace: str, *, limit: int, before: str | None = None) -> tuple[list[Parked], str | None]:
        """At most `limit` dead letters at positions before this one, newest first, and the position to go on from (None: no more)."""
        items, last = self.table.query_newest(("workspace", workspace), limit=limit, before=before)
        return [from_item(item) for item in items], last["at"] if last else None

    def oldest(self, workspace: str, *, limit: int, after: str | None = None) -> tuple[list[Parked], str | None]:
        """At most `limit` dead letters at positions after this one, oldest first, and the position to go on from (None: no more)."""
        items, last = self.table.query(
            "workspace = :workspace AND #at > :after",
            {":workspace": workspace, ":after": after or "0"},  # all positions begin with a year, and so are above "0"
            ExpressionAttributeNames={"#at": "at"},
            Limit=limit,
        )
        return [from_item(item) for item in items], last["at"] if last else None


def key(workspace: str, position: str) -> Item:
    """The key of the dead letter at this position (`<time>#<id of the signal or message>`)."""
    return {"workspace": workspace, "at": position}


def from_item(item: Item) -> Parked:
    """The dead letter in a row."""
    at, _, subject = item["at"].partition("#")
    return Parked(item["workspace"], item["kind"], subject, decompress(item["body"]), item["reason"], instant(at))
