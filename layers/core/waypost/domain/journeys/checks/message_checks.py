"""The checks of what a journey asks of its messages: the steps and statuses that waits and conditions name, and events that are reports.

`docs/journeys.md#publish-checks` lists them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from waypost.domain.journeys.checks import graph
from waypost.domain.journeys.checks.condition_checks import Place, condition_in
from waypost.domain.journeys.conditions import Comparison, comparisons
from waypost.domain.journeys.known_statuses import KNOWN_STATUSES, REPORT_EVENTS
from waypost.domain.journeys.message_steps import step_class
from waypost.domain.journeys.operators import Relation
from waypost.domain.values.findings import Finding
from waypost.domain.values.json_pointers import pointer

_WITHOUT_VALUE: Final = frozenset({Relation.PRESENT, Relation.MISSING})


def findings(raw: Mapping[str, Any], steps: Sequence[Any]) -> Iterator[Finding]:
    """The faults of a definition and its steps, which are JSON values. Parts that do not parse are skipped: they have other findings."""
    messages = _Messages(steps)
    for place, trigger in _triggers(raw, steps):
        yield from _trigger_faults(place, trigger)
    for position, step in enumerate(steps):
        branches = step.get("branches") if isinstance(step, Mapping) else None
        for index, branch in enumerate(branches if isinstance(branches, list) else ()):
            place = ("steps", position, "branches", index)
            if step.get("type") == "waitUntil" and isinstance(branch, Mapping) and isinstance(branch.get("message"), str):
                yield from messages.faults_of_step((*place, "message"), branch["message"], step.get("id"))
                yield from messages.faults_of_status((*place, "status"), branch["message"], branch.get("status"))
            elif step.get("type") == "multisplit" and (condition := condition_in(branch)) is not None:
                for where, comparison in comparisons(condition, (*place, "conditions")):
                    yield from messages.faults_of_comparison(where, comparison, step.get("id"))


class _Messages:
    """The message steps of a definition, and from where they can be reached."""

    def __init__(self, steps: Sequence[Any]) -> None:
        self._nodes = graph.nodes_by_id(steps)
        self._steps: dict[Any, Mapping[str, Any]] = {}
        for step in steps:
            if isinstance(step, Mapping) and isinstance(step.get("id"), str):
                self._steps.setdefault(step["id"], step)

    def faults_of_step(self, place: Place, message: str, asking: Any) -> Iterator[Finding]:
        """What is wrong with the step whose id is `message`, of which the step with the id `asking` wants to know something."""
        step = self._steps.get(message)
        if step is None:
            yield Finding("unknown-step", f"no step has the id {message[:64]!r}", pointer(place))
        elif step.get("type") != "message":
            yield Finding("not-a-message", f"the step {message!r} sends no message", pointer(place))
        elif asking not in graph.reached_from(self._nodes, message):
            yield Finding("message-not-before", f"no path leads from the message {message!r} to this step", pointer(place))

    def faults_of_status(self, place: Place, message: str, status: Any) -> Iterator[Finding]:
        """A status that the messages of this step never have."""
        step = self._steps.get(message)
        if step is None or step.get("type") != "message" or status not in KNOWN_STATUSES:
            return
        if status == "unsubscribed":
            if step.get("transactional") is True:
                yield Finding("unknown-status", "a transactional message has no topic from which anyone could unsubscribe", pointer(place))
        elif status != "failed" and status not in step_class(step.get("channel")).reported_statuses:
            yield Finding("unknown-status", f"no message by {step.get('channel')} is ever {status}", pointer(place))

    def faults_of_comparison(self, place: Place, comparison: Comparison, asking: Any) -> Iterator[Finding]:
        """What is wrong with a comparison, at `place`, of the status of a message; nothing for one of another property."""
        if comparison.message is None:
            return
        yield from self.faults_of_step((*place, "property"), comparison.message, asking)
        if comparison.rule.relation in _WITHOUT_VALUE:
            return
        if comparison.value in KNOWN_STATUSES:
            yield from self.faults_of_status((*place, "value"), comparison.message, comparison.value)
        else:
            listed = ", ".join(f"`{each}`" for each in KNOWN_STATUSES)
            yield Finding("bad-condition-value", f"the status of a message is one of {listed}", pointer((*place, "value")))


def _triggers(raw: Mapping[str, Any], steps: Sequence[Any]) -> Iterator[tuple[Place, Any]]:
    """The entry, the exits, and the events of all waits, each with its place."""
    yield ("entry",), raw.get("entry")
    exits = raw.get("exit")
    for index, part in enumerate(exits if isinstance(exits, list) else ()):
        yield ("exit", index), part
    for position, step in enumerate(steps):
        branches = step.get("branches") if isinstance(step, Mapping) and step.get("type") == "waitUntil" else None
        for index, branch in enumerate(branches if isinstance(branches, list) else ()):
            place = ("steps", position, "branches", index)
            yield place, branch
            for name in ("any", "all"):
                events = branch.get(name) if isinstance(branch, Mapping) else None
                for number, event in enumerate(events if isinstance(events, list) else ()):
                    yield (*place, name, number), event


def _trigger_faults(place: Place, trigger: Any) -> Iterator[Finding]:
    name, where = (trigger, place) if isinstance(trigger, str) else (_name_in(trigger), (*place, "event"))
    if isinstance(name, str) and name in REPORT_EVENTS:
        detail = 'delivery reports neither start nor move a run; a wait asks for them by {"message": "<step>", "status": "opened"}'
        yield Finding("report-event", detail, pointer(where))
    condition = condition_in(trigger)
    for below, comparison in comparisons(condition, (*place, "conditions")) if condition is not None else ():
        if comparison.message is not None:
            yield Finding("bad-property", "only the conditions of a multisplit see the status of a message", pointer((*below, "property")))


def _name_in(trigger: Any) -> Any:
    return trigger.get("event") if isinstance(trigger, Mapping) else None
