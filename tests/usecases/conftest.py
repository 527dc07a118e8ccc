"""Fixtures for the tests of the use cases: harnesses with one pending message."""

from __future__ import annotations

import pytest

from tests.fakes.send_harness import SendHarness, harness_with


@pytest.fixture
def harness() -> SendHarness:
    """A harness with one pending e-mail."""
    return harness_with()


@pytest.fixture
def webhook_harness() -> SendHarness:
    """A harness with one pending webhook."""
    return harness_with(channel="webhook", step="hook")
