"""Definitions of journeys: parsing, defaults, re-entry keys and the published JSON Schema."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.fakes.journeys import EVERY_STEP
from waypost.domain.journeys.journey import Journey, Reentry, json_schema, parse
from waypost.domain.journeys.triggers import Trigger

WELCOME: dict[str, Any] = {
    "id": "welcome",
    "name": "Welcome",
    "entry": {
        "event": "trigger_some_message",
        "conditions": {"all": [{"property": "payload.some_value", "operator": "is equal to", "value": "the_value"}]},
        "reentry": {"mode": "once"},
    },
    "exit": [{"event": "unsubscribed"}],
    "quietHours": {"from": "22:00", "to": "07:00", "otherwise": "wait"},
    "steps": [
        {
            "id": "hello",
            "type": "message",
            "channel": "email",
            "template": {"from": "us@example.com", "subject": "Hi", "text": "Hello."},
            "next": "hook",
        },
        {
            "id": "hook",
            "type": "message",
            "channel": "webhook",
            "template": {"url": "https://example.com/hook", "json": {"who": "{{ customer.email }}"}},
            "next": "split",
        },
        {
            "id": "split",
            "type": "multisplit",
            "branches": [{"conditions": {"property": "customer.plan", "operator": "exist"}, "next": "jump"}],
            "otherwise": "end",
        },
        {"id": "jump", "type": "jumpTo", "next": "end"},
        {"id": "end", "type": "exit"},
    ],
}


def journey(**changes: Any) -> Journey:
    """The welcome journey with some fields changed."""
    parsed = parse({**WELCOME, **changes})
    assert isinstance(parsed, Journey), parsed
    return parsed


def test_a_journey_starts_at_its_first_step_and_finds_the_others() -> None:
    """A run begins at the first step, a step is found by its id, and an unknown id raises KeyError."""
    welcome = journey()
    assert welcome.first.id == "hello"
    assert welcome.step("end").type == "exit"
    with pytest.raises(KeyError):
        welcome.step("nowhere")


def test_fields_that_are_left_out_have_defaults() -> None:
    """Without the fields, a customer enters once under no conditions, an unknown outcome is held, and a webhook is a POST."""
    bare = journey(entry={"event": "hello"}, exit=[])
    assert (bare.entry.conditions, bare.entry.source, bare.entry.reentry.mode) == (None, None, "once")
    hook = bare.step("hook")
    assert hook.type == "message"
    assert (hook.on_unknown, hook.on_failure, hook.strict) == ("hold", None, False)
    assert hook.channel == "webhook"
    assert hook.template.method == "POST"


@pytest.mark.parametrize(
    ("wanted", "source", "expected"),
    [
        (None, "custom", True),
        (None, "tracker", True),
        (None, "message", False),
        ("mobile", "custom", True),
        ("custom", "mobile", True),
        ("tracker", "custom", False),
        ("tracker", "tracker", True),
    ],
)
def test_an_entry_matches_every_source_but_message_unless_it_names_one(wanted: str | None, source: str, expected: bool) -> None:
    """`mobile` and `custom` are one source, a delivery report starts no run, and names of events are case-sensitive."""
    assert Trigger(event="hello", source=wanted).matches("hello", source) is expected
    assert Trigger(event="hello", source=wanted).matches("Hello", source) is False


@pytest.mark.parametrize(
    ("payload", "key"),
    [
        ({"order": {"id": "A-1"}}, "A-1"),
        ({"order": {"id": 2}}, "2"),
        ({"order": {"id": Decimal("2.0")}}, "2"),
        ({"order": {"id": "007"}}, "007"),
        ({"order": {"id": True}}, "true"),
        ({"order": {"id": ["b", 1]}}, '["b",1]'),
        ({"order": {"id": None}}, None),
        ({"order": {"id": ""}}, None),
        ({}, None),
    ],
)
def test_the_key_of_a_run_comes_from_the_payload(payload: Any, key: str | None) -> None:
    """Equal values make the same key, a missing or empty value makes none, and `payload.` may be left out of the path."""
    assert Reentry(key="payload.order.id").key_of(payload) == key
    assert Reentry(key="order.id").key_of(payload) == key


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (Decimal("1e2"), "100"),
        (100, "100"),
        (Decimal("-0.0"), "-0"),
        (Decimal("1e999999"), "1E+999999"),
        (Decimal("0.10"), "0.1"),
        (12345678901234567890123456789012345678, "12345678901234567890123456789012345678"),
    ],
)
def test_numeric_keys_are_exact_and_short(number: Any, text: str) -> None:
    """A key of a number keeps all digits, drops trailing zeros, and does not write out a huge exponent."""
    assert Reentry(key="n").key_of({"n": number}) == text


def test_a_journey_without_a_key_has_one_run_for_each_customer() -> None:
    """Without `key` the key of every run is the empty text, which no payload can produce."""
    assert Reentry().key_of({"order": 1}) == ""


ROOT = Path(__file__).parents[3]
STEPS = [*EVERY_STEP["steps"], {**EVERY_STEP["steps"][-3], "from": "2026-12-01T08:00:00.000Z", "to": "2026-12-24 18:00+01:00"}]


def examples() -> Iterator[tuple[str, Any]]:
    """Every valid definition in this repository: of the documents, the sample requests, the golden data and these tests."""
    for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for number, block in enumerate(re.findall(r"^```json journey\n(.*?)^```", path.read_text(), re.DOTALL | re.MULTILINE)):
            yield f"{path.name}-{number}", json.loads(block)
    request = json.loads((ROOT / "events" / "manage-save-journey.json").read_text())
    yield "events", {"id": "welcome", **json.loads(base64.b64decode(request["body"]))}
    for number, definition in enumerate(json.loads((ROOT / "tests" / "golden" / "definitions.json").read_text())):
        yield f"golden-{number}", definition
    yield from [("every-step", EVERY_STEP), ("welcome", WELCOME)]


@pytest.mark.parametrize("definition", [pytest.param(definition, id=name) for name, definition in examples()])
def test_the_json_schema_accepts_every_example(definition: Any) -> None:
    """Every valid definition in this repository parses and is valid under the published JSON Schema."""
    assert isinstance(parse(definition), Journey)
    assert [error.json_path for error in Draft202012Validator(json_schema()).iter_errors(definition)] == []


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step["id"])
def test_the_json_schema_accepts_every_step_as_one_kind_only(step: dict[str, Any]) -> None:
    """A valid step matches exactly one of the schema's step types: `oneOf` refuses a step that matches two."""
    schema = json_schema()
    kinds = [{"$ref": kind["$ref"], "$defs": schema["$defs"]} for kind in step_kinds(schema["properties"]["steps"]["items"])]
    assert sum(Draft202012Validator(kind).is_valid(step) for kind in kinds) == 1


def step_kinds(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The members of a union in a JSON Schema, with nested unions dissolved."""
    for kind in schema["oneOf"]:
        yield from step_kinds(kind) if "oneOf" in kind else [kind]


@pytest.mark.parametrize(
    "step",
    [
        {"id": "w", "type": "timeWindow", "from": "22:00", "to": "2026-12-01", "next": "end"},
        {"id": "w", "type": "timeWindow", "from": "soon", "to": "later", "next": "end"},
        {"id": "w", "type": "timeWindow", "from": "25:00", "to": "06:00", "next": "end"},
        {"id": "w", "type": "timeWindow", "onDays": ["someday"], "fromTime": "09:00", "toTime": "17:00", "next": "end"},
    ],
    ids=["a time and a date", "no times", "no time of day", "no day"],
)
def test_the_json_schema_refuses_windows_that_do_not_parse(step: dict[str, Any]) -> None:
    """An editor marks a window whose texts are neither two local times nor two dates, as publishing refuses it."""
    definition = {**WELCOME, "steps": [step, {"id": "end", "type": "exit"}]}
    assert isinstance(parse(definition), list)
    assert not Draft202012Validator(json_schema()).is_valid(definition)


def test_the_json_schema_is_valid_and_refuses_an_unknown_operator() -> None:
    """The schema conforms to draft 2020-12, and a definition with an operator that does not exist is invalid under it."""
    Draft202012Validator.check_schema(json_schema())
    condition = {"property": "payload.a", "operator": "resembles", "value": 1}
    assert not Draft202012Validator(json_schema()).is_valid({**WELCOME, "entry": {"event": "hello", "conditions": condition}})


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"quiet_hours": WELCOME["quietHours"]}, "/quiet_hours"),
        ({"steps": [{**WELCOME["steps"][0], "on_failure": "end"}, *WELCOME["steps"][1:]]}, "/steps/0/on_failure"),
        (
            {"steps": [{**WELCOME["steps"][0], "template": {"sender": "us@example.com", "subject": "Hi", "text": "Hello."}}]},
            "/steps/0/template/sender",
        ),
        ({"steps": [{"id": "days", "type": "timeWindow", "on_days": ["monday"], "next": "end"}]}, "/steps/0/on_days"),
    ],
    ids=["the journey", "a step", "a template", "a time window"],
)
def test_a_definition_has_no_python_names(changes: dict[str, Any], place: str) -> None:
    """A field of a definition has one name, that of JSON: the name of the Python attribute is an unknown field."""
    without_quiet_hours = {name: value for name, value in WELCOME.items() if name != "quietHours"}
    found = parse({**without_quiet_hours, **changes})
    assert isinstance(found, list)
    assert ("unknown-field", place) in {(each.code, each.pointer) for each in found}
