"""Facts about a customer merge in any order (contract 2)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.ingest_harness import event_of, wire
from waypost.domain.customers import facts
from waypost.domain.customers.facts import Facts, merge

AT = datetime(2026, 11, 23, tzinfo=UTC)


def said(at: int, uuid: Any = "u", **payload: Any) -> Facts:
    """The facts of a `$set` so many milliseconds after the beginning."""
    time = (AT + timedelta(milliseconds=at)).isoformat()
    return event_of(wire("$set", timestamp=time, uuid=uuid, payload=payload)).facts


def left(*many: Facts) -> Mapping[str, Any]:
    """The attributes that facts leave."""
    return facts.attributes_of(merge(*many))


@pytest.mark.parametrize(
    ("said_first", "said_next", "attributes"),
    [
        (said(1, plan="free"), said(2, plan="pro"), {"plan": "pro"}),
        (said(1, plan="free"), said(2, age=31), {"plan": "free", "age": 31}),
        (said(1, plan="free"), said(2, plan=None), {}),
        (said(3, plan="free"), said(2, plan=None), {"plan": "free"}),
        (said(1, **{"$set_once": {"plan": "first"}}), said(0, plan="set"), {"plan": "set"}),
        (said(1, **{"$set_once": {"plan": "first"}}), said(2, **{"$set_once": {"plan": "second"}}), {"plan": "first"}),
        (said(2, plan=None), said(3, **{"$set_once": {"plan": "late"}}), {}),
        (said(1, plan="free"), said(2, **{"$set_once": {"plan": None}}), {"plan": "free"}),
        (said(1, **{"$set": {"age": 31}, "plan": "pro"}), {}, {"age": 31, "plan": "pro"}),
    ],
    ids=[
        "later",
        "others stay",
        "removed",
        "removed before",
        "once below set",
        "earliest once",
        "once after removal",
        "null once",
        "nested",
    ],
)
def test_the_latest_time_wins_for_each_attribute(said_first: Facts, said_next: Facts, attributes: Mapping[str, Any]) -> None:
    """Whichever of the two is heard first."""
    assert left(said_first, said_next) == left(said_next, said_first) == attributes


def test_a_tie_is_broken_by_the_events_identity() -> None:
    """The same winner in whatever order two events of one millisecond come."""
    one, other = said(1, "one", plan="a"), said(1, "other", plan="b")
    assert left(one, other) == left(other, one)
    assert {left(said(1, str(index), plan="a"), said(1, str(index + 100), plan="b"))["plan"] for index in range(20)} == {"a", "b"}


def test_times_before_1970_count_as_1970() -> None:
    """A device without a clock can be overruled by any other."""
    old = event_of(wire("$set", timestamp="0001-01-01T00:00:00Z", payload={"plan": "old"})).facts
    assert left(old, said(0, plan="new")) == {"plan": "new"}


ONE_FACT = st.builds(
    lambda at, uuid, name, value, once: said(at, uuid, **({"$set_once": {name: value}} if once else {name: value})),
    st.integers(0, 3),
    st.sampled_from("uvw"),
    st.sampled_from(["plan", "age"]),
    st.sampled_from(["x", 1, None]),
    st.booleans(),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(ONE_FACT, max_size=6), st.randoms(use_true_random=False))
def test_facts_in_any_order_any_number_of_times_and_any_grouping_leave_the_same(many: list[Facts], dice: Any) -> None:
    """What makes one customer of batches from several devices at once."""
    again = many + many[:2]
    dice.shuffle(again)
    heard: Facts = {}
    for each in again:
        heard = merge(heard, each)
    assert heard == merge(*many)


def test_the_weight_of_a_customer_is_what_is_remembered_of_it() -> None:
    """A removed attribute is no attribute, but its name is still there; device tokens never count."""
    held = merge(said(1, plan="free", age=31), said(2, age=None), {"t:android": facts.fact(facts.set_stamp(AT, "u"), "tok")})
    assert facts.size_of(held) == (1, len('a:plan"free"') + len("a:agenull"))
