"""The checks of waits and delays: too short, conditions in lists of events, branches that can never be taken.

`docs/journeys.md#publish-checks` lists them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from waypost.domain.journeys.checks.condition_checks import Place, condition_in, faults
from waypost.domain.journeys.checks.implications import Implications
from waypost.domain.journeys.known_statuses import shown_by
from waypost.domain.journeys.triggers import Trigger, one_source
from waypost.domain.journeys.waits import AllBranch, MessageBranch, Timeout, WaitUntil
from waypost.domain.values.durations import Duration, WaitDuration
from waypost.domain.values.findings import Finding
from waypost.domain.values.json_pointers import pointer

LEAST_WAIT: Final = timedelta(seconds=1)

_DELAY: Final[TypeAdapter[Duration]] = TypeAdapter(WaitDuration)

_MOST_COMPARED: Final = 50
"""How many earlier triggers of one event name a trigger is compared with. The limit keeps publish fast for the largest waits."""


def findings(place: Place, step: Mapping[str, Any]) -> Iterator[Finding]:
    """The faults of a wait or a delay that its types cannot express; nothing for a step of another type."""
    yield from _too_short(place, step)
    if step.get("type") != "waitUntil":
        return
    for where, part in _listed_triggers((*place, "branches"), step.get("branches")):
        condition = condition_in(part)
        if condition is not None:
            yield from faults((*where, "conditions"), condition)
    yield from _never_taken(place, step)


def _too_short(place: Place, step: Mapping[str, Any]) -> Iterator[Finding]:
    """A delay or a timeout below one second. What does not parse has a finding of its own."""
    name = {"timeDelay": "delay", "waitUntil": "timeout"}.get(str(step.get("type")))
    if name is None or name not in step:
        return
    try:
        shortest = _DELAY.validate_python(step[name]) if name == "delay" else Timeout.model_validate(step[name]).after
    except ValidationError:
        return
    if shortest.at_least < LEAST_WAIT:
        yield Finding("too-short", f"a {name} is at least one second", pointer((*place, name)))


def _listed_triggers(place: Place, branches: Any) -> Iterator[tuple[Place, Any]]:
    for index, branch in enumerate(branches if isinstance(branches, list) else ()):
        for name in ("any", "all"):
            events = branch.get(name) if isinstance(branch, Mapping) else None
            for number, event in enumerate(events if isinstance(events, list) else ()):
                yield (*place, index, name, number), event


def _never_taken(place: Place, step: Mapping[str, Any]) -> Iterator[Finding]:
    """Branches whose events are all taken by earlier branches. For `all`, one such event is enough: it never reaches the branch.

    Branches with `all` take nothing from later ones, because they are not taken by a single event.
    """
    try:
        wait = WaitUntil.model_validate(step)
    except ValidationError:
        return
    earlier_by_event: dict[str, list[Trigger]] = defaultdict(list)
    earlier_messages: list[MessageBranch] = []
    for index, branch in enumerate(wait.branches):
        if isinstance(branch, MessageBranch):
            if any(_takes_reports_of(wide, branch) for wide in earlier_messages):
                detail = "no run can take this branch, because an earlier branch takes the message first"
                yield Finding("never-matches", detail, pointer((*place, "branches", index)))
            earlier_messages.append(branch)
            continue
        taken = [any(_takes(wide, each) for wide in earlier_by_event[each.event][:_MOST_COMPARED]) for each in branch.triggers]
        if any(taken) if isinstance(branch, AllBranch) else all(taken):
            yield Finding(
                "never-matches",
                "no run can take this branch, because earlier branches take its events first",
                pointer((*place, "branches", index)),
            )
        if not isinstance(branch, AllBranch):
            for each in branch.triggers:
                earlier_by_event[each.event].append(each)


def _takes_reports_of(wide: MessageBranch, narrow: MessageBranch) -> bool:
    """Whether every message that takes the branch `narrow` takes `wide` too."""
    if wide.message != narrow.message or not shown_by(narrow.status) <= shown_by(wide.status):
        return False
    return wide.link is None or wide.link == narrow.link


def _takes(wide: Trigger, narrow: Trigger) -> bool:
    """Whether every event that matches `narrow` matches `wide` too. False also where that is not known."""
    if wide.source is not None and (narrow.source is None or one_source(wide.source) != one_source(narrow.source)):
        return False
    if wide.conditions is None:
        return True
    return narrow.conditions is not None and Implications().follows(wide.conditions, narrow.conditions)
