"""Why an event matches the entry, the waits and the exits of a journey, or not (docs/api.md#explanations)."""

# An explanation that differs from what the matcher does is worse than none. Whether a condition holds is therefore decided here by the same
# functions as in the matcher, for each part of the condition by itself, and nothing is evaluated in a second way.

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, assert_never

from waypost.domain.journeys.conditions import All, Any_, Comparison, Condition, Not, compared_value, subconditions
from waypost.domain.journeys.journey import Journey
from waypost.domain.journeys.triggers import Trigger
from waypost.domain.journeys.waits import AllBranch, WaitUntil
from waypost.domain.runs.context import StepContext
from waypost.domain.runs.step_rules import branch_name

GroupKind = Literal["all", "any", "not"]
CheckKind = Literal["entry", "branch", "exit"]


@dataclass(frozen=True, slots=True)
class ExplainedGroup:
    """An `all`, `any` or `not` with the conditions in it, in their order."""

    kind: GroupKind
    holds: bool
    items: tuple[ExplainedCondition, ...]


@dataclass(frozen=True, slots=True)
class ExplainedComparison:
    """A comparison with the value that it found, None where the property is missing or null."""

    comparison: Comparison
    holds: bool
    found: Any


ExplainedCondition = ExplainedGroup | ExplainedComparison


@dataclass(frozen=True, slots=True)
class TriggerCheck:
    """One trigger of a journey, and whether an event satisfies it.

    `step` and `branch` are those of a wait, None for an entry or an exit. `needs_all`: the branch is taken only when all of its events
    have come. `names`: the trigger takes events of this name and source. `condition` is None if the trigger has no conditions, or does not
    take the event.
    """

    kind: CheckKind
    trigger: Trigger
    names: bool
    holds: bool
    condition: ExplainedCondition | None
    step: str | None = None
    branch: str | None = None
    needs_all: bool = False


def checks(journey: Journey, context: StepContext) -> list[TriggerCheck]:
    """The entry, each event of each branch of each wait, and the exits of a journey, checked with the event and customer of the context."""
    return [
        _check("entry", journey.entry, context),
        *(check for step in journey.steps if isinstance(step, WaitUntil) for check in _checks_of_wait(step, context)),
        *(_check("exit", each, context) for each in journey.exit),
    ]


def _checks_of_wait(step: WaitUntil, context: StepContext) -> Iterator[TriggerCheck]:
    for place, branch in enumerate(step.branches):
        for trigger in branch.triggers:
            name, needs_all = branch_name(branch.id, place), isinstance(branch, AllBranch)
            yield _check("branch", trigger, context, step.id, name, needs_all=needs_all)


def _check(
    kind: CheckKind, trigger: Trigger, context: StepContext, step: str | None = None, branch: str | None = None, *, needs_all: bool = False
) -> TriggerCheck:
    names = context.event_matches(trigger)
    condition = explain(trigger.conditions, context) if names and trigger.conditions is not None else None
    return TriggerCheck(kind, trigger, names, context.satisfies(trigger), condition, step, branch, needs_all)


def explain(condition: Condition, context: StepContext) -> ExplainedCondition:
    """A condition and all conditions in it, each with whether it holds by itself."""
    match condition:
        case Comparison():
            return ExplainedComparison(condition, context.holds(condition), compared_value(condition, context.scope()))
        case All() | Any_() | Not():
            items = tuple(explain(part, context) for _, part in subconditions(condition))
            return ExplainedGroup(_group_kind(condition), context.holds(condition), items)
        case _:
            assert_never(condition)


def _group_kind(condition: All | Any_ | Not) -> GroupKind:
    match condition:
        case All():
            return "all"
        case Any_():
            return "any"
        case Not():
            return "not"
        case _:
            assert_never(condition)
