"""What publishing refuses in the template of a text message."""

from __future__ import annotations

from typing import Any

import pytest

from waypost.domain.journeys.checks.publish_checks import publishable
from waypost.domain.journeys.journey import Journey


def faults(**template: Any) -> list[tuple[str, str]]:
    """Code and pointer of each fault of a journey that sends a text message with this template."""
    step = {"id": "text", "type": "message", "channel": "sms", "template": template, "next": "end"}
    raw = {"id": "texts", "entry": {"event": "go"}, "steps": [step, {"id": "end", "type": "exit"}]}
    found = publishable(raw, lambda _: None, lambda _: None)
    return [] if isinstance(found, Journey) else [(each.code, each.pointer) for each in found]


@pytest.mark.parametrize(
    ("template", "code", "pointer"),
    [
        ({}, "missing-field", "/steps/0/template/text"),
        ({"text": ""}, "empty-text", "/steps/0/template/text"),
        ({"text": " \n"}, "empty-template", "/steps/0/template/text"),
        ({"text": "a" * 1601}, "too-long", "/steps/0/template/text"),
        ({"text": "Hi", "to": "0151 12345678"}, "bad-address", "/steps/0/template/to"),
        ({"text": "Hi", "to": ""}, "bad-address", "/steps/0/template/to"),
        ({"text": "Hi", "type": "marketing"}, "unknown-choice", "/steps/0/template/type"),
        ({"text": "Hi", "from": "Shop"}, "unknown-field", "/steps/0/template/from"),
    ],
)
def test_a_wrong_text_message_is_refused(template: dict[str, Any], code: str, pointer: str) -> None:
    """Each fault has its code and the pointer to its field."""
    assert (code, pointer) in faults(**template)


@pytest.mark.parametrize(
    "template",
    [
        {"text": "a" * 1600},
        {"text": "{{ event.payload.text }}" + " " * 1600, "to": "{{ customer.mobile }}"},
        {"text": "Hi", "to": "+49 151 12345678", "type": "promotional"},
    ],
    ids=["1,600 characters", "Liquid", "a number with spaces"],
)
def test_a_text_message_can_be_published(template: dict[str, Any]) -> None:
    """A text of 1,600 characters, a number with separators, and what only rendering can decide are accepted."""
    assert faults(**template) == []
