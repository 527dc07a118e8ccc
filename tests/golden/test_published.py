"""Definitions that earlier releases published and that publishing refuses today, or that failed at run time: they run on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.fakes.journey_harness import event, only_run, play
from tests.golden.files import text_of
from waypost.domain.journeys.journey import Journey, parse
from waypost.domain.values import exact_json

NOW = datetime(2026, 11, 23, 5, 17, 13, tzinfo=UTC)


@pytest.mark.parametrize("definition", exact_json.loads(text_of("published-before-checks")), ids=lambda each: each["id"])
@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
def test_a_version_that_can_no_longer_be_published_still_runs(definition: dict[str, Any], zone: str) -> None:
    """It parses as it is stored, customers enter it, and a run reaches its end in any zone."""
    stored = exact_json.loads(exact_json.dumps(definition))
    assert isinstance(parse(stored), Journey)
    rest = {name: value for name, value in stored.items() if name not in ("id", "steps", "entry")}
    events = [event("go", NOW, n=1), event("two", NOW + timedelta(minutes=1))]
    run = only_run(play(stored["steps"], *events, zone=zone, entry=stored["entry"], **rest))
    assert run.active is False
    assert run.history[-1].step == "end"
