"""The runs table: partition key `customer`, sort key `row` (docs/architecture.md#runs).

The rows of a customer are `#` (the version row), `run/...` (runs), `~past/...` (earlier runs of a journey and key), and `~ended/...` (ended
runs of journeys with re-entry keys).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from waypost.adapters.dynamodb import message_items
from waypost.adapters.dynamodb.conditions import if_revision_without
from waypost.adapters.dynamodb.events import DynamoReceipts
from waypost.adapters.dynamodb.items import Item
from waypost.adapters.dynamodb.run_items import (
    ERASED,
    HELD,
    PENDING_EFFECTS,
    VERSION_ROW,
    ended_prefix,
    from_item,
    live_position,
    partition_key,
    run_key,
    run_prefix,
    to_ended_item,
    to_item,
    to_past_item,
    version_row_from_item,
)
from waypost.adapters.dynamodb.table import Table
from waypost.adapters.dynamodb.transactions import transact
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.runs import effects
from waypost.domain.runs.changes import Commit, CommitResult, RunsMerge
from waypost.domain.runs.effects import Effect
from waypost.domain.runs.run import ActiveRunEntry, CustomerRuns, HeldRun, Run, VersionRow

_HELD_PAGE: Final = 100
_RUNS_IN_JOURNEY: Final = 200

# Sort keys are compared byte by byte: "#" < "run/" < "~ended/" < "~past/" < "~~".
_BELOW_PAST_RUNS: Final = "~"
_ABOVE_ALL_ROWS: Final = "~~"


@dataclass(frozen=True, slots=True)
class DynamoRuns:
    """The runs of all customers, and the transactions that save a change of them with all that belongs to it."""

    table: Table
    receipts: DynamoReceipts
    messages: Table

    def get(self, workspace: str, customer: str) -> CustomerRuns:
        """The version row, the active runs, and the latest run of each journey of a customer, read with strong consistency.

        Of a journey with re-entry keys, ended runs leave this result with the customer's next changes (`last_ended`).
        """
        return self._load(workspace, customer, _BELOW_PAST_RUNS)

    def history(self, workspace: str, customer: str) -> CustomerRuns:
        """The same, and all past runs that are still stored."""
        return self._load(workspace, customer, _ABOVE_ALL_ROWS)

    def _load(self, workspace: str, customer: str, below: str) -> CustomerRuns:
        # One query reads the version row and the runs, so that both are of one moment or the version is the older one: then the
        # transaction that relies on it fails. It must be strong. An eventually consistent read could miss the run of a moment ago.
        items = self.table.query_all(
            "customer = :c AND #row < :below",
            {":c": partition_key(workspace, customer), ":below": below},
            ExpressionAttributeNames={"#row": "row"},
            ConsistentRead=True,
        )
        version_row, runs = VersionRow(), []
        for item in items:
            if item["row"] == VERSION_ROW:
                version_row = version_row_from_item(item)
            else:
                runs.append(from_item(item))
        return CustomerRuns(version_row, tuple(runs))

    def in_journey(self, workspace: str, customer: str, journey: str) -> list[Run]:
        """Up to 200 runs of a customer in a journey, read by one query: active ones, and ended ones that `get` returns too."""
        items, _ = self.table.query(
            "customer = :c AND begins_with(#row, :prefix)",
            {":c": partition_key(workspace, customer), ":prefix": run_prefix(journey)},
            ExpressionAttributeNames={"#row": "row"},
            Limit=_RUNS_IN_JOURNEY,
        )
        return [from_item(item) for item in items]

    def last_ended(self, workspace: str, customer: str, journey: str, key: str) -> Run | None:
        """The run of a journey and re-entry key that was entered last, of those that have left the runs of `get`; or None."""
        items, _ = self.table.query(
            "customer = :c AND begins_with(#row, :prefix)",
            {":c": partition_key(workspace, customer), ":prefix": ended_prefix(journey, key)},
            ExpressionAttributeNames={"#row": "row"},
            ConsistentRead=True,
            ScanIndexForward=False,
            Limit=1,
        )
        return from_item(items[0]) if items else None

    def commit(self, commit: Commit) -> CommitResult:
        """Saves version row, receipts, runs and messages of one change, all or nothing.

        STALE if the version row is not as it was read or the customer was erased, DUPLICATE if one of the events has a receipt already.
        """
        # The version row is in every transaction, so that changes of one customer exclude each other wherever they come from: two workers
        # after a merge, or an event and an erasure. The rows of runs and messages therefore need no condition. Receipts need one, because
        # they belong to the workspace: a duplicate may arrive under an id of another customer, whose version row is another one.
        # Failures come back in the order of the actions. The version row is the first one, so its failure differs from a receipt's.
        partition = partition_key(commit.workspace, commit.customer)
        actions = [
            self._version_row_action(partition, commit.version_row, commit.pending_effects),
            *self.receipts.put_actions(commit.workspace, commit.receipts),
        ]
        actions += [self.table.put_action(to_item(partition, run)) for run in commit.runs]
        moved = [(run, to_past_item) for run in commit.replaced] + [(run, to_ended_item) for run in commit.ended]
        for run, to_moved_item in moved:
            actions += [self.table.delete_action(run_key(partition, run)), self.table.put_action(to_moved_item(partition, run))]
        actions += [self.messages.put_action(message_items.to_item(message)) for message in commit.messages]
        failed = transact(actions)
        if failed is None:
            return CommitResult.DONE
        return CommitResult.STALE if failed[0] is not None else CommitResult.DUPLICATE

    def merge(self, runs_merge: RunsMerge) -> bool:
        """Moves runs and pending effects of a customer to the one that it is merged into, in one transaction.

        False, and nothing is written, if the version row of either customer is not as it was read, or one of them was erased.
        """
        # Both versions are raised. A worker that is about to save a change of the source customer fails, reads the row again and finds
        # `to`; a worker that is about to save one of the target customer fails and finds the runs that have arrived. Otherwise the first
        # could write a run back to the place from which it was moved, and the run would go on twice.
        target, source = (partition_key(runs_merge.workspace, each) for each in (runs_merge.target, runs_merge.source))
        pending_effects = (*runs_merge.target_version_row.pending_effects, *runs_merge.source_version_row.pending_effects)
        actions = [
            self._version_row_action(target, runs_merge.target_version_row, pending_effects),
            self._version_row_action(source, runs_merge.source_version_row, (), to=runs_merge.target),
            *(self.table.put_action(to_item(target, run)) for run in runs_merge.current_runs),
            *(self.table.put_action(to_past_item(target, run)) for run in runs_merge.past_runs),
            *(self.table.delete_action(run_key(source, run)) for run in (*runs_merge.current_runs, *runs_merge.past_runs)),
        ]
        return transact(actions) is None

    def _version_row_action(self, partition: str, read: VersionRow, pending_effects: Sequence[Effect], to: str | None = None) -> Item:
        """The action that writes the next version row if the stored one has the version that was read and the customer was not erased."""
        # The version alone would keep out only a worker that has read before the erasure. That worker reads again, finds the new version
        # and the runs that are not deleted yet, and would save its change over it. `Put` replaces the row, so the mark of the erasure would
        # be gone as well, and with it the reason why every later change fails.
        version_row = {
            "customer": partition,
            "row": VERSION_ROW,
            "version": read.version + 1,
            PENDING_EFFECTS: [effects.to_text(each) for each in pending_effects] or None,
            "to": to,
        }
        return self.table.put_action(version_row, **if_revision_without(read.version, "version", ERASED))

    def held(self, workspace: str, journey: str, after: str | None) -> tuple[list[HeldRun], str | None]:
        """At most 100 runs that a paused journey holds, in the order in which they were held, and the position to go on from.

        The position is None where these were the last. The index lags: a resume reads it a second time after some seconds.
        """
        # BETWEEN includes both bounds. The position of the last row with "!" behind it is above that row and below every other one, and
        # "~" is above all times and ids.
        lower = ":after" if after else ":held"
        items, last = self.table.query(
            f"live = :live AND stands BETWEEN {lower} AND :end",
            {":live": f"{workspace}#{journey}", lower: after or HELD, ":end": HELD + "~"},
            IndexName="byJourney",
            Limit=_HELD_PAGE,
        )
        found = [HeldRun(item["customer"].removeprefix(f"{workspace}#"), Identifier(*item["knownAs"])) for item in items]
        return found, last["stands"] + "!" if last else None

    def counts(self, workspace: str, journey: str, after: str | None = None) -> tuple[dict[str, int], str | None]:
        """The number of active runs at each step of a journey, of 1 MB of the index, and the position to go on from (None: no more).

        It is eventually consistent. The position holds the whole key, because all runs in one step have one sort key in the index.
        """
        options: Item = {"IndexName": "byJourney"}
        live = f"{workspace}#{journey}"
        if after is not None:
            options["ExclusiveStartKey"] = _index_key(workspace, journey, after)
        items, last = self.table.query("live = :live", {":live": live}, **options)
        return dict(Counter(item["step"] for item in items)), _position(workspace, last) if last else None

    def count(self, workspace: str, journey: str, step: str | None, *, limit: int) -> tuple[int, bool]:
        """The number of active runs in a step that no pause holds, or of the held ones of all steps (`step` is None).

        At most `limit` are counted; the second part of the result says whether there are more. It is eventually consistent.
        """
        live = f"{workspace}#{journey}"
        if step is None:
            condition, values = "live = :live AND begins_with(stands, :held)", {":live": live, ":held": HELD}
        else:
            condition, values = "live = :live AND stands = :stands", {":live": live, ":stands": live_position(step)}
        return self.table.count(condition, values, index="byJourney", limit=limit)

    def active(
        self, workspace: str, journey: str, step: str | None, *, limit: int, after: str | None
    ) -> tuple[list[ActiveRunEntry], str | None]:
        """Active runs of a step or (None) of all steps after a position, and the position to go on from; the port says more.

        It is eventually consistent. The runs of a step that no pause holds have one sort key in the index. The held ones of all steps are
        in the order in which they were held, so those of one step have to be picked out of them; a read looks at `limit` of them.
        """
        condition, values = "live = :live", {":live": f"{workspace}#{journey}"}
        options: Item = {"IndexName": "byJourney", "Limit": limit}
        is_held_part = after is not None and after.startswith(HELD)
        if step is not None and is_held_part:
            condition, values = f"{condition} AND begins_with(stands, :held)", {**values, ":held": HELD, ":step": step}
            options |= {"FilterExpression": "#step = :step", "ExpressionAttributeNames": {"#step": "step"}}
        elif step is not None:
            condition, values = f"{condition} AND stands = :stands", {**values, ":stands": live_position(step)}
        if after is not None and after != HELD:
            options["ExclusiveStartKey"] = _index_key(workspace, journey, after)
            if step is not None and not is_held_part and options["ExclusiveStartKey"]["stands"] != live_position(step):
                raise ValueError("a position of another step")
        items, last = self.table.query(condition, values, **options)
        found = [ActiveRunEntry(item["customer"].removeprefix(f"{workspace}#"), _position(workspace, item)) for item in items]
        if last is not None:
            return found, _position(workspace, last)
        return found, HELD if step is not None and not is_held_part else None

    def load(self, workspace: str, entries: Sequence[ActiveRunEntry]) -> list[tuple[str, Run]]:
        """The runs at these entries that are still active, each with the id of its customer, in the order of the entries."""
        keys = [(partition_key(workspace, place.customer), place.position.split("\n", 2)[2]) for place in entries]
        items = self.table.get_many([{"customer": customer, "row": row} for customer, row in dict.fromkeys(keys)])
        runs = {(item["customer"], item["row"]): from_item(item) for item in items}
        found = [(place.customer, runs[key]) for place, key in zip(entries, keys, strict=True) if key in runs]
        return [(customer, run) for customer, run in found if run.active]

    def clear(self, workspace: str, customer: str, version: int) -> None:
        """Removes the pending effects from the version row, unless it has another version.

        Then another worker has saved a change with these effects still pending, and perhaps more. The next reader executes them again.
        """
        self.table.update_if(
            {"customer": partition_key(workspace, customer), "row": VERSION_ROW},
            UpdateExpression=f"REMOVE {PENDING_EFFECTS}",
            ConditionExpression="version = :v",
            ExpressionAttributeValues={":v": version},
        )


def _position(workspace: str, entry: Item) -> str:
    """The position of an entry of the index by journey. It holds the whole key, because all runs in one step have one sort key there."""
    return "\n".join((entry["stands"], entry["customer"].removeprefix(f"{workspace}#"), entry["row"]))


def _index_key(workspace: str, journey: str, position: str) -> Item:
    """The key in the index by journey of the entry at a position. ValueError if the position has not the form of one."""
    stands, customer, row = position.split("\n", 2)
    if not (stands and customer and row):
        raise ValueError("a position without one of its parts")
    return {"live": f"{workspace}#{journey}", "stands": stands, "customer": partition_key(workspace, customer), "row": row}
