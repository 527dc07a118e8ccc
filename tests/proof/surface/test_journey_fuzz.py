"""Definitions of journeys, changed at random: saved, checked, published and played, without a fault; and what is published runs."""

from __future__ import annotations

import time
from random import Random
from typing import Any, Final

import pytest

from functions.local.seed import WELCOME
from tests.functions.test_manage_any_value import JOURNEY, SIMULATION
from tests.proof.counted import count, depth
from tests.proof.scenarios import HELLO, NUDGE, RETRIES
from tests.proof.surface.application import Application
from tests.proof.surface.mutations import changed_value
from tests.proof.surface.seeds import DRAW

DEFINITIONS: Final[tuple[Any, ...]] = (JOURNEY, WELCOME, HELLO, NUDGE, RETRIES, DRAW)
EVENTS: Final = ("go", "one", "two", "stop", "signed_up", "purchase", "drawn", "trigger_some_message", "$identify", "$set")


def played(definition: Any, random: Random) -> dict[str, Any]:
    """A dry run of a definition with events in its order, over days."""
    events = [
        {
            "event": random.choice(EVENTS),
            "at": f"2026-11-{23 + day}T05:17:13Z",
            "payload": {"n": day, "key": "k", "some_value": "the_value", "distinct_id": "ada@example.com"},
        }
        for day in range(5)
    ]
    return {**SIMULATION, "events": events, "definition": definition}


@pytest.mark.parametrize("seed", range(6))
def test_no_definition_is_a_fault(application: Application, seed: int) -> None:
    """A changed definition is saved or refused, checked, and played; a published one enters customers, and all that it starts is processed.

    Publishing accepts exactly the definitions in which the check finds no problem.
    """
    random = Random(seed)
    published = 0
    number = depth(8)
    count("definitions at random", number)
    for each in range(number):
        definition = random.choice(DEFINITIONS)
        definition = changed_value(definition, random) if each else {**definition}
        if isinstance(definition, dict):
            definition.pop("id", None) if random.random() < 0.9 else None
        path = f"/api/journeys/j{seed}-{each}"
        checked = application.call("POST", f"{path}/check", definition)
        saved = application.call("PUT", path, definition)
        if saved.status != 201:
            continue
        for action in ("diagram", "picture", "counts", "runs"):
            application.call("GET", f"{path}/{action}")
        answer = application.call("POST", f"{path}/publish")
        assert (answer.status == 200) is (checked.json["errors"] == []), (definition, checked.text, answer.text)
        simulated = application.call("POST", f"{path}/simulate", played(definition, random))
        if answer.status == 200:
            published += 1
            assert simulated.status == 200, (definition, simulated.text)
            run(application, path, random, each)
    assert published


def run(application: Application, path: str, random: Random, number: int) -> None:
    """Sends events to the published journey, processes them and the timers of a day, and stops it. Nothing of that is an error."""
    application.system.clock.advance(11)
    for _ in range(3):
        batch = [
            {
                "correlationKey": "_id",
                "correlationValue": f"d{number}",
                "event": name,
                "payload": {"n": 1, "key": "k", "distinct_id": f"{number}@b.cd"},
            }
            for name in random.sample(EVENTS, 6)
        ]
        assert application.call("POST", "/api/events/batch", {"batch": batch}).status in (201, 207)
        application.settle()
        application.system.advance(86_400)
    application.settle()
    assert application.call("POST", f"{path}/stop").status == 200
    application.settle()


@pytest.mark.parametrize("text", ["", "x" * 20_000], ids=["delays", "messages"])
def test_a_dry_run_of_many_runs_in_a_cycle_fits_into_a_response(application: Application, text: str) -> None:
    """A hundred runs that never end are a response of some megabytes within seconds, or are refused because of their messages."""
    message = {"id": "a", "type": "message", "channel": "email", "template": {"subject": "a", "text": text}, "next": "b"}
    first = message if text else {"id": "a", "type": "timeDelay", "delay": "PT30S", "next": "b"}
    steps = [first, {"id": "b", "type": "timeDelay", "delay": "PT60S", "next": "a"}]
    definition = {"entry": {"event": "go", "reentry": {"mode": "always"}}, "steps": steps}
    body = {
        "definition": definition,
        "events": [{"event": "go", "at": "2026-11-23T05:17:13Z"}] * 100,
        "customer": {"attributes": {"email": "a@b.cd"}},
    }
    started = time.process_time()
    answer = application.call("POST", "/api/journeys/cycle/simulate", body)
    assert time.process_time() - started < 10
    assert (answer.status, answer.json.get("code")) == ((422, "dry-run-too-long") if text else (200, None)), answer.text[:500]
