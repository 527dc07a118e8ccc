"""Repeated events without a timestamp: a repetition is the same event, although its time of receipt is later."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any

import pytest

from tests.fakes.ingest_harness import ADA, identify, wire
from tests.model.simulated_system import SimulatedSystem


@pytest.fixture
def system() -> SimulatedSystem:
    """A workspace with intake and matcher, without faults."""
    return SimulatedSystem(Random(0), fault_rate=0.0)


def process(system: SimulatedSystem, *events: dict[str, Any]) -> None:
    """Posts events, matches them, and lets a minute pass."""
    system.post(events)
    system.deliver_all()
    system.received += timedelta(minutes=1)


@pytest.mark.parametrize("first", [identify, lambda **more: wire("$set", payload={"plan": more.pop("plan")}, **more)])
def test_a_repeated_event_without_a_timestamp_changes_nothing(system: SimulatedSystem, first: Any) -> None:
    """A repeated event without a timestamp does not overwrite what was set between its two receipts."""
    process(system, identify(plan="none", at=...))
    again = first(plan="free") | {"uuid": "u1", "timestamp": None}
    process(system, again)
    assert system.matcher.customers.customer(ADA).attributes["plan"] == "free"
    process(system, identify(plan="pro", at=...))
    process(system, again)
    assert system.matcher.customers.customer(ADA).attributes["plan"] == "pro"
