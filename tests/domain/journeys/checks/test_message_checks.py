"""The publish checks of waits and conditions that name a message, each fault with its place."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.fakes.journeys import jump, message
from waypost.domain.journeys.checks.publish_checks import publishable
from waypost.domain.journeys.journey import Journey, json_schema

END = {"id": "end", "type": "exit"}
HOOK = {"id": "hello", "type": "message", "channel": "webhook", "template": {"url": "https://example.com/"}, "next": "wait"}
MAIL = message("hello", "wait")


def definition(*steps: Any, **changes: Any) -> dict[str, Any]:
    """A journey of these steps, as JSON."""
    return {"id": "j", "entry": {"event": "go"}, "steps": [*steps, END], **changes}


def faults(*steps: Any, **changes: Any) -> set[tuple[str, str]]:
    """The codes and pointers of the faults of a journey of these steps."""
    found = publishable(definition(*steps, **changes), lambda _: None, lambda _: None)
    return set() if isinstance(found, Journey) else {(finding.code, finding.pointer) for finding in found}


def wait(*branches: Any, name: str = "wait", **more: Any) -> dict[str, Any]:
    """A wait whose branches lead to the end unless they say otherwise."""
    return {"id": name, "type": "waitUntil", "branches": [{"next": "end", **each} for each in branches], **more}


def asks(status: str, name: str = "hello", **more: Any) -> dict[str, Any]:
    """A branch on the status of a message."""
    return {"message": name, "status": status, **more}


def split(*comparisons: dict[str, Any]) -> dict[str, Any]:
    """A multisplit with these conditions, in the place of the wait."""
    branches = [{"conditions": each, "next": "end"} for each in comparisons]
    return {"id": "wait", "type": "multisplit", "branches": branches, "otherwise": "end"}


def status(value: Any, operator: str = "is equal to", name: str = "hello") -> dict[str, Any]:
    """A comparison of the status of a message."""
    return {"property": f"messages.{name}.status", "operator": operator, "value": value}


@pytest.mark.parametrize(
    "steps",
    [
        *([MAIL, wait(asks(each))] for each in ("delivered", "bounced", "opened", "clicked", "failed", "unsubscribed")),
        *([HOOK, wait(asks(each))] for each in ("delivered", "opened", "clicked", "failed", "unsubscribed")),
        [MAIL, wait(asks("clicked", link="https://example.com/"), asks("clicked"), asks("opened"), asks("delivered"), {"event": "paid"})],
        [MAIL, split(status("opened"), status(None, "exists"), {"not": {"any": [status("failed"), status("unsubscribed")]}})],
        [MAIL, wait(asks("opened", next="hello"), timeout={"after": "P1D", "next": "end"})],
        [MAIL, wait(asks("opened"), timeout={"after": "P1D", "next": "wait"})],
        [HOOK | {"transactional": True}, wait(asks("delivered"))],
    ],
)
def test_what_a_message_can_become_is_published(steps: list[Any]) -> None:
    """Each of these is published, and the JSON Schema accepts it."""
    assert faults(*steps) == set()
    Draft202012Validator(json_schema()).validate(definition(*steps))


AT_BRANCH = "/steps/1/branches/0"
AT_CONDITION = "/steps/1/branches/0/conditions"


@pytest.mark.parametrize(
    ("steps", "code", "pointer"),
    [
        pytest.param([MAIL, wait(asks("opened", "other"))], "unknown-step", f"{AT_BRANCH}/message", id="unknown step"),
        pytest.param([MAIL, wait(asks("opened", "wait"))], "not-a-message", f"{AT_BRANCH}/message", id="a step of another type"),
        pytest.param([HOOK, wait(asks("bounced"))], "unknown-status", f"{AT_BRANCH}/status", id="webhooks never bounce"),
        pytest.param([MAIL, wait(asks("sent"))], "unknown-choice", f"{AT_BRANCH}/status", id="no status"),
        pytest.param(
            [MAIL | {"transactional": True}, wait(asks("unsubscribed"))], "unknown-status", f"{AT_BRANCH}/status", id="no topic to leave"
        ),
        pytest.param([MAIL, wait(asks("opened", link="x"))], "link-without-click", f"{AT_BRANCH}/link", id="a link without a click"),
        pytest.param([MAIL, wait(asks("opened", event="paid"))], "unknown-field", f"{AT_BRANCH}/event", id="an event beside the message"),
        pytest.param([MAIL, wait({"event": "$opened"})], "report-event", f"{AT_BRANCH}/event", id="a report as an event"),
        pytest.param([MAIL, wait({"any": ["paid", "$clicked"]})], "report-event", f"{AT_BRANCH}/any/1", id="a report in a list"),
        pytest.param(
            [MAIL, wait({"all": [{"event": "$delivered"}, "paid"]})], "report-event", f"{AT_BRANCH}/all/0/event", id="a report of all"
        ),
        pytest.param([MAIL, split(status("opened", name="other"))], "unknown-step", f"{AT_CONDITION}/property", id="condition, unknown"),
        pytest.param([HOOK, split(status("bounced"))], "unknown-status", f"{AT_CONDITION}/value", id="condition, never bounces"),
        pytest.param([MAIL, split(status("sent"))], "bad-condition-value", f"{AT_CONDITION}/value", id="condition, no status"),
        pytest.param([MAIL, split({"not": status(3)})], "bad-condition-value", f"{AT_CONDITION}/not/value", id="condition, no text"),
        pytest.param([MAIL, split(status("x") | {"property": "messages.hello"})], "bad-property", f"{AT_CONDITION}/property", id="no path"),
        pytest.param(
            [MAIL, wait({"event": "paid", "conditions": {"all": [status("opened")]}})],
            "bad-property",
            f"{AT_CONDITION}/all/0/property",
            id="a condition of an event",
        ),
        pytest.param([MAIL, wait(asks("opened"), asks("clicked"))], "never-matches", "/steps/1/branches/1", id="taken by an open"),
        pytest.param(
            [MAIL, wait(asks("clicked"), asks("clicked", link="https://example.com/"))],
            "never-matches",
            "/steps/1/branches/1",
            id="taken by any click",
        ),
        pytest.param(
            [MAIL, split({"all": [status("opened"), status("clicked")]})], "never-matches", AT_CONDITION, id="two statuses at once"
        ),
        pytest.param([MAIL, wait(asks("opened", next="wait"), {"event": "paid"})], "fast-loop", "/steps/1", id="known for ever"),
        pytest.param([MAIL, wait(asks("failed", next="hello"), {"event": "paid"})], "fast-loop", "/steps/1", id="fails again and again"),
    ],
)
def test_what_a_message_cannot_become_is_refused(steps: list[Any], code: str, pointer: str) -> None:
    """Each of these has one fault, at this place."""
    assert faults(*steps) == {(code, pointer)}


def test_a_wait_cannot_ask_for_a_message_that_comes_after_it() -> None:
    """A message that no path leads from to the wait, or to the condition, is refused at the name of its step."""
    steps = [wait(asks("opened"), {"event": "paid", "next": "hello"}, name="first"), message("hello", "end")]
    assert faults(*steps) == {("message-not-before", "/steps/0/branches/0/message")}
    other = split(status("opened")) | {"id": "first", "otherwise": "hello"}
    assert faults(other, message("hello", "end")) == {("message-not-before", "/steps/0/branches/0/conditions/property")}


def test_reports_neither_start_nor_end_a_run() -> None:
    """An entry or an exit on a report is refused, and so is one whose conditions ask for the status of a message."""
    assert faults(MAIL | {"next": "end"}, entry={"event": "$opened"}) == {("report-event", "/entry/event")}
    assert faults(MAIL | {"next": "end"}, exit=[{"event": "$clicked"}]) == {("report-event", "/exit/0/event")}
    conditions = {"event": "go", "conditions": status("opened")}
    assert faults(MAIL | {"next": "end"}, entry=conditions) == {("bad-property", "/entry/conditions/property")}


def test_a_cycle_through_steps_that_take_no_time_is_found() -> None:
    """The cycle need not be the wait alone: jumps and splits between the branch and the wait take no time either."""
    steps = [MAIL, wait(asks("opened", next="back"), {"event": "paid"}), jump("back", "wait")]
    assert faults(*steps) == {("fast-loop", "/steps/1")}


@pytest.mark.parametrize("name", [{}, [], 1, None])
def test_an_event_without_a_name_is_no_report(name: object) -> None:
    """A name of another type is the fault of its type, and the checks of the reports do not fail on it."""
    assert "report-event" not in {code for code, _ in faults(MAIL | {"next": "end"}, entry={"event": name})}
