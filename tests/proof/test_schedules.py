"""Random schedules of everything that can happen to a stack, and the promises that hold at the end of each.

A schedule is determined by its seed, which the message of a failure names: `make proof SEED=n` replays it and makes it short.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count as numbers

import pytest

from tests.proof.counted import IS_FULL, count
from tests.proof.schedule_runs import started
from tests.proof.schedules import schedule_of
from tests.proof.shrinking import carried_out, minimal

SHARDS = 4
STEPS = 104_000 if IS_FULL else 4_000
"""The calls of AWS and of receivers that all shards together make, at least."""


@pytest.mark.usefixtures("simulation")
@pytest.mark.parametrize("shard", range(SHARDS))
def test_random_schedules_keep_all_promises(shard: int) -> None:
    """All promises hold, in whatever order events are posted, records delivered, journeys changed, and calls disturbed."""
    steps = schedules = 0
    for number in numbers():
        if steps >= STEPS / SHARDS:
            break
        execution, failure = carried_out(schedule_of(shard + SHARDS * number))
        steps += execution.steps
        schedules += 1
        if failure is not None:
            count("violations")
            pytest.fail(f"{failure.text}\nseed {execution.schedule.seed}: make proof SEED={execution.schedule.seed}", pytrace=False)
    count("random steps", steps)
    count("random schedules", schedules)


def test_a_list_is_made_as_short_as_what_fails() -> None:
    """What is left of 100 numbers are the three without which nothing fails."""
    tried: list[int] = []

    def fails(kept: Sequence[int]) -> bool:
        tried.append(1)
        return {3, 50, 97} <= set(kept)

    assert list(minimal(range(100), fails)) == [3, 50, 97]
    assert len(tried) < 60


@pytest.mark.usefixtures("simulation")
def test_a_seed_determines_all_that_happens() -> None:
    """A schedule happens in the same way once more, also after another one in the same process."""

    def outline(seed: int) -> tuple[int, float, object]:
        execution = started(schedule_of(seed))
        execution.run()
        return execution.steps, execution.system.clock.seconds, execution.injected_faults

    first = outline(15)
    outline(8)
    assert outline(15) == first
