"""Who enters a journey: its conditions and its rules of re-entry (contract 3.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from waypost.domain.intake.events import Event
from waypost.domain.journeys.journey import Reentry
from waypost.domain.reasons import Reason
from waypost.domain.runs.context import Released, Scene
from waypost.domain.runs.run import Run
from waypost.domain.runs.transition import Transition, begin
from waypost.domain.values import generated_ids
from waypost.domain.values.durations import Duration

ACTIVE_RUNS: Final = 100


def enter(released: Released, runs: Sequence[Run], event: Event, scene: Scene) -> Transition | Reason:
    """The run that an event opens in a journey, or why it opens none; `runs` are the customer's through this journey."""
    entry = released.journey.entry
    if not scene.holds(entry.conditions):
        return Reason.CONDITIONS
    key = entry.reentry.key_of(event.payload)
    if key is None:
        return Reason.NO_KEY
    run = Run(
        id=generated_ids.run_id(scene.customer.workspace, released.journey.id, key, event.uuid),
        journey=released.journey.id,
        version=released.version,
        key=key,
        step=released.journey.first.id,
        entered_at=scene.now,
    )
    if any(each.id == run.id for each in runs):
        return replace(begin(released, run, scene), saved=True)
    refused = _refusal(entry.reentry, [each for each in runs if each.key == key], runs, scene)
    return refused or begin(released, run, scene)


def _refusal(reentry: Reentry, same: Sequence[Run], runs: Sequence[Run], scene: Scene) -> Reason | None:
    """Why the rules of re-entry refuse a run, given the runs with its key and all runs through its journey."""
    if reentry.mode == "once" and same:
        return Reason.ALREADY_ENTERED
    if reentry.mode == "afterExit" and any(run.active for run in same):
        return Reason.ALREADY_ACTIVE
    if reentry.cooldown is not None and any(_cooling(run, reentry.cooldown, scene) for run in same):
        return Reason.COOLDOWN
    return Reason.TOO_MANY_RUNS if sum(run.active for run in runs) >= ACTIVE_RUNS else None


def _cooling(run: Run, cooldown: Duration, scene: Scene) -> bool:
    return scene.now < cooldown.after(run.entered_at, scene.zone)
