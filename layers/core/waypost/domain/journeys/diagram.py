"""The diagram of a journey as Mermaid text, which GitHub and many editors draw (docs/journeys.md#diagram)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from waypost.domain.journeys.journey import Journey
from waypost.domain.journeys.message_steps import MessageStep
from waypost.domain.journeys.steps import AnyStep, Exit, Experiment, JumpTo, Multisplit
from waypost.domain.journeys.waits import DateWindow, DayWindow, TimeDelay, WaitUntil, WeekWindow


def mermaid(journey: Journey, counts: Mapping[str, int] | None = None, more: str | None = None) -> str:
    """The flowchart of a journey; with `counts` (number of customers by step id), how many customers are at each step.

    If `more` is given, the counts are only a part: each has a `+`, and a comment at the end holds `more`, the cursor of the next part.
    """
    # A step may be called `end` or `class`, which are words of Mermaid's own: nodes are numbered, and ids stand in their labels.
    names = {step.id: f"s{position}" for position, step in enumerate(journey.steps)}
    lines = ["flowchart TD", f"  entry([{_quoted(journey.entry.label)}]) --> {names[journey.first.id]}"]
    for step in journey.steps:
        count = [] if counts is None else [f"{counts.get(step.id, 0)}{'+' if more else ''} here"]
        lines.append(f"  {names[step.id]}{_node(step, count)}")
        lines += [f"  {names[step.id]} -->{f'|{_quoted(edge.label)}|' if edge.label else ''} {names[edge.target]}" for edge in step.edges]
    lines += [f"  exit{position}([{_quoted('exit on ' + trigger.label)}])" for position, trigger in enumerate(journey.exit)]
    lines += [f"%% next: {more}"] if more else []
    return "\n".join(lines) + "\n"


def description(step: AnyStep) -> str:
    """What a step does, in a few words."""
    return _shape_and_action(step)[1]


def _node(step: AnyStep, count: list[str]) -> str:
    before, action, after = _shape_and_action(step)
    return before + _quoted("<br/>".join([step.id, action, *count])) + after


def _shape_and_action(step: AnyStep) -> tuple[str, str, str]:
    """What a step does, in a few words, between the brackets of its shape.

    A step that ends a run is rounded, one that chooses a branch is a rhombus, one in which time passes a parallelogram.
    """
    node: tuple[str, str, str]
    match step:
        case MessageStep():
            node = "[", step.channel, "]"
        case TimeDelay():
            node = "[/", f"wait {step.delay.text}", "/]"
        case DateWindow() | DayWindow():
            node = "[/", f"from {step.from_} to {step.to}", "/]"
        case WeekWindow():
            node = "[/", f"{', '.join(step.on_days)} from {step.from_time} to {step.to_time}", "/]"
        case WaitUntil():
            node = "[/", "wait for", "/]"
        case Multisplit() | Experiment():
            node = "{", step.type, "}"
        case JumpTo():
            node = "[", step.type, "]"
        case Exit():
            node = "([", step.type, "])"
        case _:
            assert_never(step)
    return node


def _quoted(text: str) -> str:
    return '"' + text.replace("&", "#amp;").replace('"', "#quot;").replace("\n", " ") + '"'
