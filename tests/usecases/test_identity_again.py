"""Customers of whom things are said again: a repeated event is the same event, whatever time it seems to have."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any

import pytest

from tests.fakes.ingest_harness import ADA, identify, wire
from tests.model.simulated_system import Town


@pytest.fixture
def town() -> Town:
    """A workspace with intake and matcher, in good weather."""
    return Town(Random(0), bad=0.0)


def tell(town: Town, *events: dict[str, Any]) -> None:
    """Posts events, matches them, and lets a minute pass."""
    town.post(events)
    town.finish()
    town.received += timedelta(minutes=1)


@pytest.mark.parametrize("first", [identify, lambda **more: wire("$set", payload={"plan": more.pop("plan")}, **more)])
def test_an_event_without_a_time_that_comes_again_is_not_news(town: Town, first: Any) -> None:
    """It is known by its uuid: what was said in between stays."""
    tell(town, identify(plan="none", at=...))
    again = first(plan="free") | {"uuid": "u1", "timestamp": None}
    tell(town, again)
    assert town.world.customers.customer(ADA).attributes["plan"] == "free"
    tell(town, identify(plan="pro", at=...))
    tell(town, again)
    assert town.world.customers.customer(ADA).attributes["plan"] == "pro"
