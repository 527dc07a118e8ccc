"""Two activities at the same time, in every order of their calls: all promises hold, and the outcome is that of a serial order."""

from __future__ import annotations

from random import Random

import pytest

from tests.proof.accesses import Access
from tests.proof.counted import IS_FULL, count
from tests.proof.interleaved_pairs import PAIRS
from tests.proof.interleavings import Interleaver, Pair

SHORT_SAMPLE = 0.015
"""The share of the orders that `make test` tries; `make proof` tries all of them."""


@pytest.mark.usefixtures("simulation")
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_two_activities_have_the_outcome_of_a_serial_order(pair: Pair) -> None:
    """Whichever calls of one activity come between those of the other, the outcome is as if one came after the other."""
    interleaver = Interleaver(pair, 1.0 if IS_FULL else SHORT_SAMPLE, Random(pair.name))
    interleaver.run()
    for name, number in interleaver.counts.items():
        count(name, number)
    assert interleaver.counts["interleavings"] > 1


@pytest.mark.usefixtures("simulation")
@pytest.mark.parametrize("name", ["identify and trigger", "two redrives"])
def test_orders_that_are_left_out_come_to_no_other_end(name: str) -> None:
    """The executions that are left out as equal come to the same stored states as the others."""
    pair = next(each for each in PAIRS if each.name == name)
    some, every = Interleaver(pair), Interleaver(pair, leaves_out=False)
    some.run()
    every.run()
    assert some.ends.keys() == every.ends.keys()
    assert every.counts["interleavings"] > some.counts["interleavings"]


def test_calls_conflict_where_one_writes_what_the_other_uses() -> None:
    """The order of two calls may matter if both use the same item, or a partition and an item of it, and one of them writes it."""
    item, partition, other = ("T", "a", "1"), ("T", "a", None), ("T", "b", None)
    assert Access(writes=frozenset({item})).conflicts_with(Access(reads=frozenset({partition})))
    assert Access(reads=frozenset({partition})).conflicts_with(Access(writes=frozenset({item})))
    assert not Access(reads=frozenset({item})).conflicts_with(Access(reads=frozenset({partition})))
    assert not Access(writes=frozenset({item})).conflicts_with(Access(writes=frozenset({other})))
