"""Who enters a journey: its conditions and its rules of re-entry (contract 3.2)."""

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

ACTIVE_RUNS: Final = 100


def enter(journey_version: JourneyVersion, runs: Sequence[Run], event: Event, context: StepContext) -> Transition | Reason:
    """The run that an event opens in a journey, or why it opens none; `runs` are the customer's through this journey."""
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
    if any(each.id == run.id for each in runs):
        return replace(start_run(journey_version, run, context), saved=True)
    refused = _refusal(entry.reentry, [each for each in runs if each.key == key], runs, context)
    return refused or start_run(journey_version, run, context)


def _refusal(reentry: Reentry, same: Sequence[Run], runs: Sequence[Run], context: StepContext) -> Reason | None:
    """Why the rules of re-entry refuse a run, given the runs with its key and all runs through its journey."""
    if reentry.mode == "once" and same:
        return Reason.ALREADY_ENTERED
    if reentry.mode == "afterExit" and any(run.active for run in same):
        return Reason.ALREADY_ACTIVE
    if reentry.cooldown is not None and any(_cooling(run, reentry.cooldown, context) for run in same):
        return Reason.COOLDOWN
    return Reason.TOO_MANY_RUNS if sum(run.active for run in runs) >= ACTIVE_RUNS else None


def _cooling(run: Run, cooldown: Duration, context: StepContext) -> bool:
    return context.now < cooldown.after(run.entered_at, context.zone)
