"""The erasure of what is stored about a customer outside the customers table (docs/architecture.md#erasure)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from waypost.adapters.dynamodb import cap_counts, consent_history, dead_letters, events, message_items, rejected_events
from waypost.adapters.dynamodb.erasures import SCOPE
from waypost.adapters.dynamodb.items import Item
from waypost.adapters.dynamodb.json_attributes import json_from_attribute
from waypost.adapters.dynamodb.run_items import partition_key
from waypost.adapters.dynamodb.table import Table
from waypost.domain.customers.erasure import ErasedMessage, ErasureScope
from waypost.domain.dead_letters import Parked
from waypost.domain.values import exact_json

_PAGE: Final = 100

_LOG_PAGES: Final = 10
"""How many pages of the event log one call deletes. Each has the receipts of up to 100 events."""


@dataclass(frozen=True, slots=True)
class DynamoCustomerData:
    """The tables that hold data of customers, besides the customers table.

    Each method that returns a number deletes data of one kind and returns how much it found. A caller repeats it until it returns 0.
    """

    runs: Table
    messages_table: Table
    events: Table
    dead: Table

    def remove_runs(self, workspace: str, customer: str) -> int:
        """Deletes at most 100 runs, past ones included, and returns how many. The version row and the rows of the erasure stay."""
        # Both bounds are included, and no row has one of them as its sort key. "$" follows the "#" of the version row.
        items, _ = self.runs.query(
            "customer = :c AND #row BETWEEN :first AND :last",
            {":c": partition_key(workspace, customer), ":first": "$", ":last": SCOPE},
            ExpressionAttributeNames={"#row": "row"},
            ConsistentRead=True,
            Limit=_PAGE,
        )
        return _delete(self.runs, [_pick(item, "customer", "row") for item in items])

    def messages(self, workspace: str, customer: str) -> list[ErasedMessage]:
        """At most 100 messages that are stored."""
        # The index shows deleted rows for some moments: a page of it with nothing but those does not mean that there are no more.
        for page in self.messages_table.query_pages(
            "customer = :c", {":c": partition_key(workspace, customer)}, IndexName="byCustomer", Limit=_PAGE
        ):
            items = self.messages_table.get_many([_pick(item, "id") for item in page])
            if items:
                return [ErasedMessage(message.id, message.is_settled) for message in map(message_items.from_item, items)]
        return []

    def remove_messages(self, workspace: str, messages: Sequence[str]) -> None:
        """Deletes messages with their rendered contents, whether or not they are stored."""
        self.messages_table.delete_many([message_items.rendered_key(workspace, each) for each in messages])
        self.messages_table.delete_many([message_items.key_of(workspace, each) for each in messages])

    def remove_cap_counts(self, workspace: str, customers: Sequence[str]) -> None:
        """Deletes the rows of the messages that count under caps, whether or not they are stored."""
        self.messages_table.delete_many([cap_counts.counts_key(workspace, each) for each in customers])

    def remove_events(self, workspace: str, customer: str) -> int:
        """Deletes at most 10 pages of the event log and 10 lists of receipts, with the receipts. Returns the number of events."""
        # Receipts go first, because only pages and lists name them: after a crash in between, the next call finds the pages again.
        pages = self._first_rows(events.page_partition(workspace, customer), _LOG_PAGES)
        lists = self._first_rows(events.silent_partition(workspace, customer), _LOG_PAGES)
        uuids = dict.fromkeys(event["uuid"] for page in pages for event in json_from_attribute(page["events"]))
        uuids |= dict.fromkeys(uuid for each in lists for uuid in each["uuids"])
        _delete(self.events, [events.receipt_key(workspace, uuid) for uuid in uuids])
        _delete(self.events, [_pick(row, "id", "at") for row in (*pages, *lists)])
        return len(uuids)

    def remove_consents(self, workspace: str, customer: str) -> int:
        """Deletes at most 100 changes of consent and returns how many."""
        changes = self._first_rows(consent_history.consent_partition(workspace, customer), _PAGE)
        return _delete(self.events, [_pick(row, "id", "at") for row in changes])

    def _first_rows(self, partition: str, limit: int) -> list[Item]:
        """At most `limit` rows of a partition of the events table."""
        items, _ = self.events.query("id = :id", {":id": partition}, ConsistentRead=True, Limit=limit)
        return items

    def remove_rejected(self, workspace: str, identifiers: Collection[str]) -> int:
        """Deletes at most 200 of the rejected events that name one of these identifiers, and returns how many."""
        removed = 0
        for each in sorted({each.lower() for each in identifiers}):
            removed += self._remove_rejected_of(workspace, each)
            if removed >= _PAGE:
                break
        return removed

    def _remove_rejected_of(self, workspace: str, identifier: str) -> int:
        """Deletes at most 100 rejected events that name one identifier."""
        # The references go last: after a crash in between, the next call finds them again.
        references = self._first_rows(rejected_events.reference_partition(workspace, identifier), _PAGE)
        _delete(self.events, [rejected_events.referenced_key(workspace, each["at"]) for each in references])
        return _delete(self.events, [_pick(each, "id", "at") for each in references])

    def remove_parked(self, workspace: str, scope: ErasureScope, after: str | None) -> tuple[int, str | None]:
        """Deletes the dead letters in the scope among at most 100 after a position, oldest first, and those of messages of its customers.

        Returns how many were deleted, and the position to go on from (None: there are no more). It must be called before `remove_messages`:
        dead letters of the send queue name a message, and only its row names the customer.
        """
        page, _ = self.dead.query(
            "workspace = :w AND #at > :after" if after else "workspace = :w",
            {":w": workspace} | ({":after": after} if after else {}),
            ConsistentRead=True,
            Limit=_PAGE,
            **({"ExpressionAttributeNames": {"#at": "at"}} if after else {}),
        )
        if not page:
            return 0, None
        partitions = {partition_key(workspace, each) for each in scope.ids}
        parked = {item["at"]: dead_letters.from_item(item) for item in page}
        subjects = {each.subject for each in parked.values() if each.kind == "message"}
        rows = self.messages_table.get_many([message_items.key_of(workspace, each) for each in sorted(subjects)])
        about = {*scope.ids, *scope.messages, *(message_items.id_in(row["at"]) for row in rows if row["customer"] in partitions)}
        found = [item for item in page if _is_about(parked[item["at"]], about, scope.texts)]
        self._remove_receipts_in([parked[item["at"]] for item in found], scope.ids)
        return _delete(self.dead, [_pick(item, "workspace", "at") for item in found]), page[-1]["at"]

    def _remove_receipts_in(self, found: Sequence[Parked], customers: Collection[str]) -> None:
        """Deletes the receipts of these customers for events in dead letters."""
        # A signal whose first delivery saved a receipt, and which never came as far as its page, is the only row that lists the receipt.
        uuids = {(each.workspace, event["uuid"]) for each in found for event in _signal_in(each).get("events", ()) if "uuid" in event}
        receipts = self.events.get_many([events.receipt_key(workspace, uuid) for workspace, uuid in sorted(uuids)])
        _delete(self.events, [_pick(item, "id", "at") for item in receipts if item["customer"] in customers])


def _delete(table: Table, keys: Sequence[Item]) -> int:
    table.delete_many(keys)
    return len(keys)


def _pick(item: Item, *names: str) -> Item:
    """The attributes of these names: the key of a row."""
    return {name: item[name] for name in names}


def _signal_in(parked: Parked) -> dict[str, Any]:
    """The JSON object in a dead letter, empty if there is none."""
    try:
        signal = exact_json.loads(parked.body)
    except ValueError:
        return {}
    return signal if isinstance(signal, dict) else {}


def _is_about(parked: Parked, subjects: Collection[str], identifiers: Collection[str]) -> bool:
    """Whether a dead letter is one of these messages, or a signal of one of these customers or with events of these identifiers."""
    if parked.subject in subjects:
        return True
    signal = _signal_in(parked)
    # An `$identify` names more identifiers than the one that it is filed under, and other signals name one for a strongly consistent read.
    named = [signal.get("primary"), *(signal.get(key, ("", ""))[1] for key in ("knownAs", "known_as"))]
    for event in signal.get("events", ()):
        named += [event["id"][1], *(event.get("naming") or ())]
    return signal.get("customer") in subjects or not {each for each in named if each}.isdisjoint(identifiers)
