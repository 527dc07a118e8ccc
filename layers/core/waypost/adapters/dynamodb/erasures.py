"""Erasures in the runs table: their state in the version row of the customer, and a row for each of their subjects.

The rows of the subjects hold identifiers in plain text. They exist from the request to the end of the second pass.
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
from waypost.domain.customers.erasure import ErasureStatus, ErasureSubjects
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.values.generated_ids import key_part
from waypost.domain.values.wire_time import instant, iso

VERSION_ROW_KEPT: Final = timedelta(days=15)
"""How long the version row of an erased customer is kept: longer than the 14 days that SQS keeps a signal of this customer."""

SUBJECTS: Final = "~~"
"""The prefix of the sort keys of subjects. It is above the sort keys of all runs."""

_STATE: Final = "erasure"


@dataclass(frozen=True, slots=True)
class DynamoErasures:
    """The erasures of all customers."""

    runs: Table

    def block(self, workspace: str, customer: str, at: datetime) -> None:
        """Makes every change of the runs of an erased customer fail, whenever it was decided, and cancels pending effects."""
        # Every commit requires the version that its worker has read and that there is no mark of an erasure. The row must outlive the
        # erasure. If it were deleted with the runs, a worker that has found no row before it could still save a first change.
        self._update(
            workspace,
            customer,
            f"SET {ERASED} = if_not_exists({ERASED}, :at), expires = :e REMOVE {PENDING_EFFECTS}, #to ADD version :one",
            {":at": iso(at), ":e": expiry(at, VERSION_ROW_KEPT), ":one": 1},
            {"#to": "to"},
        )

    def begin(self, workspace: str, customer: str, at: datetime) -> datetime:
        """Marks that an erasure of this customer has begun, and returns its time: that of the first call."""
        self.block(workspace, customer, at)
        item = self._update(workspace, customer, f"SET {_STATE} = if_not_exists({_STATE}, :begun)", {":begun": "begun"})
        return instant(item[ERASED])

    def status(self, workspace: str, customer: str) -> ErasureStatus | None:
        """How far the erasure of a customer is; None if there is none, or if it was completed more than 15 days ago."""
        items, _ = self.runs.query(
            "customer = :c AND #row = :version",
            {":c": partition_key(workspace, customer), ":version": VERSION_ROW},
            ExpressionAttributeNames={"#row": "row"},
            ConsistentRead=True,
        )
        if not items or _STATE not in items[0]:
            return None
        state = items[0][_STATE]
        second_pass_at = None if state in ("begun", "complete") else instant(state)
        return ErasureStatus(instant(items[0][ERASED]), second_pass_at, state == "complete")

    def schedule_second_pass(self, workspace: str, customer: str, at: datetime) -> None:
        """Stores the time of the second pass. A repeat keeps the first time."""
        self.runs.update_if(
            {"customer": partition_key(workspace, customer), "row": VERSION_ROW},
            UpdateExpression=f"SET {_STATE} = :at",
            ConditionExpression=f"{_STATE} = :begun",
            ExpressionAttributeValues={":at": iso(at), ":begun": "begun"},
        )

    def complete(self, workspace: str, customer: str) -> None:
        """Deletes the subjects, and then stores that the erasure is complete."""
        rows = [{"customer": item["customer"], "row": item["row"]} for item in self._subject_items(workspace, customer)]
        self.runs.delete_many(rows)
        self._update(workspace, customer, f"SET {_STATE} = :complete", {":complete": "complete"})

    def add(self, workspace: str, customer: str, subjects: ErasureSubjects, at: datetime) -> None:
        """Adds to what the erasure of a customer has to remember."""
        rows = [("id", each, each) for each in subjects.ids]
        rows += [(each.kind, key_part(each.value), each.value) for each in subjects.identifiers]
        rows += [("message", each, each) for each in subjects.messages]
        rows += [("timer", each, each) for each in subjects.timers]
        self.runs.put_many(
            [
                {
                    "customer": partition_key(workspace, customer),
                    "row": f"{SUBJECTS}{kind}/{part}",
                    "subject": value,
                    "expires": expiry(at, VERSION_ROW_KEPT),
                }
                for kind, part, value in rows
            ]
        )

    def subjects(self, workspace: str, customer: str) -> ErasureSubjects:
        """Everything that the erasure of a customer has to remember."""
        found: dict[str, set[str]] = defaultdict(set)
        for item in self._subject_items(workspace, customer):
            found[item["row"].removeprefix(SUBJECTS).partition("/")[0]].add(item["subject"])
        identifiers = [Identifier("correlation", each) for each in found["correlation"]]
        identifiers += [Identifier("primary", each) for each in found["primary"]]
        return ErasureSubjects(frozenset(found["id"]), frozenset(identifiers), frozenset(found["message"]), frozenset(found["timer"]))

    def _subject_items(self, workspace: str, customer: str) -> Iterator[Item]:
        return self.runs.query_all(
            "customer = :c AND #row > :subjects",
            {":c": partition_key(workspace, customer), ":subjects": SUBJECTS},
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
