"""Removing what a customer has left behind: each method takes one kind of thing, and doing it again finds nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from waypost.adapters.dynamodb import dead_letters, events, messages, rejected_events
from waypost.adapters.dynamodb.packing import unpacked
from waypost.adapters.dynamodb.table import Item, Table
from waypost.domain.dead_letters import Parked
from waypost.domain.values import exact_json
from waypost.domain.values.wire_time import iso

AT_ONCE: Final = 100
VERSION_ROW_KEPT: Final = timedelta(days=15)
"""Longer than any queue holds a signal: until then the gate tells late signals that their customer is gone."""


@dataclass(frozen=True, slots=True)
class DynamoErasure:
    """The tables that hold anything of a customer, beside the customers table."""

    runs: Table
    messages: Table
    events: Table
    dead: Table

    def block_writes(self, workspace: str, customer: str, at: datetime) -> None:
        """Closes the gate of an erased customer for good: whoever is about to save a change of it is too late."""
        self.runs.update(
            {"customer": f"{workspace}#{customer}", "row": "#"},
            UpdateExpression="SET erased = if_not_exists(erased, :at), expires = :e REMOVE owed, #to ADD version :one",
            ExpressionAttributeNames={"#to": "to"},
            ExpressionAttributeValues={":at": iso(at), ":e": int((at + VERSION_ROW_KEPT).timestamp()), ":one": 1},
        )

    def remove_runs(self, workspace: str, customer: str) -> int:
        """Removes runs, earlier ones too; how many, none once all are gone."""
        rows, _ = self.runs.query(
            "customer = :c AND #row > :gate",
            {":c": f"{workspace}#{customer}", ":gate": "#"},
            ExpressionAttributeNames={"#row": "row"},
            ConsistentRead=True,
            Limit=AT_ONCE,
        )
        return _removed(self.runs, [{"customer": row["customer"], "row": row["row"]} for row in rows])

    def remove_messages(self, workspace: str, customer: str) -> int:
        """Removes messages with what was rendered for them; how many, none once all are gone (the index lags, the table does not)."""
        names = self._message_names(workspace, customer)
        there = [{"id": row["id"]} for row in self.messages.get_many([messages.key(workspace, name) for name in names])]
        _removed(self.messages, [messages.rendered_key(workspace, name) for name in names])
        return _removed(self.messages, there)

    def remove_events(self, workspace: str, customer: str) -> int:
        """Removes pages of the log with the receipts of their events; how many events, none once all are gone."""
        pages, _ = self.events.query("id = :id", {":id": events.page_id(workspace, customer)}, ConsistentRead=True, Limit=AT_ONCE)
        uuids = dict.fromkeys(event["uuid"] for page in pages for event in unpacked(page["events"]))
        _removed(self.events, [events.key(workspace, uuid) for uuid in uuids])
        _removed(self.events, [{"id": page["id"], "at": page["at"]} for page in pages])
        return len(uuids)

    def remove_rejected(self, workspace: str, identifiers: Collection[str], now: datetime) -> int:
        """Removes refused events that name the customer by any of its ids; how many."""
        days = [(now - timedelta(days=back)).date() for back in range(rejected_events.KEPT.days + 1)]
        rows = (row for day in days for row in self.events.query_all("id = :id", {":id": rejected_events.day_id(workspace, day)}))
        found = [{"id": row["id"], "at": row["at"]} for row in rows if "json" in row and _names(exact_json.loads(row["json"]), identifiers)]
        return _removed(self.events, found)

    def remove_parked(self, workspace: str, customers: Collection[str], identifiers: Collection[str]) -> int:
        """Removes parked signals and messages of the customer; how many. Its messages must still be there."""
        owned = {*customers, *(name for each in customers for name in self._message_names(workspace, each))}
        rows = self.dead.query_all("workspace = :w", {":w": workspace}, ConsistentRead=True)
        found = [row for row in rows if _is_about(dead_letters.parked_of(row), owned, identifiers)]
        return _removed(self.dead, [{"workspace": row["workspace"], "at": row["at"]} for row in found])

    def _message_names(self, workspace: str, customer: str) -> list[str]:
        rows = self.messages.query_all("customer = :c", {":c": f"{workspace}#{customer}"}, IndexName="byCustomer")
        return [row["id"].partition("#")[2] for row in rows]


def _removed(table: Table, keys: Sequence[Item]) -> int:
    table.delete_many(keys)
    return len(keys)


def _names(kept: Item, identifiers: Collection[str]) -> bool:
    """Whether a refused event names one of these ids in any of the places where events name customers."""
    raw = kept.get("raw")
    payload = raw.get("payload") if isinstance(raw, dict) else None
    said = [raw.get("correlationValue") if isinstance(raw, dict) else None]
    said += [payload.get(name) for name in ("distinct_id", "$anon_distinct_id")] if isinstance(payload, dict) else []
    texts = [str(each[0] if isinstance(each, list) and each else each).strip() for each in said]
    return any(text in identifiers or text.lower() in identifiers for text in texts)


def _is_about(parked: Parked, owned: Collection[str], identifiers: Collection[str]) -> bool:
    """Whether a parked record is one of these messages, or a signal of one of these customers or about one of these ids."""
    if parked.subject in owned:
        return True
    try:
        wire = exact_json.loads(parked.body)
    except ValueError:
        return False
    named = {event["id"][1] for event in wire.get("events", ())} if isinstance(wire, dict) else set()
    return isinstance(wire, dict) and (wire.get("customer") in owned or not named.isdisjoint(identifiers))
