"""The runs table: HASH customer, RANGE `#` for the gate, `run/` for runs, `~past/` for earlier runs of a journey and key."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from waypost.adapters.dynamodb import events, messages
from waypost.adapters.dynamodb.packing import packed, unpacked
from waypost.adapters.dynamodb.table import Item, Table, transact
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.reasons import Reason
from waypost.domain.runs import effects
from waypost.domain.runs.changes import Commit, CommitResult, RunsMerge
from waypost.domain.runs.effects import Effect
from waypost.domain.runs.run import Cause, CustomerRuns, HeldRun, PendingTransition, Run, RunStatus, StepVisit, VersionRow
from waypost.domain.values.generated_ids import digest, key_part
from waypost.domain.values.wire_time import instant, iso

VERSION_ROW: Final = "#"
HELD: Final = "held#"
HELD_AT_ONCE: Final = 100
PAST_KEPT: Final = timedelta(days=90)
_CAUSES: Final = frozenset(Cause)


@dataclass(frozen=True, slots=True)
class DynamoRuns:
    """Runs, and the transaction that saves a change of them with everything that belongs to it."""

    table: Table
    receipts: events.Receipts
    messages: Table

    def get(self, workspace: str, customer: str) -> CustomerRuns:
        """The gate, the active runs, and the latest run of each journey and key; read strongly."""
        return self._load(workspace, customer, "~")

    def history(self, workspace: str, customer: str) -> CustomerRuns:
        """The same with all earlier runs that are still kept."""
        return self._load(workspace, customer, "~~")

    def _load(self, workspace: str, customer: str, below: str) -> CustomerRuns:
        values = {":c": f"{workspace}#{customer}", ":below": below}
        names = {"#row": "row"}
        version_row, runs = VersionRow(), []
        for item in self.table.query_all("customer = :c AND #row < :below", values, ExpressionAttributeNames=names, ConsistentRead=True):
            if item["row"] == VERSION_ROW:
                version_row = VersionRow(item["version"], tuple(effects.from_text(each) for each in item.get("owed", ())), item.get("to"))
            else:
                runs.append(_run(item))
        return CustomerRuns(version_row, tuple(runs))

    def commit(self, commit: Commit) -> CommitResult:
        """Saves runs, receipt, messages and what is owed, all or nothing, if the gate is as read and no event has a receipt."""
        customer = f"{commit.workspace}#{commit.customer}"
        actions = [
            self._version_row(customer, commit.version_row, commit.pending_effects),
            *self.receipts.put_action(commit.workspace, commit.receipts),
        ]
        actions += [self.table.put_action(_item(customer, run)) for run in commit.runs]
        for run in commit.replaced:
            actions += [self.table.delete_action({"customer": customer, "row": _row(run)}), self.table.put_action(_past(customer, run))]
        actions += [self.messages.put_action(messages.item(message)) for message in commit.messages]
        refused = transact(actions)
        if refused is None:
            return CommitResult.DONE
        if refused[0] is not None:
            return CommitResult.STALE
        return CommitResult.DUPLICATE

    def merge(self, runs_merge: RunsMerge) -> bool:
        """Carries out a part of an absorb in one transaction; False if either gate is not as read."""
        into, absorbed = f"{runs_merge.workspace}#{runs_merge.target}", f"{runs_merge.workspace}#{runs_merge.source}"
        pending_effects = (*runs_merge.target_version_row.pending_effects, *runs_merge.source_version_row.pending_effects)
        actions = [
            self._version_row(into, runs_merge.target_version_row, pending_effects),
            self._version_row(absorbed, runs_merge.source_version_row, (), to=runs_merge.target),
            *(self.table.put_action(_item(into, run)) for run in runs_merge.current_runs),
            *(self.table.put_action(_past(into, run)) for run in runs_merge.past_runs),
            *(
                self.table.delete_action({"customer": absorbed, "row": _row(run)})
                for run in (*runs_merge.current_runs, *runs_merge.past_runs)
            ),
        ]
        return transact(actions) is None

    def _version_row(self, customer: str, as_read: VersionRow, pending_effects: Sequence[Effect], to: str | None = None) -> Item:
        version = as_read.version
        condition: Item = {"ConditionExpression": "attribute_not_exists(version)"}
        if version:
            condition = {"ConditionExpression": "version = :v", "ExpressionAttributeValues": {":v": version}}
        version_row = {
            "customer": customer,
            "row": VERSION_ROW,
            "version": version + 1,
            "owed": [effects.to_text(each) for each in pending_effects] or None,
            "to": to,
        }
        return self.table.put_action(version_row, **condition)

    def held(self, workspace: str, journey: str, after: str | None) -> tuple[list[HeldRun], str | None]:
        """Some runs that a journey has held, in the order in which it did, and the place to go on from (None: that was all)."""
        later = ":after" if after else ":held"
        rows, last = self.table.query(
            f"live = :live AND stands BETWEEN {later} AND :end",
            {":live": f"{workspace}#{journey}", later: after or HELD, ":end": HELD + "~"},
            IndexName="byJourney",
            Limit=HELD_AT_ONCE,
        )
        found = [HeldRun(row["customer"].removeprefix(f"{workspace}#"), Identifier(*row["knownAs"])) for row in rows]
        return found, rows[-1]["stands"] + "!" if last else None

    def counts(self, workspace: str, journey: str) -> dict[str, int]:
        """How many active runs stand on each step, read eventually."""
        rows = self.table.query_all("live = :live", {":live": f"{workspace}#{journey}"}, IndexName="byJourney")
        return dict(Counter(row["step"] for row in rows))

    def clear(self, workspace: str, customer: str, version: int) -> None:
        """Forgets what was owed, unless the gate has moved on (then its next reader pays it again, which is harmless)."""
        self.table.update(
            {"customer": f"{workspace}#{customer}", "row": VERSION_ROW},
            UpdateExpression="REMOVE owed",
            ConditionExpression="version = :v",
            ExpressionAttributeValues={":v": version},
        )


def _row(run: Run) -> str:
    return f"run/{run.journey}/{key_part(run.key)}/{run.id}"


def _item(customer: str, run: Run) -> Item:
    return {
        "customer": customer,
        "row": _row(run),
        "journey": run.journey,
        "key": run.key or None,
        "run": run.id,
        "version": run.version,
        "step": run.step,
        "enteredAt": iso(run.entered_at),
        "status": run.status.value,
        "reason": run.reason and run.reason.value,
        "visits": packed(run.visits) if run.active else None,
        "movedBy": packed(run.trigger_event) if run.trigger_event is not None else None,
        "due": iso(run.due) if run.due else None,
        "heard": packed(run.matched_events) if run.matched_events else None,
        "touchedBy": run.last_event_uuid or None,
        "trail": packed([[iso(each.at), each.step, each.reason.value] for each in run.history]) if run.history else None,
        **_in_journey(customer, run),
        **(_held(run.pending_transition) if run.pending_transition else {}),
    }


def _in_journey(customer: str, run: Run) -> Item:
    """Where the index by journey shows an active run: what is held comes first, in the order in which it was."""
    if not run.active:
        return {}
    stands = f"{HELD}{iso(run.pending_transition.at)}#{run.id}" if run.pending_transition else f"live#{run.step}"
    return {"live": f"{customer.partition('#')[0]}#{run.journey}", "stands": stands}


def _held(held: PendingTransition) -> Item:
    wire = [iso(held.at), held.step, held.cause.value, held.event]
    return {"held": packed(wire), "knownAs": list(held.lookup_id)}


def _past(customer: str, run: Run) -> Item:
    kept = int((run.entered_at + PAST_KEPT).timestamp())
    return {**_item(customer, run), "row": f"~past/{iso(run.entered_at)}/{digest(run.id, length=12)}", "expires": kept}


def _run(item: Item) -> Run:
    return Run(
        id=item["run"],
        journey=item["journey"],
        version=item["version"],
        key=item.get("key", ""),
        step=item["step"],
        entered_at=instant(item["enteredAt"]),
        status=RunStatus(item["status"]),
        reason=Reason(item["reason"]) if "reason" in item else None,
        visits=unpacked(item["visits"]) if "visits" in item else {},
        trigger_event=unpacked(item["movedBy"]) if "movedBy" in item else None,
        due=instant(item["due"]) if "due" in item else None,
        matched_events=tuple((branch, event) for branch, event in unpacked(item["heard"])) if "heard" in item else (),
        pending_transition=_held_in(item) if "held" in item else None,
        last_event_uuid=item.get("touchedBy", ""),
        history=tuple(_step_visit(*each) for each in unpacked(item["trail"])) if "trail" in item else (),
    )


def _held_in(item: Item) -> PendingTransition:
    at, step, cause, event = unpacked(item["held"])
    return PendingTransition(instant(at), Identifier(*item["knownAs"]), step, Cause(cause), event)


def _step_visit(at: str, step: str, reason: str) -> StepVisit:
    return StepVisit(instant(at), step, Cause(reason) if reason in _CAUSES else Reason(reason))
