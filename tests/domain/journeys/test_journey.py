"""Journeys as teams write them: what is read, what stands for what is left out, what editors are told."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from jsonschema import Draft202012Validator

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
    """Steps are found by id; an id that is not there is an error of ours."""
    welcome = journey()
    assert welcome.first.id == "hello"
    assert welcome.step("end").type == "exit"
    with pytest.raises(KeyError):
        welcome.step("nowhere")


def test_what_is_left_out_has_a_meaning() -> None:
    """Re-entry once, hold what is unknown, POST, and no conditions at all."""
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
def test_an_entry_hears_every_source_but_message_unless_it_names_one(wanted: str | None, source: str, expected: bool) -> None:
    """`mobile` and `custom` are one source; delivery reports open nothing."""
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
def test_a_keyed_journey_tells_runs_apart_by_the_payload(payload: Any, key: str | None) -> None:
    """Equal values are one key, and a missing one is no key; `payload.` may be left out."""
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
    """No digit is lost, and no exponent is written out."""
    assert Reentry(key="n").key_of({"n": number}) == text


def test_a_journey_without_a_key_has_one_run_for_each_customer() -> None:
    """The key is then the empty text, which no payload can make."""
    assert Reentry().key_of({"order": 1}) == ""


def test_the_published_schema_accepts_what_we_accept() -> None:
    """Editors get a valid schema of draft 2020-12 that takes the example and points at a wrong operator."""
    schema = json_schema()
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(WELCOME)
    condition = {"property": "payload.a", "operator": "resembles", "value": 1}
    assert not Draft202012Validator(schema).is_valid({**WELCOME, "entry": {"event": "hello", "conditions": condition}})
