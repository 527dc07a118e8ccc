"""Every call of every scenario goes wrong in every way, and then each pair of calls. At each end all promises hold."""

from __future__ import annotations

from random import Random

import pytest

from tests.proof import faults
from tests.proof.counted import IS_FULL, count
from tests.proof.explorer import Explorer
from tests.proof.scenarios import SCENARIOS, Scenario

SHORT_SAMPLE = 0.05
"""The share of the single faults that `make test` tries; `make proof` tries all of them."""
SHORT_PAIRS = 0.005


def _explore(explorer: Explorer) -> None:
    explorer.run()
    for name, number in explorer.counts.items():
        count(f"crash points: {name}", number)


@pytest.mark.usefixtures("simulation")
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_each_call_may_go_wrong_once(scenario: Scenario) -> None:
    """One fault at one call, whichever, changes nothing of what is promised, nor what comes of the scenario."""
    _explore(Explorer(scenario, faults.SINGLE, sample=1.0 if IS_FULL else SHORT_SAMPLE))


@pytest.mark.usefixtures("simulation")
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_two_calls_may_go_wrong(scenario: Scenario) -> None:
    """Two faults at two calls, each of which the process may not survive or whose answer may be lost, change nothing either."""
    _explore(Explorer(scenario, faults.PAIRED, faults.PAIRED, sample=1.0 if IS_FULL else SHORT_PAIRS))


@pytest.mark.usefixtures("simulation")
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_two_calls_may_go_wrong_in_any_way(scenario: Scenario) -> None:
    """A seeded sample of the pairs of all other faults."""
    _explore(Explorer(scenario, faults.SINGLE, faults.SINGLE, sample=0.05 if IS_FULL else 0.0025, random=Random(scenario.name)))
