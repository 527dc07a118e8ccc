"""Customers that are never wrong: whatever is told in whatever way comes to what the reference model says.

A history is a seed. `WAYPOST_HISTORIES` is how many are told; a failure names its seed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from tests.model.agreement import assert_model, assert_only_conflicts_are_refused, assert_sound
from tests.model.history_generator import EAGER, HistoryGenerator, Told, requests, trigger
from tests.model.reference_model import people
from tests.model.simulated_system import SimulatedSystem

HISTORIES = int(os.environ.get("WAYPOST_HISTORIES", "10000"))
SHARDS = 10
FACTS, CONFLICTS, RUNS = range(3)


def worlds(shard: int, test: int, share: float, **teller: Any) -> Iterator[tuple[int, list[Told], SimulatedSystem]]:
    """Towns that have lived through a history each: every tenth of a test's share of all histories, with their seeds."""
    for number in range(shard, int(HISTORIES * share), SHARDS):
        seed = 3 * number + test
        random = Random(seed)
        history = HistoryGenerator(random, **teller).history()
        system = SimulatedSystem(random, random.choice((0.0, 0.05, 0.2)))
        system.live_through(requests(random, history))
        yield seed, history, system


@pytest.mark.parametrize("shard", range(SHARDS))
def test_the_same_facts_told_in_any_way_make_the_same_customers(shard: int) -> None:
    """Any order, any batches, things twice, calls that fail, answers that get lost, several at once: the model knows none of it."""
    for seed, history, system in worlds(shard, FACTS, 0.4):
        assert system.refused() == {}, f"seed {seed}"
        assert_model(system, history, f"seed {seed}")


@pytest.mark.parametrize("shard", range(SHARDS))
def test_a_conflict_changes_nothing(shard: int) -> None:
    """What is refused contradicts what was accepted; what was accepted never gives an id to two; and only that is in force."""
    for seed, history, system in worlds(shard, CONFLICTS, 0.2, quarrels=True):
        assert_only_conflicts_are_refused(system, history, f"seed {seed}")


@pytest.mark.parametrize("shard", range(SHARDS))
def test_no_run_is_lost_and_once_is_once_for_a_person(shard: int) -> None:
    """Absorbs take runs along; whoever had entered, by whichever id, enters no more; who had not, enters once by all ids together."""
    for seed, history, system in worlds(shard, RUNS, 0.4, kinds=EAGER):
        names = sorted(people([told.said for told in history]))
        system.live_through([[trigger("nothing", name, f"met {name.value}") for name in names]])
        assert_sound(system, f"seed {seed}")
        before = system.entered(names)
        last = [[trigger(event, name, f"last {event} {name.value}") for event in ("stands", "keyed")] for name in names]
        system.live_through(last)
        assert_sound(system, f"seed {seed}")
        after = system.entered(names)
        for owner in set(system.everybody(names).values()):
            for journey, key in (("stands", ""), ("keyed", "a")):
                assert len(after[owner, journey, key]) == (len(before[owner, journey, key]) or 1), f"seed {seed}"
        system.let_timers_come(days=4)
        assert_sound(system, f"seed {seed}")
        assert not [run for run in system.world.runs.all if run.journey == "waits" and run.active], f"seed {seed}"
