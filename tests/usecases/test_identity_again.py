"""Customers of whom things are said again: a repeated event is the same event, whatever time it seems to have."""

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


def tell(system: SimulatedSystem, *events: dict[str, Any]) -> None:
    """Posts events, matches them, and lets a minute pass."""
    system.post(events)
    system.deliver_all()
    system.received += timedelta(minutes=1)


@pytest.mark.parametrize("first", [identify, lambda **more: wire("$set", payload={"plan": more.pop("plan")}, **more)])
def test_an_event_without_a_time_that_comes_again_is_not_news(system: SimulatedSystem, first: Any) -> None:
    """It is known by its uuid: what was said in between stays."""
    tell(system, identify(plan="none", at=...))
    again = first(plan="free") | {"uuid": "u1", "timestamp": None}
    tell(system, again)
    assert system.matcher.customers.customer(ADA).attributes["plan"] == "free"
    tell(system, identify(plan="pro", at=...))
    tell(system, again)
    assert system.matcher.customers.customer(ADA).attributes["plan"] == "pro"
