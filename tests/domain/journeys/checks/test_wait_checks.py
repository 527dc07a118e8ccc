"""The publish checks of waits, delays, windows and experiments, each fault with its place."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from waypost.domain.journeys.checks.publish_checks import publishable
from waypost.domain.journeys.journey import Journey, json_schema

END = {"id": "end", "type": "exit"}


def faults(*steps: dict[str, Any], **changes: Any) -> set[tuple[str, str]]:
    """The codes and pointers of the faults of a journey of these steps."""
    raw = {"id": "j", "entry": {"event": "go"}, "steps": [*steps, END], **changes}
    found = publishable(raw, lambda _: None, lambda _: None)
    return set() if isinstance(found, Journey) else {(finding.code, finding.pointer) for finding in found}


def wait(*branches: Any, **more: Any) -> dict[str, Any]:
    """A wait whose branches lead to the end."""
    return {"id": "w", "type": "waitUntil", "branches": [{"next": "end", **each} for each in branches], **more}


def delay(text: Any, following: str = "end", name: str = "d") -> dict[str, Any]:
    """A delay."""
    return {"id": name, "type": "timeDelay", "delay": text, "next": following}


def window(**parts: Any) -> dict[str, Any]:
    """A window that leads to the end."""
    return {"id": "t", "type": "timeWindow", "next": "end", **parts}


def experiment(*weights: Any) -> dict[str, Any]:
    """An experiment whose branches lead to the end."""
    return {"id": "x", "type": "experiment", "branches": [{"id": f"b{n}", "weight": each, "next": "end"} for n, each in enumerate(weights)]}


def over(value: Any) -> dict[str, Any]:
    """A condition on the total."""
    return {"property": "payload.total", "operator": "is greater than", "value": value}


@pytest.mark.parametrize(
    "step",
    [
        delay("PT30S"),
        delay("P1Y"),
        window(**{"from": "2026-12-01", "to": "2026-12-24T18:00:00Z"}),
        window(**{"from": "22:00", "to": "06:00"}),
        window(onDays=["monday", "sunday"], fromTime="09:00", toTime="17:00"),
        window(onDays=["monday"], fromTime="00:00", toTime="00:00"),
        wait({"id": "yes", "event": "paid"}, timeout={"after": "P3D", "next": "end"}),
        wait({"any": ["a", {"event": "b", "conditions": over(3)}]}, {"all": ["c", "d"]}),
        wait({"event": "paid", "conditions": over(10)}, {"event": "paid", "conditions": over(5)}, {"event": "paid"}),
        wait({"event": "paid", "source": "mobile"}, {"event": "paid"}),
        wait({"all": ["a", "b"]}, {"event": "a"}),
        experiment(100),
        experiment(1, 99),
    ],
)
def test_a_valid_step_is_published(step: dict[str, Any]) -> None:
    """A step without faults has no findings and is valid under the published JSON Schema."""
    assert faults(step) == set()
    Draft202012Validator(json_schema()).validate({"id": "j", "entry": {"event": "go"}, "steps": [step, END]})


@pytest.mark.parametrize(
    ("step", "fault"),
    [
        (delay("3 days"), ("bad-duration", "/steps/0/delay")),
        (delay("P2Y"), ("bad-duration", "/steps/0/delay")),
        (delay("-P1D"), ("bad-duration", "/steps/0/delay")),
        (window(**{"from": "soon", "to": "later"}), ("bad-time", "/steps/0/from")),
        (window(**{"from": "2026-12-24", "to": "2026-12-01"}), ("empty-window", "/steps/0")),
        (window(**{"from": "09:00", "to": "09:00"}), ("empty-window", "/steps/0")),
        (window(onDays=[], fromTime="09:00", toTime="17:00"), ("empty-list", "/steps/0/onDays")),
        (window(onDays=["someday"], fromTime="09:00", toTime="17:00"), ("unknown-choice", "/steps/0/onDays/0")),
        (window(onDays=["monday"], fromTime="9", toTime="17:00"), ("bad-format", "/steps/0/fromTime")),
        (wait(), ("empty-list", "/steps/0/branches")),
        (wait({}), ("missing-field", "/steps/0/branches/0/event")),
        (wait({"event": "a", "next": "nowhere"}), ("unknown-step", "/steps/0/branches/0/next")),
        (wait({"all": []}), ("empty-conditions", "/steps/0/branches/0/all")),
        (wait({"event": "a", "source": "message"}), ("message-source", "/steps/0/branches/0/source")),
        (wait({"event": "a", "conditions": {}}), ("empty-conditions", "/steps/0/branches/0/conditions")),
        (wait({"event": "a"}, timeout={"after": "PT0S", "next": "end"}), ("zero-timeout", "/steps/0/timeout")),
        (wait({"event": "a"}, timeout={"after": "P1D", "next": "no"}), ("unknown-step", "/steps/0/timeout/next")),
        (wait({"any": [{"event": "a", "conditions": over("x")}]}), ("bad-condition-value", "/steps/0/branches/0/any/0/conditions/value")),
        (wait({"event": "a"}, {"event": "a", "conditions": over(3)}), ("never-matches", "/steps/0/branches/1")),
        (wait({"event": "a", "conditions": over(3)}, {"event": "a", "conditions": over(5)}), ("never-matches", "/steps/0/branches/1")),
        (wait({"any": ["a", "b"]}, {"any": ["b", "a"]}), ("never-matches", "/steps/0/branches/1")),
        (wait({"event": "a"}, {"all": ["a", "b"]}), ("never-matches", "/steps/0/branches/1")),
        (experiment(50, 49), ("bad-weights", "/steps/0/branches")),
        (experiment(101, -1), ("bad-value", "/steps/0/branches/0/weight")),
        (experiment(0, 100), ("bad-value", "/steps/0/branches/0/weight")),
        (experiment(50.5, 49.5), ("wrong-type", "/steps/0/branches/0/weight")),
        (experiment(), ("empty-list", "/steps/0/branches")),
    ],
)
def test_a_step_that_cannot_run_is_refused_at_its_place(step: dict[str, Any], fault: tuple[str, str]) -> None:
    """A step that cannot run is refused, with a stable code and a pointer to the fault."""
    assert fault in faults(step)


def test_a_cycle_needs_a_wait_or_a_delay_above_zero() -> None:
    """A cycle through a delay of zero or a window is refused, since a window may be open; a delay above zero or a wait makes it valid."""
    back = {"id": "back", "type": "jumpTo"}
    assert ("endless-loop", "/steps/0") in faults(delay("PT0S", "back"), back | {"next": "d"})
    assert ("endless-loop", "/steps/0") in faults(window(**{"from": "09:00", "to": "17:00", "next": "back"}), back | {"next": "t"})
    assert not {code for code, _ in faults(delay("PT1S", "back"), back | {"next": "d"})} & {"endless-loop"}
    assert not {code for code, _ in faults(wait({"event": "a", "next": "back"}), back | {"next": "w"})} & {"endless-loop"}


def test_quiet_hours_end() -> None:
    """Quiet hours that begin and end at the same time are refused, since they would last for ever or never."""
    assert faults(delay("P1D"), quietHours={"from": "22:00", "to": "22:00"}) == {("empty-window", "/quietHours")}
