"""Removing what a customer has left behind: each method takes one kind of thing, and doing it again finds nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from waypost.adapters.dynamodb import dead, events, messages, rejected
from waypost.adapters.dynamodb.packing import unpacked
from waypost.adapters.dynamodb.table import Item, Table
from waypost.domain import json
from waypost.domain.times import iso

AT_ONCE: Final = 100
GATES_KEPT: Final = timedelta(days=15)
"""Longer than any queue holds a signal: until then the gate tells late signals that their customer is gone."""


@dataclass(frozen=True, slots=True)
class DynamoErasure:
    """The tables that hold anything of a customer, beside the customers table."""

    runs: Table
    messages: Table
    events: Table
    dead: Table

    def close(self, workspace: str, customer: str, at: datetime) -> None:
        """Closes the gate of an erased customer for good: whoever is about to save a change of it is too late."""
        self.runs.update(
            {"customer": f"{workspace}#{customer}", "row": "#"},
            UpdateExpression="SET erased = if_not_exists(erased, :at), expires = :e REMOVE owed, #to ADD version :one",
            ExpressionAttributeNames={"#to": "to"},
            ExpressionAttributeValues={":at": iso(at), ":e": int((at + GATES_KEPT).timestamp()), ":one": 1},
        )

    def remove_runs(self, workspace: str, customer: str) -> int:
        """Removes all runs, earlier ones too; how many."""
        rows = self.runs.query_all(
            "customer = :c AND #row > :gate",
            {":c": f"{workspace}#{customer}", ":gate": "#"},
            ExpressionAttributeNames={"#row": "row"},
            ConsistentRead=True,
        )
        return _removed(self.runs, [{"customer": row["customer"], "row": row["row"]} for row in rows])

    def remove_messages(self, workspace: str, customer: str) -> int:
        """Removes all messages with what was rendered for them; how many."""
        rows = self.messages.query_all("customer = :c", {":c": f"{workspace}#{customer}"}, IndexName="byCustomer")
        names = [row["id"].partition("#")[2] for row in rows]
        _removed(self.messages, [messages.rendered_key(workspace, name) for name in names])
        return _removed(self.messages, [messages.key(workspace, name) for name in names])

    def remove_events(self, workspace: str, customer: str) -> int:
        """Removes the pages of the log with the receipts of their events; how many events."""
        count = 0
        for page in self.events.query_all("id = :id", {":id": events.page_id(workspace, customer)}, ConsistentRead=True):
            uuids = [event["uuid"] for event in unpacked(page["events"])]
            count += _removed(self.events, [events.key(workspace, uuid) for uuid in dict.fromkeys(uuids)])
            self.events.delete({"id": page["id"], "at": page["at"]})
        return count

    def remove_rejected(self, workspace: str, identifiers: Collection[str], now: datetime) -> int:
        """Removes refused events that name the customer by any of its ids; how many."""
        days = [(now - timedelta(days=back)).date() for back in range(rejected.KEPT.days + 1)]
        rows = (row for day in days for row in self.events.query_all("id = :id", {":id": rejected.day_id(workspace, day)}))
        found = [{"id": row["id"], "at": row["at"]} for row in rows if "json" in row and _names(json.loads(row["json"]), identifiers)]
        return _removed(self.events, found)

    def remove_parked(self, workspace: str, customers: Collection[str], identifiers: Collection[str]) -> int:
        """Removes parked signals and messages of the customer; how many."""
        rows = self.dead.query_all("workspace = :w", {":w": workspace}, ConsistentRead=True)
        names = {*customers, *identifiers}
        found = [row for row in rows if _mentions(dead.parked_of(row).body, names)]
        return _removed(self.dead, [{"workspace": row["workspace"], "at": row["at"]} for row in found])


def _removed(table: Table, keys: Sequence[Item]) -> int:
    table.delete_many(keys)
    return len(keys)


def _names(kept: Item, identifiers: Collection[str]) -> bool:
    return any(text in identifiers for text in _texts(kept.get("raw")))


def _mentions(body: str, names: Collection[str]) -> bool:
    try:
        return any(text in names for text in _texts(json.loads(body)))
    except ValueError:
        return False


def _texts(value: object) -> Iterator[str]:
    """All texts in a JSON value, as ids are compared."""
    if isinstance(value, str):
        yield value.strip()
        yield value.strip().lower()
    elif isinstance(value, dict | list):
        inner: Iterable[object] = value.values() if isinstance(value, dict) else value
        for each in inner:
            yield from _texts(each)
