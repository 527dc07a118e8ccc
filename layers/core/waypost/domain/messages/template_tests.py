"""Tests of templates: how many there may be, and the marks that tell one from a message to a customer."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final

from waypost.domain.journeys.message_steps import MessageStep
from waypost.domain.messages.message import PreparedMessage

MAX_TESTS: Final = 20
TEST_PERIOD: Final = timedelta(hours=1)
"""A workspace sends at most `MAX_TESTS` tests in any time of this length."""

TEST_MARK: Final = "[Test] "


def marked_as_test(prepared: PreparedMessage, step: type[MessageStep]) -> PreparedMessage:
    """The message as a test: with the mark in front of the text that its receiver reads first, and without any further recipient."""
    rendered = {name: value for name, value in prepared.rendered.items() if name not in step.copy_fields}
    if step.test_mark_field is not None:
        rendered[step.test_mark_field] = TEST_MARK + rendered[step.test_mark_field]
    return replace(prepared, rendered=rendered, is_test=True)
