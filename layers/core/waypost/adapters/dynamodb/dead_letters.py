"""Parked signals and messages: SQS cannot list, filter, or keep tenants apart, so what was given up on lies in a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from waypost.adapters.dynamodb.packing import compressed, expanded
from waypost.adapters.dynamodb.table import Item, Table
from waypost.domain.dead_letters import KEPT_DAYS, Parked
from waypost.domain.values.wire_time import instant


@dataclass(frozen=True, slots=True)
class DynamoDeadLetters:
    """The parked records of all workspaces."""

    table: Table

    def park(self, parked: Parked) -> None:
        """Keeps a record for 30 days; the same one twice is kept once."""
        self.table.put(_item(parked))

    def get(self, workspace: str, position: str) -> Parked | None:
        """The record at this position, or None."""
        row = self.table.get({"workspace": workspace, "at": position})
        return parked_of(row) if row else None

    def remove(self, parked: Parked) -> None:
        """Forgets a record, once it is back on its queue."""
        self.table.delete({"workspace": parked.workspace, "at": parked.position})

    def page(self, workspace: str, *, limit: int, before: str | None = None) -> tuple[list[Parked], str | None]:
        """At most `limit` records, newest first, and the position to go on from."""
        rows, last = self.table.query(
            "#workspace = :workspace AND #at < :before" if before else "#workspace = :workspace",
            {":workspace": workspace, ":before": before},
            ExpressionAttributeNames={"#workspace": "workspace"} | ({"#at": "at"} if before else {}),
            ScanIndexForward=False,
            Limit=limit,
        )
        return [parked_of(row) for row in rows], last["at"] if last else None


def _item(parked: Parked) -> Item:
    return {
        "workspace": parked.workspace,
        "at": parked.position,
        "kind": parked.kind,
        "body": compressed(parked.body),
        "reason": parked.reason,
        "expires": int((parked.parked_at + timedelta(days=KEPT_DAYS)).timestamp()),
    }


def parked_of(row: Mapping[str, Any]) -> Parked:
    """The record in a row."""
    at, _, subject = row["at"].partition("#")
    return Parked(row["workspace"], row["kind"], subject, expanded(row["body"]), row["reason"], instant(at))
