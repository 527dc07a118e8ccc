"""Facts and their merge (docs/customers.md#attributes)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.ingest_harness import event_of, wire
from waypost.domain.customers import facts
from waypost.domain.customers.facts import Facts, merge

AT = datetime(2026, 11, 23, tzinfo=UTC)


def set_facts(at: int, uuid: Any = "u", **payload: Any) -> Facts:
    """The facts of a `$set` this many milliseconds after AT."""
    time = (AT + timedelta(milliseconds=at)).isoformat()
    return event_of(wire("$set", timestamp=time, uuid=uuid, payload=payload)).facts


def attributes_of_all(*fact_sets: Facts) -> Mapping[str, Any]:
    """The attributes in the merge of facts."""
    return facts.attributes_of(merge(*fact_sets))


@pytest.mark.parametrize(
    ("first", "second", "attributes"),
    [
        (set_facts(1, plan="free"), set_facts(2, plan="pro"), {"plan": "pro"}),
        (set_facts(1, plan="free"), set_facts(2, age=31), {"plan": "free", "age": 31}),
        (set_facts(1, plan="free"), set_facts(2, plan=None), {}),
        (set_facts(3, plan="free"), set_facts(2, plan=None), {"plan": "free"}),
        (set_facts(1, **{"$set_once": {"plan": "first"}}), set_facts(0, plan="set"), {"plan": "set"}),
        (set_facts(1, **{"$set_once": {"plan": "first"}}), set_facts(2, **{"$set_once": {"plan": "second"}}), {"plan": "first"}),
        (set_facts(2, plan=None), set_facts(3, **{"$set_once": {"plan": "late"}}), {}),
        (set_facts(1, plan="free"), set_facts(2, **{"$set_once": {"plan": None}}), {"plan": "free"}),
        (set_facts(1, **{"$set": {"age": 31}, "plan": "pro"}), {}, {"age": 31, "plan": "pro"}),
    ],
    ids=[
        "later set",
        "another attribute",
        "later removal",
        "earlier removal",
        "set_once below set",
        "earliest set_once",
        "set_once after removal",
        "null in set_once",
        "nested set",
    ],
)
def test_the_latest_time_wins_for_each_attribute(first: Facts, second: Facts, attributes: Mapping[str, Any]) -> None:
    """Two facts give the same attribute in both orders: the later set or removal, or without one the earlier `$set_once`."""
    assert attributes_of_all(first, second) == attributes_of_all(second, first) == attributes


def test_a_tie_is_decided_by_the_uuid() -> None:
    """Of two events of one millisecond the same one wins in both orders, and it is not always the first or the greater value."""
    one, other = set_facts(1, "one", plan="a"), set_facts(1, "other", plan="b")
    assert attributes_of_all(one, other) == attributes_of_all(other, one)
    assert {
        attributes_of_all(set_facts(1, str(index), plan="a"), set_facts(1, str(index + 100), plan="b"))["plan"] for index in range(20)
    } == {"a", "b"}


def test_times_before_1970_count_as_1970() -> None:
    """A fact with a time before 1970 loses to any later one."""
    old = event_of(wire("$set", timestamp="0001-01-01T00:00:00Z", payload={"plan": "old"})).facts
    assert attributes_of_all(old, set_facts(0, plan="new")) == {"plan": "new"}


ONE_FACT = st.builds(
    lambda at, uuid, name, value, once: set_facts(at, uuid, **({"$set_once": {name: value}} if once else {name: value})),
    st.integers(0, 3),
    st.sampled_from("uvw"),
    st.sampled_from(["plan", "age"]),
    st.sampled_from(["x", 1, None]),
    st.booleans(),
)


@given(st.lists(ONE_FACT, max_size=6), st.randoms(use_true_random=False))
def test_the_merge_does_not_depend_on_order_repetition_or_grouping(fact_sets: list[Facts], random: Any) -> None:
    """Facts merged one by one in any order, some of them twice, are the facts merged all at once."""
    shuffled = fact_sets + fact_sets[:2]
    random.shuffle(shuffled)
    merged: Facts = {}
    for each in shuffled:
        merged = merge(merged, each)
    assert merged == merge(*fact_sets)


def test_the_size_of_facts_counts_what_is_stored() -> None:
    """A removed attribute does not count as an attribute, but its bytes count; device tokens do not count."""
    merged = merge(set_facts(1, plan="free", age=31), set_facts(2, age=None), {"t:android": facts.fact(facts.set_stamp(AT, "u"), "tok")})
    assert facts.size_of(merged) == (1, len('a:plan"free"') + len("a:agenull"))
