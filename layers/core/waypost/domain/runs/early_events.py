"""Events that come while a run stays in a message step, for the waits behind that step (`docs/journeys.md#message`).

Quiet hours can keep a run before a message for a night, and `onFailure` until the last retry. A customer who pays during that time has
paid: the wait behind the message must not treat the customer as one who has not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple

from waypost.domain.journeys import steps
from waypost.domain.journeys.journey import Journey
from waypost.domain.journeys.message_steps import MessageStep
from waypost.domain.journeys.steps import AnyStep
from waypost.domain.journeys.waits import TimeDelay, WaitUntil
from waypost.domain.reasons import Reason
from waypost.domain.runs import step_rules
from waypost.domain.runs.context import StepContext
from waypost.domain.runs.message_knowledge import known_branch
from waypost.domain.runs.run import EarlyMatch, Run

MAX_EARLY_EVENTS: Final = 2
"""How many different events a run keeps. An event has up to 64 KiB, the row of a run at most 400 KB, and a transaction 13 such rows."""


class EarlyBranch(NamedTuple):
    """The branch of a wait that was completed before the run reached the wait, and the snapshot of the event that did it.

    The event is None if a report about a message has completed the branch.
    """

    go_to: step_rules.GoTo
    event: Mapping[str, Any] | None


def keep(journey: Journey, run: Run, context: StepContext, unsubscribed: Collection[str] = ()) -> Run | Reason | None:
    """The run, which stays in a message step, with what the event of the context means for each wait that it can reach from there.

    Reason REMEMBERED: the event completes a branch, but the run has kept an earlier event that decides, or as many events as it may. None:
    none of these waits waits for the event. `unsubscribed` are the steps with the messages whose topic the event ends.
    """
    kept = {match.wait: match for match in run.early_matches}
    is_surplus = False
    for wait in _waits_behind(journey, run):
        earlier = kept.get(wait.id, EarlyMatch(wait.id))
        branch, matched_events = step_rules.match_branches(wait, earlier.matched_events, context, unsubscribed)
        if branch is None:
            if earlier.branch is None and matched_events != earlier.matched_events:
                kept[wait.id] = replace(earlier, matched_events=matched_events)
        elif earlier.branch is not None or known_branch(wait, run) is not None or _is_full(kept.values(), context):
            is_surplus = True
        else:
            kept[wait.id] = EarlyMatch(wait.id, matched_events, branch, context.event)
    changed = tuple(kept.values())
    if changed != run.early_matches:
        return replace(run, early_matches=changed)
    return Reason.REMEMBERED if is_surplus else None


def use(journey: Journey, run: Run) -> tuple[Run, EarlyBranch | None]:
    """The run, which has come to rest, with what it has kept for this step, and the branch that it takes at once, if there is one.

    An event that was kept came before every report that would take a branch: see `keep`.
    """
    step = journey.step(run.step)
    if isinstance(step, MessageStep):
        return run, None
    # Any other rest ends the memory: a wait behind that rest counts events from its own beginning on, as every wait does.
    early = next((match for match in run.early_matches if match.wait == step.id), EarlyMatch(step.id))
    if run.early_matches or run.matched_events:
        run = replace(run, early_matches=(), matched_events=early.matched_events)
    if not isinstance(step, WaitUntil):
        return run, None
    if early.branch is not None:
        return run, EarlyBranch(step_rules.take_branch(step, early.branch), early.event)
    known = step_rules.take_known_branch(step, run)
    return run, known and EarlyBranch(known, None)


def _is_full(kept: Iterable[EarlyMatch], context: StepContext) -> bool:
    """Whether the run has kept as many events as it may, and this one is not among them."""
    uuids = {match.event["uuid"] for match in kept if match.event is not None}
    return len(uuids) >= MAX_EARLY_EVENTS and context.event["uuid"] not in uuids


def _waits_behind(journey: Journey, run: Run) -> list[WaitUntil]:
    """The waits that the run can reach from its message step without another rest."""
    held = run.pending_transition
    # Quiet hours that end in a paused journey hold the way back into the same step, with all ways out of it ahead.
    to_visit = [edge.target for edge in journey.step(run.step).edges] if held is None or held.step == run.step else [held.step]
    waits: dict[str, WaitUntil] = {}
    visited: set[str] = set()
    while to_visit:
        step = journey.step(to_visit.pop())
        if step.id in visited:
            continue
        visited.add(step.id)
        if isinstance(step, WaitUntil):
            waits[step.id] = step
        elif _takes_no_time(step):
            to_visit += [edge.target for edge in step.edges]
    return [waits[step_id] for step_id in sorted(waits)]


def _takes_no_time(step: AnyStep) -> bool:
    """Whether a run that has left a message step passes this step at the same instant, in every case."""
    match step:
        case MessageStep():
            return step.on_failure is None  # the quiet hours are over at this instant
        case TimeDelay():
            return step.delay.is_zero
        case steps.Multisplit() | steps.Experiment() | steps.JumpTo():
            return True
        case _:
            return False
