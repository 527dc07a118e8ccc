"""Random histories lead to the customers and runs that the reference model expects, whatever goes wrong on the way.

A history is determined by a seed, which the message of a failure names. `WAYPOST_HISTORIES` is the number of histories: `make test` runs
1,000 of them, `.ci/run` 10,000, `make model` 200,000.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from tests.model.agreement import assert_complete_log, assert_consistent_runs, assert_model, assert_only_conflicts_are_rejected
from tests.model.history_generator import MOSTLY_TRIGGERS, GeneratedEvent, HistoryGenerator, requests, trigger
from tests.model.reference_model import expected_customers
from tests.model.simulated_system import SimulatedSystem

HISTORIES = int(os.environ.get("WAYPOST_HISTORIES", "1000"))
SHARDS = 10
FACTS, CONFLICTS, RUNS = range(3)


def processed_histories(
    shard: int, test: int, share: float, **generator: Any
) -> Iterator[tuple[str, list[GeneratedEvent], SimulatedSystem]]:
    """Histories with the systems that processed them, each with a label that names its seed.

    A test gets a `share` of all histories, and a shard every tenth of them.
    """
    for number in range(shard, int(HISTORIES * share), SHARDS):
        seed = 3 * number + test
        random = Random(seed)
        history = HistoryGenerator(random, **generator).history()
        system = SimulatedSystem(random, random.choice((0.0, 0.05, 0.2)))
        system.process(requests(random, history))
        yield f"seed {seed}", history, system


@pytest.mark.parametrize("shard", range(SHARDS))
def test_the_same_events_lead_to_the_same_customers(shard: int) -> None:
    """Customers do not depend on order, batches, repeated events, failed calls, lost results and parallel work."""
    for label, history, system in processed_histories(shard, FACTS, 0.4):
        assert system.rejected() == {}, label
        assert_model(system, history, label)
        assert_complete_log(system, history, label)


@pytest.mark.parametrize("shard", range(SHARDS))
def test_a_rejected_event_changes_nothing(shard: int) -> None:
    """An event is rejected only if it conflicts with accepted events; those contain no conflict, and only those have an effect."""
    for label, history, system in processed_histories(shard, CONFLICTS, 0.2, conflicting=True):
        assert_only_conflicts_are_rejected(system, history, label)
        assert_complete_log(system, history, label)


@pytest.mark.parametrize("shard", range(SHARDS))
def test_no_run_is_lost_and_once_is_once_for_a_merged_customer(shard: int) -> None:
    """A merge keeps all runs. A customer that has entered by any of its ids does not enter again; another enters once by all ids."""
    for label, history, system in processed_histories(shard, RUNS, 0.4, kinds=MOSTLY_TRIGGERS):
        identifiers = sorted(expected_customers([event.facts for event in history]))
        system.process([[trigger("nothing", each, f"known {each.value}") for each in identifiers]])
        assert_consistent_runs(system, label)
        before = system.entered(identifiers)
        last = [[trigger(event, each, f"last {event} {each.value}") for event in ("stands", "keyed")] for each in identifiers]
        system.process(last)
        assert_consistent_runs(system, label)
        after = system.entered(identifiers)
        for customer in set(system.current_ids(identifiers).values()):
            for journey, key in (("stands", ""), ("keyed", "a")):
                assert len(after[customer, journey, key]) == (len(before[customer, journey, key]) or 1), label
        system.pass_days(4)
        assert_consistent_runs(system, label)
        assert not [run for run in system.matcher.runs.all if run.journey == "waits" and run.active], label
