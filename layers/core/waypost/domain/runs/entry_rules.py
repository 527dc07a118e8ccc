"""Whether an event starts a run of a journey: the conditions of the entry and the rules of re-entry (`docs/journeys.md#re-entry`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from waypost.domain.intake.events import Event
from waypost.domain.journeys.journey import Reentry
from waypost.domain.reasons import Reason
from waypost.domain.runs.context import JourneyVersion, StepContext
from waypost.domain.runs.run import Run
from waypost.domain.runs.transition import Transition, start_run
from waypost.domain.values import generated_ids
from waypost.domain.values.durations import Duration

MAX_ACTIVE_RUNS: Final = 100
"""How many runs of one customer in one journey may be active (`docs/journeys.md#limits`): each signal of the customer reads all of them."""


def enter(journey_version: JourneyVersion, runs: Sequence[Run], event: Event, context: StepContext) -> Transition | Reason:
    """The run that an event starts, or the reason why it starts none. `runs` are all runs of the customer in this journey.

    The checks come in the order of `docs/journeys.md#re-entry`; the first that fails is the reason.
    """
    entry = journey_version.journey.entry
    if not context.holds(entry.conditions):
        return Reason.CONDITIONS
    key = entry.reentry.key_of(event.payload)
    if key is None:
        return Reason.NO_KEY
    run = Run(
        id=generated_ids.run_id(context.customer.workspace, journey_version.journey.id, key, event.uuid),
        journey=journey_version.journey.id,
        version=journey_version.version,
        key=key,
        step=journey_version.journey.first.id,
        entered_at=context.now,
    )
    # The run's id is a hash of the event's uuid. A run with this id was saved by an earlier attempt at the same event that ended before the
    # receipt was saved, which happens when an event starts more runs than fit into one transaction. The re-entry rules must not see that
    # run: with `once` they would refuse the event on the retry, and the receipt would deny the run that the event did start.
    if any(each.id == run.id for each in runs):
        return replace(start_run(journey_version, run, context), already_saved=True)
    refusal = _reentry_refusal(entry.reentry, [each for each in runs if each.key == key], runs, context)
    return refusal or start_run(journey_version, run, context)


# The rules apply to each key by itself: `once` with an order id as key is one run for each order. The limit of active runs is the exception
# and counts all keys: a key such as a session id would otherwise let a customer's runs grow without end.
def _reentry_refusal(reentry: Reentry, with_same_key: Sequence[Run], runs: Sequence[Run], context: StepContext) -> Reason | None:
    """Why the rules of re-entry refuse a new run, or None. `runs` are the runs of all keys."""
    if reentry.mode == "once" and with_same_key:
        return Reason.ALREADY_ENTERED
    if reentry.mode == "afterExit" and any(run.active for run in with_same_key):
        return Reason.ALREADY_ACTIVE
    if reentry.cooldown is not None and any(_in_cooldown(run, reentry.cooldown, context) for run in with_same_key):
        return Reason.COOLDOWN
    return Reason.TOO_MANY_RUNS if sum(run.active for run in runs) >= MAX_ACTIVE_RUNS else None


def _in_cooldown(run: Run, cooldown: Duration, context: StepContext) -> bool:
    """Whether the cooldown that began when this run was entered is not over."""
    return context.now < cooldown.after(run.entered_at, context.zone)
