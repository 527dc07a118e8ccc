"""A journey as a picture: Mermaid text, which many editors and GitHub draw."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from waypost.domain.journeys import steps
from waypost.domain.journeys.journey import Journey
from waypost.domain.journeys.triggers import Trigger
from waypost.domain.journeys.waits import AllBranch, DateWindow, DayWindow, EventBranch, TimeDelay, WaitBranch, WaitUntil, WeekWindow


class Edge(NamedTuple):
    """A way out of a step, and when it is taken (empty: always)."""

    to: str
    when: str = ""


def mermaid(journey: Journey, counts: Mapping[str, int] | None = None) -> str:
    """The picture of a journey; with `counts`, how many customers stand on each step."""
    names = {step.id: f"s{place}" for place, step in enumerate(journey.steps)}
    lines = ["flowchart TD", f"  entry([{_quoted(_event(journey.entry))}]) --> {names[journey.first.id]}"]
    for step in journey.steps:
        here = [] if counts is None else [f"{counts.get(step.id, 0)} here"]
        lines.append(f"  {names[step.id]}{_shape(step, _quoted('<br/>'.join([step.id, _label(step), *here])))}")
        lines += [f"  {names[step.id]} -->{f'|{_quoted(way.when)}|' if way.when else ''} {names[way.to]}" for way in _edges(step)]
    lines += [f"  exit{place}([{_quoted('exit on ' + _event(each))}])" for place, each in enumerate(journey.exit)]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return '"' + text.replace("&", "#amp;").replace('"', "#quot;").replace("\n", " ") + '"'


def _shape(step: steps.AnyStep, label: str) -> str:
    match step:
        case steps.Exit():
            return f"([{label}])"
        case steps.Multisplit() | steps.Experiment():
            return f"{{{label}}}"
        case WaitUntil() | TimeDelay() | DateWindow() | DayWindow() | WeekWindow():
            return f"[/{label}/]"
        case _:
            return f"[{label}]"


def _label(step: steps.AnyStep) -> str:
    """What a step does, in a few words."""
    match step:
        case steps.Message():
            return step.channel
        case TimeDelay():
            return f"wait {step.delay.text}"
        case DateWindow() | DayWindow():
            return f"from {step.from_} to {step.to}"
        case WeekWindow():
            return f"{', '.join(step.on_days)} from {step.from_time} to {step.to_time}"
        case WaitUntil():
            return "wait for"
        case _:
            return step.type


def _edges(step: steps.AnyStep) -> Iterator[Edge]:
    match step:
        case steps.Message():
            yield Edge(step.next)
            if step.on_failure:
                yield Edge(step.on_failure, "not sent")
        case WaitUntil():
            yield from (Edge(branch.next, _branch(branch)) for branch in step.branches)
            if step.timeout:
                yield Edge(step.timeout.next, f"after {step.timeout.after.text}")
        case steps.Multisplit():
            yield from (Edge(branch.next, f"branch {place + 1}") for place, branch in enumerate(step.branches))
            yield Edge(step.otherwise, "otherwise")
        case steps.Experiment():
            yield from (Edge(branch.next, f"{branch.id}: {branch.weight} %") for branch in step.branches)
        case steps.Exit():
            return
        case other:
            yield Edge(other.next)


def _branch(branch: WaitBranch) -> str:
    if isinstance(branch, EventBranch):
        return _event(branch)
    return (" and " if isinstance(branch, AllBranch) else " or ").join(_event(each) for each in branch.triggers)


def _event(trigger: Trigger) -> str:
    return trigger.event + (" if ..." if trigger.conditions is not None else "")
