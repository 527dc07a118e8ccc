"""The publish checks of waits, delays, windows and experiments, each fault with its place."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from waypost.domain.journeys.checks.publish_checks import publishable
from waypost.domain.journeys.journey import Journey, json_schema, parse

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
        delay("PT1S"),
        delay("PT0M1S"),
        delay("P1M"),
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
        (delay("PT0S"), ("too-short", "/steps/0/delay")),
        (delay("PT0.999S"), ("too-short", "/steps/0/delay")),
        (wait({"event": "a"}, timeout={"after": "PT0.001S", "next": "end"}), ("too-short", "/steps/0/timeout")),
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


def test_a_cycle_needs_a_wait_or_a_delay() -> None:
    """A cycle through a delay of zero or a window is refused, since a window may be open; a wait or a long delay makes it valid."""
    back = {"id": "back", "type": "jumpTo"}
    assert ("endless-loop", "/steps/0") in faults(delay("PT0S", "back"), back | {"next": "d"})
    assert ("endless-loop", "/steps/0") in faults(window(**{"from": "09:00", "to": "17:00", "next": "back"}), back | {"next": "t"})
    assert not {code for code, _ in faults(delay("PT1M", "back"), back | {"next": "d"})} & {"endless-loop", "fast-loop"}
    assert not {code for code, _ in faults(wait({"event": "a", "next": "back"}), back | {"next": "w"})} & {"endless-loop"}


@pytest.mark.parametrize("text", ["PT0S", "P0D", "PT0M0.5S", "PT0.999S"])
def test_the_json_schema_refuses_waits_below_a_second(text: str) -> None:
    """A delay or a timeout below one second is invalid under the JSON Schema, so an editor marks it; a cooldown of zero is valid."""
    schema = Draft202012Validator(json_schema())
    for step in (delay(text), wait({"event": "a"}, timeout={"after": text, "next": "end"})):
        assert not schema.is_valid({"id": "j", "entry": {"event": "go"}, "steps": [step, END]})
    assert schema.is_valid({"id": "j", "entry": {"event": "go", "reentry": {"cooldown": text}}, "steps": [END]})


def loop_of(*steps: dict[str, Any]) -> set[tuple[str, str]]:
    """The faults of a journey that goes through these steps, sends an e-mail and goes back."""
    mail = {"id": "mail", "type": "message", "channel": "email", "template": {"subject": "Hi", "text": "Hi"}, "next": steps[0]["id"]}
    out = {"conditions": over(3), "next": "end"}
    return faults(*steps, mail, {"id": "out", "type": "multisplit", "branches": [out], "otherwise": "mail"})


@pytest.mark.parametrize(
    ("steps", "is_refused"),
    [
        pytest.param([delay("PT59.9S", "out")], True, id="a delay"),
        pytest.param([delay("PT60S", "out")], False, id="a delay of a minute"),
        pytest.param([delay("PT30S", "d2"), delay("PT29S", "out", "d2")], True, id="two delays"),
        pytest.param([delay("PT30S", "d2"), delay("PT30S", "out", "d2")], False, id="two delays of half a minute"),
        pytest.param([wait({"event": "a"}, timeout={"after": "PT5S", "next": "out"})], True, id="a timeout"),
        pytest.param([wait({"event": "a", "next": "out"}, timeout={"after": "P1D", "next": "out"})], False, id="a branch on an event"),
        pytest.param([delay("PT1S", "t"), window(**{"from": "09:00", "to": "10:00", "next": "out"})], True, id="a window adds nothing"),
        pytest.param([delay("P1D", "out")], False, id="a day"),
        pytest.param([delay("a minute", "out")], False, id="a delay that does not parse"),
    ],
)
def test_a_cycle_without_an_event_takes_at_least_a_minute(steps: list[dict[str, Any]], is_refused: bool) -> None:
    """A cycle that no event has to lead round, and whose delays and timeouts add up to less than 60 seconds, cannot be published."""
    assert (("fast-loop", "/steps/0") in loop_of(*steps)) is is_refused


def test_a_fast_cycle_is_reported_once() -> None:
    """A cycle through two delays is one fault, in the step that stands first; a second cycle of the same journey is another one."""
    split = {"id": "split", "type": "multisplit", "branches": [{"conditions": over(3), "next": "d"}], "otherwise": "d3"}
    found = faults(delay("PT1S", "d2"), delay("PT1S", "split", "d2"), split, delay("PT2S", "d3", "d3"), {**delay("P1D"), "id": "unused"})
    assert {each for each in found if each[0] == "fast-loop"} == {("fast-loop", "/steps/0"), ("fast-loop", "/steps/3")}


def test_what_was_published_before_these_checks_still_parses() -> None:
    """A definition with a delay of a millisecond in a loop is no longer published, and its runs go on: parsing accepts it."""
    back = {"id": "back", "type": "jumpTo", "next": "d"}
    assert {"too-short", "fast-loop"} <= {code for code, _ in faults(delay("PT0.001S", "back"), back)}
    assert isinstance(parse({"id": "j", "entry": {"event": "go"}, "steps": [delay("PT0.001S", "back"), back, END]}), Journey)


def test_quiet_hours_end() -> None:
    """Quiet hours that begin and end at the same time are refused, since they would last for ever or never."""
    assert faults(delay("P1D"), quietHours={"from": "22:00", "to": "22:00"}) == {("empty-window", "/quietHours")}
