"""The erasure of what is stored about a customer outside the customers table (docs/architecture.md#erasure)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from waypost.adapters.dynamodb import dead_letters, events, message_items, rejected_events
from waypost.adapters.dynamodb.items import Item, expiry
from waypost.adapters.dynamodb.json_attributes import json_from_attribute
from waypost.adapters.dynamodb.run_items import PENDING_EFFECTS, VERSION_ROW, partition_key
from waypost.adapters.dynamodb.table import Table
from waypost.domain.dead_letters import Parked
from waypost.domain.values import exact_json
from waypost.domain.values.wire_time import iso

_PAGE: Final = 100

VERSION_ROW_KEPT: Final = timedelta(days=15)
"""How long the version row of an erased customer is kept: longer than the 14 days that SQS keeps a signal of this customer."""


@dataclass(frozen=True, slots=True)
class DynamoCustomerData:
    """The tables that hold data of customers, besides the customers table.

    Each method but `block_writes` deletes data of one kind and returns how much it found, so that a caller repeats it until it returns 0.
    """

    runs: Table
    messages: Table
    events: Table
    dead: Table

    def block_writes(self, workspace: str, customer: str, at: datetime) -> None:
        """Makes every change of the runs of an erased customer fail that was decided before this call, and cancels pending effects."""
        # Raising the version is enough for that: a transaction requires the version that its worker has read. The row must outlive the
        # erasure. If it were deleted with the runs, a worker that has found no row before it could still save a first change.
        self.runs.update(
            {"customer": partition_key(workspace, customer), "row": VERSION_ROW},
            UpdateExpression=f"SET erased = if_not_exists(erased, :at), expires = :e REMOVE {PENDING_EFFECTS}, #to ADD version :one",
            ExpressionAttributeNames={"#to": "to"},
            ExpressionAttributeValues={":at": iso(at), ":e": expiry(at, VERSION_ROW_KEPT), ":one": 1},
        )

    def remove_runs(self, workspace: str, customer: str) -> int:
        """Deletes at most 100 runs, past ones included, and returns how many. The version row stays."""
        items, _ = self.runs.query(
            "customer = :c AND #row > :version",
            {":c": partition_key(workspace, customer), ":version": VERSION_ROW},
            ExpressionAttributeNames={"#row": "row"},
            ConsistentRead=True,
            Limit=_PAGE,
        )
        return _delete(self.runs, [_pick(item, "customer", "row") for item in items])

    def remove_messages(self, workspace: str, customer: str) -> int:
        """Deletes the messages with their rendered contents, and returns how many messages there were."""
        # The index shows deleted rows for some moments. Only what the table itself still holds is counted, or the caller would go on.
        ids = self._message_ids(workspace, customer)
        stored = [_pick(item, "id") for item in self.messages.get_many([message_items.key_of(workspace, each) for each in ids])]
        _delete(self.messages, [message_items.rendered_key(workspace, each) for each in ids])
        return _delete(self.messages, stored)

    def remove_events(self, workspace: str, customer: str) -> int:
        """Deletes at most 100 pages of the event log with the receipts of their events, and returns the number of events."""
        # Receipts go first, because only the pages list them: after a crash in between, the next call finds the pages again.
        pages, _ = self.events.query("id = :id", {":id": events.page_partition(workspace, customer)}, ConsistentRead=True, Limit=_PAGE)
        uuids = dict.fromkeys(event["uuid"] for page in pages for event in json_from_attribute(page["events"]))
        _delete(self.events, [events.receipt_key(workspace, uuid) for uuid in uuids])
        _delete(self.events, [_pick(page, "id", "at") for page in pages])
        return len(uuids)

    def remove_rejected(self, workspace: str, identifiers: Collection[str], now: datetime) -> int:
        """Deletes the rejected events that name one of these identifiers, and returns how many. It reads those of the whole workspace."""
        days = [(now - timedelta(days=back)).date() for back in range(rejected_events.KEPT.days + 1)]
        partitions = [rejected_events.day_partition(workspace, day) for day in days]
        items = (item for partition in partitions for item in self.events.query_all("id = :id", {":id": partition}))
        found = [item for item in items if "json" in item and _names_any(exact_json.loads(item["json"]).get("raw"), identifiers)]
        return _delete(self.events, [_pick(item, "id", "at") for item in found])

    def remove_parked(self, workspace: str, customers: Collection[str], identifiers: Collection[str]) -> int:
        """Deletes the dead letters about these customers or identifiers, and returns how many.

        It must be called before `remove_messages`: dead letters of the send queue name a message, and only its row names the customer.
        """
        subjects = {*customers, *(each for customer in customers for each in self._message_ids(workspace, customer))}
        items = self.dead.query_all("workspace = :w", {":w": workspace}, ConsistentRead=True)
        found = [item for item in items if _is_about(dead_letters.from_item(item), subjects, identifiers)]
        return _delete(self.dead, [_pick(item, "workspace", "at") for item in found])

    def _message_ids(self, workspace: str, customer: str) -> list[str]:
        items = self.messages.query_all("customer = :c", {":c": partition_key(workspace, customer)}, IndexName="byCustomer")
        return [item["id"].partition("#")[2] for item in items]


def _delete(table: Table, keys: Sequence[Item]) -> int:
    table.delete_many(keys)
    return len(keys)


def _pick(item: Item, *names: str) -> Item:
    """The attributes of these names: the key of a row."""
    return {name: item[name] for name in names}


def _names_any(raw: Any, identifiers: Collection[str]) -> bool:
    """Whether a rejected event names one of these identifiers in any of the places where events name customers.

    It was rejected, so it may be any JSON value. Identifiers compare as they were given and in lower case.
    """
    if not isinstance(raw, dict):
        return False
    payload = raw.get("payload")
    values = [raw.get("correlationValue")]
    values += [payload.get(name) for name in ("distinct_id", "$anon_distinct_id")] if isinstance(payload, dict) else []
    texts = [str(each[0] if isinstance(each, list) and each else each).strip() for each in values]
    return any(text in identifiers or text.lower() in identifiers for text in texts)


def _is_about(parked: Parked, subjects: Collection[str], identifiers: Collection[str]) -> bool:
    """Whether a dead letter is one of these messages, or a signal of one of these customers or with events of these identifiers."""
    if parked.subject in subjects:
        return True
    try:
        signal = exact_json.loads(parked.body)
    except ValueError:
        return False
    if not isinstance(signal, dict):
        return False
    named = {event["id"][1] for event in signal.get("events", ())}
    return signal.get("customer") in subjects or not named.isdisjoint(identifiers)
