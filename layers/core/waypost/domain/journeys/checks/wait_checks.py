"""What publishing refuses of waits: conditions in lists of events, and branches that can never be taken (contract 3.1)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import ValidationError

from waypost.domain.journeys.checks.condition_checks import Place, condition_in, faults
from waypost.domain.journeys.checks.implications import Implications
from waypost.domain.journeys.triggers import Trigger, one_source
from waypost.domain.journeys.waits import AllBranch, WaitUntil
from waypost.domain.values.findings import Finding
from waypost.domain.values.json_pointers import pointer

_MOST_COMPARED: Final = 50
"""How many earlier events of one name an event is compared with, so that the largest wait is judged in time."""


def findings(place: Place, step: Mapping[str, Any]) -> Iterator[Finding]:
    """All faults of a wait's branches that their types cannot say."""
    if step.get("type") != "waitUntil":
        return
    for where, part in _listed((*place, "branches"), step.get("branches")):
        condition = condition_in(part)
        if condition is not None:
            yield from faults((*where, "conditions"), condition)
    yield from _never_taken(place, step)


def _listed(place: Place, branches: Any) -> Iterator[tuple[Place, Any]]:
    for index, branch in enumerate(branches if isinstance(branches, list) else ()):
        for name in ("any", "all"):
            events = branch.get(name) if isinstance(branch, Mapping) else None
            for number, event in enumerate(events if isinstance(events, list) else ()):
                yield (*place, index, name, number), event


def _never_taken(place: Place, step: Mapping[str, Any]) -> Iterator[Finding]:
    """Branches all of whose events an earlier branch takes; of a list under `all`, one such event is enough."""
    try:
        wait = WaitUntil.model_validate(step)
    except ValidationError:
        return
    earlier: dict[str, list[Trigger]] = defaultdict(list)
    for index, branch in enumerate(wait.branches):
        taken = [any(_takes(wide, each) for wide in earlier[each.event][:_MOST_COMPARED]) for each in branch.triggers]
        if any(taken) if isinstance(branch, AllBranch) else all(taken):
            yield Finding("never-matches", "an earlier branch takes all that this one could", pointer((*place, "branches", index)))
        if not isinstance(branch, AllBranch):
            for each in branch.triggers:
                earlier[each.event].append(each)


def _takes(wide: Trigger, narrow: Trigger) -> bool:
    """Whether every event that fits `narrow` fits `wide` too. False also where that cannot be told."""
    if wide.source is not None and (narrow.source is None or one_source(wide.source) != one_source(narrow.source)):
        return False
    if wide.conditions is None:
        return True
    return narrow.conditions is not None and Implications().follows(wide.conditions, narrow.conditions)
