"""Customers that are never wrong: whatever is told in whatever way comes to what the reference model says.

A history is a seed. `WAYPOST_HISTORIES` is how many are told; a failure names its seed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from random import Random

import pytest

from tests.model.histories import Storyteller, Told, requests, trigger
from tests.model.people import conflicts, people
from tests.model.town import Town
from waypost.domain.reasons import Reason

HISTORIES = int(os.environ.get("WAYPOST_HISTORIES", "10000"))
SHARDS = 10
FACTS, CONFLICTS, RUNS = range(3)


def worlds(shard: int, test: int, share: float, *, quarrels: bool = False) -> Iterator[tuple[int, list[Told], Town]]:
    """Towns that have lived through a history each: every tenth of a test's share of all histories, with their seeds."""
    for number in range(shard, int(HISTORIES * share), SHARDS):
        seed = 3 * number + test
        random = Random(seed)
        history = Storyteller(random, quarrels=quarrels).history()
        town = Town(random, random.choice((0.0, 0.05, 0.2)))
        town.live_through(requests(random, history))
        yield seed, history, town


def assert_model(town: Town, accepted: list[Told], seed: int) -> None:
    """Every identifier names the person that the model says, and those that it does not know name nobody."""
    model = people([told.said for told in accepted])
    assert {name: town.person(name) for name in model} == model, f"seed {seed}"
    assert {row.owner for row in town.world.customers.rows} == model.keys(), f"seed {seed}"


@pytest.mark.parametrize("shard", range(SHARDS))
def test_the_same_facts_told_in_any_way_make_the_same_customers(shard: int) -> None:
    """Any order, any batches, things twice, calls that fail, answers that get lost, several at once: the model knows none of it."""
    for seed, history, town in worlds(shard, FACTS, 0.5):
        assert town.refused() == {}, f"seed {seed}"
        assert_model(town, history, seed)


@pytest.mark.parametrize("shard", range(SHARDS))
def test_a_conflict_changes_nothing(shard: int) -> None:
    """What is refused contradicts what was accepted; what was accepted never gives an id to two; and only that is in force."""
    for seed, history, town in worlds(shard, CONFLICTS, 0.25, quarrels=True):
        refused = town.refused()
        accepted = [told for told in history if told.said.uuid not in refused]
        said = [told.said for told in accepted]
        assert set(refused.values()) <= {Reason.CORRELATION_CONFLICT}, f"seed {seed}"
        assert conflicts(said) == [], f"seed {seed}"
        assert all(conflicts([told.said, *said]) for told in history if told not in accepted), f"seed {seed}"
        assert_model(town, accepted, seed)


@pytest.mark.parametrize("shard", range(SHARDS))
def test_no_run_is_lost_and_once_is_once_for_a_person(shard: int) -> None:
    """Absorbs take runs along; whoever had entered, by whichever id, enters no more; who had not, enters once by all ids together."""
    for seed, history, town in worlds(shard, RUNS, 0.25):
        names = sorted(people([told.said for told in history]))
        town.live_through([[trigger("nothing", name, f"met {name.value}")] for name in names])
        assert_sound(town, seed)
        before = town.entered(names)
        last = [[trigger(event, name, f"last {event} {name.value}") for event in ("stands", "ends", "keyed")] for name in names]
        town.live_through(last)
        assert_sound(town, seed)
        after = town.entered(names)
        for owner in set(town.everybody(names).values()):
            for journey, key in (("stands", ""), ("ends", ""), ("keyed", "a")):
                assert len(after[owner, journey, key]) == (len(before[owner, journey, key]) or 1), f"seed {seed}"


def assert_sound(town: Town, seed: int) -> None:
    """Every run is there once with its message, nothing is owed, and of one journey and key at most one run goes on."""
    runs, receipts = town.world.runs, town.world.receipts.stored.values()
    there = sorted(run.id for run in runs.all)
    assert there == sorted(move.run or "" for receipt in receipts for move in receipt.moves if move.outcome == "entered"), f"seed {seed}"
    assert there == sorted(message.run for message in town.world.messages.stored.values()), f"seed {seed}"
    assert town.world.queued == {name for _, name in town.world.messages.stored}, f"seed {seed}"
    assert runs.owed == [], f"seed {seed}"
    for standing in runs.standings.values():
        active = [(run.journey, run.key) for run in standing.runs if run.active]
        assert len(active) == len(set(active)), f"seed {seed}"
        assert not (standing.gate.to and standing.runs), f"seed {seed}"
