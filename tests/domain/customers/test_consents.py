"""Consents as facts, and the state of a topic that follows from them (docs/customers.md#consent)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.domain.customers.consents import (
    ALL,
    MAX_CONSENTS,
    ConsentChange,
    change_in,
    consent_state,
    has_too_many,
    merged_consents,
    opt_out_facts,
)
from waypost.domain.customers.facts import Facts, fact, happened_after, merge, set_once_stamp, set_stamp
from waypost.domain.customers.topics import Topic, find_topic, with_general

AT = datetime(2026, 11, 23, tzinfo=UTC)
NEWS = Topic(id="news")
OPT_IN = Topic(id="news", default="unsubscribed", double_opt_in=True)


def change(
    state: Literal["subscribed", "unsubscribed"], at: int, topic: str = "news", channel: str = "email", *, confirmed: bool = False
) -> ConsentChange:
    """A change of consent this many milliseconds after AT."""
    return ConsentChange(state, topic, channel, AT + timedelta(milliseconds=at), f"u{at}", "custom", confirmed=confirmed)


def subscribed(at: int, topic: str = "news", channel: str = "email", *, confirmed: bool = False) -> Facts:
    """The facts of a subscription."""
    return change("subscribed", at, topic, channel, confirmed=confirmed).facts


def unsubscribed(at: int, topic: str = "news", channel: str = "email") -> Facts:
    """The facts of an unsubscription."""
    return change("unsubscribed", at, topic, channel).facts


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ([], "subscribed"),
        ([unsubscribed(1)], "unsubscribed"),
        ([unsubscribed(1), subscribed(2)], "subscribed"),
        ([subscribed(1), unsubscribed(2), subscribed(0)], "unsubscribed"),
        ([unsubscribed(1), subscribed(1)], "unsubscribed"),
        ([unsubscribed(1, ALL, ALL)], "unsubscribed"),
        ([unsubscribed(1, ALL), subscribed(2)], "subscribed"),
        ([subscribed(1), unsubscribed(2, "news", ALL)], "unsubscribed"),
        ([unsubscribed(1, "offers"), unsubscribed(1, "news", "webhook")], "subscribed"),
    ],
    ids=[
        "no consent",
        "unsubscribed",
        "subscribed later",
        "subscribed earlier",
        "at the same time",
        "all topics of all channels",
        "subscribed after all topics",
        "all channels",
        "another topic, another channel",
    ],
)
def test_the_latest_consent_decides_in_any_order(facts: list[Facts], state: str) -> None:
    """The latest consent of a topic, a channel or all of them decides, in whatever order they arrive; a tie is an unsubscription."""
    for order in permutations(facts):
        assert consent_state(merge(*order), NEWS, "email") == state


def test_without_a_consent_the_default_of_the_topic_counts() -> None:
    """A topic whose default is `unsubscribed` needs a subscription."""
    assert consent_state({}, OPT_IN, "email") == "unsubscribed"
    assert consent_state(subscribed(1), Topic(id="news", default="unsubscribed"), "email") == "subscribed"


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ([subscribed(1)], "pending"),
        ([subscribed(1, confirmed=True)], "subscribed"),
        ([subscribed(1), subscribed(3, confirmed=True)], "subscribed"),
        ([subscribed(1, confirmed=True), subscribed(3)], "subscribed"),
        ([subscribed(1, confirmed=True), unsubscribed(2), subscribed(3)], "pending"),
        ([subscribed(3), unsubscribed(2), subscribed(2, confirmed=True)], "pending"),
        ([subscribed(1, confirmed=True), unsubscribed(2)], "unsubscribed"),
    ],
    ids=[
        "not confirmed",
        "confirmed",
        "confirmed later",
        "subscribed again",
        "subscribed after a stop",
        "confirmed at the time of the stop",
        "stopped",
    ],
)
def test_double_opt_in_needs_a_confirmation_after_the_last_stop(facts: list[Facts], state: str) -> None:
    """A subscription to a topic with double opt-in is pending until it is confirmed; a confirmation from before a stop counts no more."""
    for order in permutations(facts):
        assert consent_state(merge(*order), OPT_IN, "email") == state


@given(st.lists(st.tuples(st.sampled_from(["s", "u", "k"]), st.integers(0, 5), st.sampled_from(["news", ALL])), max_size=6))
def test_the_last_unsubscription_is_never_overruled_by_its_own_time(drawn: list[tuple[str, int, str]]) -> None:
    """No set of consents has a state other than unsubscribed while its latest time is that of an unsubscription."""
    facts = merge(*(unsubscribed(at, about) if kind == "u" else subscribed(at, about, confirmed=kind == "k") for kind, at, about in drawn))
    latest = max((at for _, at, _ in drawn), default=None)
    stops = [at for kind, at, _ in drawn if kind == "u"]
    if latest is not None and latest in stops:
        assert consent_state(facts, OPT_IN, "email") == consent_state(facts, NEWS, "email") == "unsubscribed"


@pytest.mark.parametrize(
    ("own", "other", "state"),
    [
        ([unsubscribed(1)], [subscribed(9)], "unsubscribed"),
        ([unsubscribed(1)], [], "unsubscribed"),
        ([subscribed(9)], [unsubscribed(1)], "unsubscribed"),
        ([subscribed(9)], [unsubscribed(1), subscribed(2)], "subscribed"),
        ([subscribed(9)], [], "subscribed"),
        ([unsubscribed(1), subscribed(2)], [], "subscribed"),
        ([unsubscribed(1), subscribed(2)], [unsubscribed(0)], "unsubscribed"),
        ([unsubscribed(1, ALL, ALL)], [subscribed(20)], "unsubscribed"),
    ],
    ids=[
        "stopped here, subscribed there",
        "stopped here",
        "subscribed here, stopped there",
        "subscribed on both sides",
        "subscribed here",
        "subscribed again here",
        "subscribed again here, stopped there",
        "stopped everything here, subscribed there after the merge",
    ],
)
def test_an_unsubscription_wins_a_merge(own: list[Facts], other: list[Facts], state: str) -> None:
    """After a merge at time 10 a customer is unsubscribed where one of the two was, whichever consent was the later one."""
    known = merge(*other)
    merged = merge(known, merged_consents(merge(*own), known, AT + timedelta(milliseconds=10)))
    assert consent_state(merged, NEWS, "email") == state
    assert consent_state(merge(merged, subscribed(30)), NEWS, "email") == "subscribed"


def test_a_confirmation_from_before_a_stop_does_not_come_back_by_a_merge() -> None:
    """An anonymous customer that has stopped and subscribed again without a confirmation is still pending after a merge."""
    own = merge(subscribed(1, confirmed=True), unsubscribed(2), subscribed(3))
    assert consent_state(merged_consents(own, {}, AT), OPT_IN, "email") == "pending"
    confirmed = merge(own, subscribed(4, confirmed=True))
    assert consent_state(merged_consents(confirmed, {}, AT), OPT_IN, "email") == "subscribed"


def test_a_change_can_be_read_back_from_its_facts() -> None:
    """The facts of a change hold all of it; facts without a consent hold none."""
    for each in (change("subscribed", 5), change("unsubscribed", 5, ALL, ALL), change("subscribed", 5, confirmed=True)):
        assert change_in({**each.facts, "a:plan": fact(set_stamp(AT, "u"), "pro")}, each.uuid) == each
    assert change_in({"a:plan": fact(set_stamp(AT, "u"), "pro")}, "u") is None


def test_an_opt_out_of_an_address_counts_like_an_unsubscription() -> None:
    """A topic that is stored with an address is unsubscribed until a later subscription; `*` stands for all topics."""
    opted_out = opt_out_facts("email", {ALL: AT + timedelta(milliseconds=5)})
    assert consent_state(merge(subscribed(4), opted_out), NEWS, "email") == "unsubscribed"
    assert consent_state(merge(subscribed(6), opted_out), NEWS, "email") == "subscribed"
    assert consent_state(opted_out, NEWS, "webhook") == "subscribed"


def test_the_number_of_consents_is_bounded_and_a_stop_of_everything_is_not() -> None:
    """A row may have consents about 200 pairs of topic and channel; those of all topics do not count."""
    full = merge(*(subscribed(1, f"t{number}") for number in range(MAX_CONSENTS)))
    assert not has_too_many({**full, **unsubscribed(2, "t0"), **unsubscribed(2, ALL, ALL), **unsubscribed(2, ALL)})
    assert has_too_many({**full, **unsubscribed(2, "one-more")})


def test_facts_of_each_rank_know_their_time() -> None:
    """Sets, sets once and consents that a merge has brought tell whether they happened after an instant."""
    [by_merge] = merged_consents(subscribed(2), {}, AT).values()
    stamps = (set_stamp(AT + timedelta(milliseconds=2), "u"), set_once_stamp(AT + timedelta(milliseconds=2), "u"))
    for text in (*(fact(stamp, 1) for stamp in stamps), by_merge):
        assert happened_after(text, AT + timedelta(milliseconds=1))
        assert not happened_after(text, AT + timedelta(milliseconds=2))


def test_the_topic_general_always_exists() -> None:
    """Without settings there is the topic `general`, to which customers are subscribed; settings may redefine it."""
    assert find_topic((), None) == find_topic((), "general") == Topic(id="general", default="subscribed")
    redefined = Topic(id="general", default="unsubscribed")
    assert find_topic((NEWS, redefined), None) == redefined
    assert find_topic((NEWS,), "offers") is None
    assert [topic.id for topic in with_general((NEWS,))] == ["general", "news"]
    assert with_general((NEWS, redefined)) == (NEWS, redefined)
