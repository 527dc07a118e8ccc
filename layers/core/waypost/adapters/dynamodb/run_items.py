"""Runs and version rows as items of the runs table (docs/architecture.md#runs)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from waypost.adapters.dynamodb.items import Item, expiry
from waypost.adapters.dynamodb.json_attributes import json_from_attribute, json_to_attribute
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.reasons import Reason
from waypost.domain.runs import effects
from waypost.domain.runs.run import (
    Cause,
    EarlyMatch,
    KnownMessage,
    PendingTransition,
    Run,
    RunStatus,
    StepVisit,
    TakenExperiment,
    VersionRow,
)
from waypost.domain.values.calendar_edges import EPOCH
from waypost.domain.values.generated_ids import digest, key_part
from waypost.domain.values.wire_time import instant, iso

VERSION_ROW: Final = "#"
"""The sort key of the version row. It sorts before those of runs."""

PENDING_EFFECTS: Final = "owed"
"""The stored name of the attribute of a version row that holds its pending effects."""

ERASED: Final = "erased"
"""The attribute of the version row of an erased customer: the time of the erasure."""

HELD: Final = "held#"
"""The prefix of the attribute `stands` of runs that a paused journey holds."""

PAST_KEPT: Final = timedelta(days=90)
"""How long past runs are kept after their entry."""

_CAUSES: Final = frozenset(Cause)


def partition_key(workspace: str, customer: str) -> str:
    """The partition key of all rows of a customer, and of the messages table's index by customer."""
    return f"{workspace}#{customer}"


def run_key(partition: str, run: Run) -> Item:
    """The key of an active run, or of an ended one that is the latest of its journey and key."""
    return {"customer": partition, "row": f"{run_prefix(run.journey)}{key_part(run.key)}/{run.id}"}


def run_prefix(journey: str) -> str:
    """What the sort keys of the runs of a journey begin with that are active, or ended and the latest of their key."""
    return f"run/{journey}/"


def to_item(partition: str, run: Run) -> Item:
    """A run as its row; attributes that are None are not written."""
    return {
        **run_key(partition, run),
        "journey": run.journey,
        "key": run.key or None,
        "run": run.id,
        "version": run.version,
        "step": run.step,
        "enteredAt": iso(run.entered_at),
        "status": run.status.value,
        "reason": run.reason and run.reason.value,
        "visits": json_to_attribute(run.visits) if run.active else None,
        "movedBy": json_to_attribute(run.trigger_event) if run.trigger_event is not None else None,
        "due": iso(run.due) if run.due else None,
        "heard": json_to_attribute(run.matched_events) if run.matched_events else None,
        "touchedBy": run.last_event_uuid or None,
        "trail": json_to_attribute([[iso(each.at), each.step, _old_word(each.reason)] for each in run.history]) if run.history else None,
        "byReport": [place for place, each in enumerate(run.history) if each.reason is Cause.REPORT] or None,
        "branches": json_to_attribute([each.branch for each in run.history]) if any(each.branch for each in run.history) else None,
        "hold": run.hold and run.hold.value,
        "known": json_to_attribute([[each.step, each.statuses, each.links] for each in run.known_messages]) if run.known_messages else None,
        "early": json_to_attribute(_early_matches_to_wire(run)) if run.early_matches else None,
        "experiments": _experiments_to_attribute(run),
        "messageTimes": [_milliseconds(each) for each in run.message_times] or None,
        **_index_attributes(partition, run),
        **(_pending_transition_attributes(run.pending_transition) if run.pending_transition else {}),
    }


def to_past_item(partition: str, run: Run) -> Item:
    """An ended run that makes room for a later one of its journey and key, as a row that expires."""
    row = f"~past/{iso(run.entered_at)}/{digest(run.id, length=12)}"
    return {**to_item(partition, run), "row": row, "expires": expiry(run.entered_at, PAST_KEPT)}


def ended_prefix(journey: str, key: str) -> str:
    """What the sort keys of the ended runs of a journey and re-entry key begin with. The newest one sorts last."""
    return f"~ended/{journey}/{digest('key', key)}/"


def to_ended_item(partition: str, run: Run) -> Item:
    """An ended run of a journey with re-entry keys, as a row that is not read with the customer's other runs and does not expire."""
    return {**to_item(partition, run), "row": f"{ended_prefix(run.journey, run.key)}{iso(run.entered_at)}/{digest(run.id, length=12)}"}


def from_item(item: Item) -> Run:
    """The run in a row."""
    return Run(
        id=item["run"],
        journey=item["journey"],
        version=item["version"],
        key=item.get("key", ""),
        step=item["step"],
        entered_at=instant(item["enteredAt"]),
        status=RunStatus(item["status"]),
        reason=Reason(item["reason"]) if "reason" in item else None,
        visits=json_from_attribute(item["visits"]) if "visits" in item else {},
        trigger_event=json_from_attribute(item["movedBy"]) if "movedBy" in item else None,
        due=instant(item["due"]) if "due" in item else None,
        matched_events=tuple((branch, event) for branch, event in json_from_attribute(item["heard"])) if "heard" in item else (),
        pending_transition=_pending_transition(item) if "held" in item else None,
        last_event_uuid=item.get("touchedBy", ""),
        history=_history(item),
        hold=Cause(item["hold"]) if "hold" in item else None,
        known_messages=_known_messages(json_from_attribute(item["known"])) if "known" in item else (),
        early_matches=_early_matches_from_wire(json_from_attribute(item["early"])) if "early" in item else (),
        message_times=tuple(EPOCH + timedelta(milliseconds=each) for each in item.get("messageTimes", ())),
        experiments=_experiments(json_from_attribute(item["experiments"])) if "experiments" in item else (),
    )


def version_row_from_item(item: Item) -> VersionRow:
    """The version row in an item."""
    pending_effects = tuple(effects.from_text(each) for each in item.get(PENDING_EFFECTS, ()))
    return VersionRow(item["version"], pending_effects, item.get("to"), ERASED in item)


def live_position(step: str) -> str:
    """The attribute `stands` of runs in a step that no pause holds."""
    return f"live#{step}"


def _index_attributes(partition: str, run: Run) -> Item:
    """The key of an active run in the index by journey; an ended run is not in the index.

    Held runs come first, in the order in which they were held, so that a resume reads them alone and in this order. For the others only
    the number of runs at each step is of interest, and the sort key is the step.
    """
    if not run.active:
        return {}
    stands = f"{HELD}{iso(run.pending_transition.at)}#{run.id}" if run.pending_transition else live_position(run.step)
    return {"live": f"{partition.partition('#')[0]}#{run.journey}", "stands": stands}


def _early_matches_to_wire(run: Run) -> list[Any]:
    """The early matches, and their events by uuid, each once: two waits may have kept the same event."""
    events = {each.event["uuid"]: each.event for each in run.early_matches if each.event is not None}
    matches = [[each.wait, each.matched_events, each.branch, each.event and each.event["uuid"]] for each in run.early_matches]
    return [matches, events]


def _early_matches_from_wire(wire: Sequence[Any]) -> tuple[EarlyMatch, ...]:
    matches, events = wire
    return tuple(
        EarlyMatch(wait, tuple((place, index) for place, index in matched_events), branch, None if uuid is None else events[uuid])
        for wait, matched_events, branch, uuid in matches
    )


# Only while the run is active, as the visits: an ended run reaches no goal. Workers of an older release do not read the attribute and write
# the run without it; the run then counts for no experiment that it came through before.
def _experiments_to_attribute(run: Run) -> str | bytes | None:
    if not run.active or not run.experiments:
        return None
    return json_to_attribute([[each.step, each.branch, f"{each.reached:x}"] for each in run.experiments])


def _experiments(wire: Sequence[Any]) -> tuple[TakenExperiment, ...]:
    return tuple(TakenExperiment(int(step), int(branch), int(reached, 16)) for step, branch, reached in wire)


def _milliseconds(time: datetime) -> int:
    return (time - EPOCH) // timedelta(milliseconds=1)


def _pending_transition_attributes(pending: PendingTransition) -> Item:
    wire = [iso(pending.at), pending.step, _old_word(pending.cause), pending.event]
    held_report = pending.cause is Cause.REPORT or None
    return {"held": json_to_attribute(wire), "heldReport": held_report, "knownAs": list(pending.lookup_id), "heldBranch": pending.branch}


def _pending_transition(item: Item) -> PendingTransition:
    at, step, cause, event = json_from_attribute(item["held"])
    cause = Cause.REPORT if "heldReport" in item else Cause(cause)
    return PendingTransition(instant(at), Identifier(*item["knownAs"]), step, cause, event, item.get("heldBranch"))


# Workers of an older release know a closed list of causes. Another word in this row would stop them from reading it, and after a rollback
# all signals of the customer would be parked. They read that a branch was taken, which is true. Attributes of their own say that a report
# did it.
def _old_word(cause: Cause | Reason) -> str:
    return Cause.BRANCH.value if cause is Cause.REPORT else cause.value


def _known_messages(wire: Sequence[Any]) -> tuple[KnownMessage, ...]:
    return tuple(KnownMessage(step, tuple(statuses), tuple(links)) for step, statuses, links in wire)


# Branches have an attribute of their own beside the visits. As a fourth element of each visit they would stop the workers of an older
# release, which may read this row after a rollback.
def _history(item: Item) -> tuple[StepVisit, ...]:
    visits = json_from_attribute(item["trail"]) if "trail" in item else []
    branches = json_from_attribute(item["branches"]) if "branches" in item else [None] * len(visits)
    reasons = [Cause(reason) if reason in _CAUSES else Reason(reason) for _, _, reason in visits]
    for place in item.get("byReport", ()):
        reasons[int(place)] = Cause.REPORT
    return tuple(
        StepVisit(instant(at), step, reason, branch) for (at, step, _), reason, branch in zip(visits, reasons, branches, strict=True)
    )
