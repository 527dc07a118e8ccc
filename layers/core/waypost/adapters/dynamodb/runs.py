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
from waypost.domain.runs.changes import Absorption, Commit, Committed
from waypost.domain.runs.effects import Effect
from waypost.domain.runs.run import Cause, Footprint, Gate, Held, HeldRun, Run, RunStatus, Standing
from waypost.domain.values.generated_ids import digest, key_part
from waypost.domain.values.wire_time import instant, iso

GATE: Final = "#"
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

    def standing(self, workspace: str, customer: str) -> Standing:
        """The gate, the active runs, and the latest run of each journey and key; read strongly."""
        return self._standing(workspace, customer, "~")

    def history(self, workspace: str, customer: str) -> Standing:
        """The same with all earlier runs that are still kept."""
        return self._standing(workspace, customer, "~~")

    def _standing(self, workspace: str, customer: str, below: str) -> Standing:
        values = {":c": f"{workspace}#{customer}", ":below": below}
        names = {"#row": "row"}
        gate, runs = Gate(), []
        for item in self.table.query_all("customer = :c AND #row < :below", values, ExpressionAttributeNames=names, ConsistentRead=True):
            if item["row"] == GATE:
                gate = Gate(item["version"], tuple(effects.from_text(each) for each in item.get("owed", ())), item.get("to"))
            else:
                runs.append(_run(item))
        return Standing(gate, tuple(runs))

    def commit(self, commit: Commit) -> Committed:
        """Saves runs, receipt, messages and what is owed, all or nothing, if the gate is as read and no event has a receipt."""
        customer = f"{commit.workspace}#{commit.customer}"
        actions = [self._gate(customer, commit.gate, commit.owed), *self.receipts.putting(commit.workspace, commit.receipts)]
        actions += [self.table.putting(_item(customer, run)) for run in commit.runs]
        for run in commit.replaced:
            actions += [self.table.deleting({"customer": customer, "row": _row(run)}), self.table.putting(_past(customer, run))]
        actions += [self.messages.putting(messages.item(message)) for message in commit.messages]
        refused = transact(actions)
        if refused is None:
            return Committed.DONE
        if refused[0] is not None:
            return Committed.STALE
        return Committed.KNOWN

    def absorb(self, absorption: Absorption) -> bool:
        """Carries out a part of an absorb in one transaction; False if either gate is not as read."""
        into, absorbed = f"{absorption.workspace}#{absorption.into}", f"{absorption.workspace}#{absorption.absorbed}"
        owed = (*absorption.into_gate.owed, *absorption.absorbed_gate.owed)
        actions = [
            self._gate(into, absorption.into_gate, owed),
            self._gate(absorbed, absorption.absorbed_gate, (), to=absorption.into),
            *(self.table.putting(_item(into, run)) for run in absorption.kept),
            *(self.table.putting(_past(into, run)) for run in absorption.past),
            *(self.table.deleting({"customer": absorbed, "row": _row(run)}) for run in (*absorption.kept, *absorption.past)),
        ]
        return transact(actions) is None

    def _gate(self, customer: str, as_read: Gate, owed: Sequence[Effect], to: str | None = None) -> Item:
        version = as_read.version
        condition: Item = {"ConditionExpression": "attribute_not_exists(version)"}
        if version:
            condition = {"ConditionExpression": "version = :v", "ExpressionAttributeValues": {":v": version}}
        gate = {
            "customer": customer,
            "row": GATE,
            "version": version + 1,
            "owed": [effects.to_text(each) for each in owed] or None,
            "to": to,
        }
        return self.table.putting(gate, **condition)

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
            {"customer": f"{workspace}#{customer}", "row": GATE},
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
        "movedBy": packed(run.moved_by) if run.moved_by is not None else None,
        "due": iso(run.due) if run.due else None,
        "heard": packed(run.heard) if run.heard else None,
        "touchedBy": run.touched_by or None,
        "trail": packed([[iso(each.at), each.step, each.reason.value] for each in run.trail]) if run.trail else None,
        **_in_journey(customer, run),
        **(_held(run.held) if run.held else {}),
    }


def _in_journey(customer: str, run: Run) -> Item:
    """Where the index by journey shows an active run: what is held comes first, in the order in which it was."""
    if not run.active:
        return {}
    stands = f"{HELD}{iso(run.held.at)}#{run.id}" if run.held else f"live#{run.step}"
    return {"live": f"{customer.partition('#')[0]}#{run.journey}", "stands": stands}


def _held(held: Held) -> Item:
    wire = [iso(held.at), held.step, held.cause.value, held.event]
    return {"held": packed(wire), "knownAs": list(held.known_as)}


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
        moved_by=unpacked(item["movedBy"]) if "movedBy" in item else None,
        due=instant(item["due"]) if "due" in item else None,
        heard=tuple((branch, event) for branch, event in unpacked(item["heard"])) if "heard" in item else (),
        held=_held_in(item) if "held" in item else None,
        touched_by=item.get("touchedBy", ""),
        trail=tuple(_footprint(*each) for each in unpacked(item["trail"])) if "trail" in item else (),
    )


def _held_in(item: Item) -> Held:
    at, step, cause, event = unpacked(item["held"])
    return Held(instant(at), Identifier(*item["knownAs"]), step, Cause(cause), event)


def _footprint(at: str, step: str, reason: str) -> Footprint:
    return Footprint(instant(at), step, Cause(reason) if reason in _CAUSES else Reason(reason))
