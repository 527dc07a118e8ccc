"""Erasures in the runs table: their state in the version row of the customer, and a row for each part of their scope.

The rows of the scope hold identifiers in plain text. They exist from the request to the end of the second pass.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from waypost.adapters.dynamodb.items import Item, expiry
from waypost.adapters.dynamodb.run_items import ERASED, PENDING_EFFECTS, VERSION_ROW, partition_key
from waypost.adapters.dynamodb.table import Table
from waypost.domain.customers.erasure import ErasureScope, ErasureStatus
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.values.generated_ids import key_part
from waypost.domain.values.wire_time import instant, iso

VERSION_ROW_KEPT: Final = timedelta(days=15)
"""How long the version row of an erased customer is kept: longer than the 14 days that SQS keeps a signal of this customer."""

SCOPE: Final = "~~"
"""The prefix of the sort keys of the scope. It is above the sort keys of all runs."""

_STATE: Final = "erasure"

_ERASED_AS: Final = "erasedAs"
"""The attribute of the version row of a merged customer: the id of the customer with which it is erased."""

_POSITION: Final = "position"


@dataclass(frozen=True, slots=True)
class DynamoErasures:
    """The erasures of all customers."""

    runs: Table

    def block(self, workspace: str, customer: str, erased: str, at: datetime) -> None:
        """Makes every change of the runs under an id of the `erased` customer fail, whenever it was decided; cancels pending effects."""
        # Every commit requires the version that its worker has read and that there is no mark of an erasure. The row must outlive the
        # erasure. If it were deleted with the runs, a worker that has found no row before it could still save a first change.
        # Only the rows of the customer name its merged ids. When they are gone, the erasure is found by a merged id through this attribute.
        merged = f", {_ERASED_AS} = :erased" if customer != erased else ""
        self._update(
            workspace,
            customer,
            f"SET {ERASED} = if_not_exists({ERASED}, :at), expires = :e{merged} REMOVE {PENDING_EFFECTS}, #to ADD version :one",
            {":at": iso(at), ":e": expiry(at, VERSION_ROW_KEPT), ":one": 1} | ({":erased": erased} if merged else {}),
            {"#to": "to"},
        )

    def begin(self, workspace: str, customer: str, at: datetime) -> datetime:
        """Marks that an erasure of this customer has begun, and returns its time: that of the first call."""
        self.block(workspace, customer, customer, at)
        item = self._update(workspace, customer, f"SET {_STATE} = if_not_exists({_STATE}, :begun)", {":begun": "begun"})
        return instant(item[ERASED])

    def status(self, workspace: str, customer: str) -> ErasureStatus | None:
        """How far the erasure of a customer is, or of the one into which this one was merged.

        None if there is none, or if it was completed more than 15 days ago.
        """
        item = self._read(workspace, customer, VERSION_ROW) or {}
        if _STATE not in item and _ERASED_AS in item:
            customer = item[_ERASED_AS]
            item = self._read(workspace, customer, VERSION_ROW) or {}
        if _STATE not in item:
            return None
        state = item[_STATE]
        second_pass_at = None if state in ("begun", "complete") else instant(state)
        return ErasureStatus(customer, instant(item[ERASED]), second_pass_at, state == "complete")

    def schedule_second_pass(self, workspace: str, customer: str, at: datetime) -> None:
        """Stores the time of the second pass. A repeat keeps the first time."""
        self.runs.update_if(
            {"customer": partition_key(workspace, customer), "row": VERSION_ROW},
            UpdateExpression=f"SET {_STATE} = :at",
            ConditionExpression=f"{_STATE} = :begun",
            ExpressionAttributeValues={":at": iso(at), ":begun": "begun"},
        )

    def complete(self, workspace: str, customer: str) -> None:
        """Deletes the scope and the positions, and then stores that the erasure is complete."""
        rows = [{"customer": item["customer"], "row": item["row"]} for item in self._scope_items(workspace, customer)]
        self.runs.delete_many(rows)
        self._update(workspace, customer, f"SET {_STATE} = :complete", {":complete": "complete"})

    def add(self, workspace: str, customer: str, scope: ErasureScope, at: datetime) -> None:
        """Adds to the scope of the erasure of a customer."""
        rows = [("id", each, each) for each in scope.ids]
        rows += [(each.kind, key_part(each.value), each.value) for each in scope.identifiers]
        rows += [("message", each, each) for each in scope.messages]
        rows += [("timer", each, each) for each in scope.timers]
        self.runs.put_many([_scope_item(workspace, customer, f"{kind}/{part}", value, at) for kind, part, value in rows])

    def scope(self, workspace: str, customer: str) -> ErasureScope:
        """What the erasure of a customer covers; empty when it is complete."""
        found: dict[str, set[str]] = defaultdict(set)
        for item in self._scope_items(workspace, customer):
            found[item["row"].removeprefix(SCOPE).partition("/")[0]].add(item["subject"])
        identifiers = [Identifier("correlation", each) for each in found["correlation"]]
        identifiers += [Identifier("primary", each) for each in found["primary"]]
        return ErasureScope(frozenset(found["id"]), frozenset(identifiers), frozenset(found["message"]), frozenset(found["timer"]))

    def save_position(self, workspace: str, customer: str, scan: str, position: str, at: datetime) -> None:
        """Stores how far the erasure has read in a scan of this name. The position goes with the scope."""
        self.runs.put_many([_scope_item(workspace, customer, f"{_POSITION}/{scan}", position, at)])

    def position(self, workspace: str, customer: str, scan: str) -> str | None:
        """How far the erasure has read in a scan of this name; None if it has not begun."""
        item = self._read(workspace, customer, f"{SCOPE}{_POSITION}/{scan}")
        return item["subject"] if item else None

    def _read(self, workspace: str, customer: str, row: str) -> Item | None:
        items, _ = self.runs.query(
            "customer = :c AND #row = :row",
            {":c": partition_key(workspace, customer), ":row": row},
            ExpressionAttributeNames={"#row": "row"},
            ConsistentRead=True,
        )
        return items[0] if items else None

    def _scope_items(self, workspace: str, customer: str) -> Iterator[Item]:
        return self.runs.query_all(
            "customer = :c AND #row > :scope",
            {":c": partition_key(workspace, customer), ":scope": SCOPE},
            ExpressionAttributeNames={"#row": "row"},
            ConsistentRead=True,
        )

    def _update(self, workspace: str, customer: str, expression: str, values: Item, names: Item | None = None) -> Item:
        return self.runs.update(
            {"customer": partition_key(workspace, customer), "row": VERSION_ROW},
            UpdateExpression=expression,
            ExpressionAttributeValues=values,
            **({"ExpressionAttributeNames": names} if names else {}),
        )


def _scope_item(workspace: str, customer: str, row: str, value: str, at: datetime) -> Item:
    return {
        "customer": partition_key(workspace, customer),
        "row": f"{SCOPE}{row}",
        "subject": value,
        "expires": expiry(at, VERSION_ROW_KEPT),
    }
