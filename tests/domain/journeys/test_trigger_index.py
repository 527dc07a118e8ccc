"""The index of entries finds what a plain look at every journey would find, and no slower with more of them."""

from __future__ import annotations

import random
import time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from waypost.domain.journeys.conditions import Scope, holds
from waypost.domain.journeys.journey import Journey, parse
from waypost.domain.journeys.trigger_index import TriggerIndex

NUMBERS: list[Any] = [1, 2, "1", "2.0", Decimal("1.0")]
TEXTS: list[Any] = [True, "true", False, "a", "A", "", "2026-11-23", "2026-11-22T23:00:00Z"]
VALUES: list[Any] = [*NUMBERS, *TEXTS, [1], ["1"], {"a": 1}, {"a": "1"}, None]
PROPERTIES = ["payload.p", "payload.q", "payload.o.p", "payload.l.0", "customer.c"]
OPERATORS = [
    "is equal to",
    "is equal to",
    "is equal to",
    "is not equal to",
    "exist",
    "not exist",
    "is greater than",
    "is less than",
    "contains",
]
EVENTS = ["hello", "bye"]
SOURCES = ["custom", "mobile", "tracker", "message"]
ZONES = ["UTC", "Europe/Berlin"]


def random_condition(dice: random.Random, depth: int = 0) -> dict[str, Any]:
    """A condition of up to three levels."""
    kind = dice.choice(["leaf", "leaf", "all", "all", "any", "not"]) if depth < 3 else "leaf"
    if kind == "leaf":
        return {"property": dice.choice(PROPERTIES), "operator": dice.choice(OPERATORS), "value": dice.choice(VALUES)}
    if kind == "not":
        return {"not": random_condition(dice, depth + 1)}
    return {kind: [random_condition(dice, depth + 1) for _ in range(dice.randint(1, 3))]}


def random_journey(dice: random.Random, name: str) -> Journey:
    """A journey that waits for one of two events under any condition."""
    entry: dict[str, Any] = {"event": dice.choice(EVENTS), "source": dice.choice([None, None, *SOURCES[:3]])}
    if dice.random() < 0.9:
        entry["conditions"] = random_condition(dice)
    parsed = parse({"id": name, "entry": entry, "steps": [{"id": "end", "type": "exit"}]})
    assert isinstance(parsed, Journey)
    return parsed


def random_payload(dice: random.Random) -> dict[str, Any]:
    """A payload that may hold each property, flat, nested, dotted or in a list."""
    payload: dict[str, Any] = {"l": [dice.choice(VALUES)]} if dice.random() < 0.5 else {}
    for name in ("p", "q", "o.p"):
        if dice.random() < 0.7:
            payload[name] = dice.choice(VALUES)
    if dice.random() < 0.5:
        payload["o"] = {"p": dice.choice(VALUES)}
    return payload


def scan(published: list[tuple[Journey, int]], event: str, source: str, payload: dict[str, Any], zone: str) -> list[tuple[Journey, int]]:
    """Every journey, one after the other."""
    scope = Scope(payload, None, zone)
    return [
        (journey, version)
        for journey, version in published
        if journey.entry.matches(event, source)
        and (journey.entry.conditions is None or holds(journey.entry.conditions, scope) is not False)
    ]


@settings(deadline=None, max_examples=1000)
@given(st.integers())
def test_the_index_finds_what_a_plain_scan_finds(seed: int) -> None:
    """The same journeys in the same order, for 100 events against up to 12 journeys in each of 1,000 worlds."""
    dice = random.Random(seed)
    published = [(random_journey(dice, f"j{place}"), dice.randint(1, 9)) for place in range(dice.randint(0, 12))]
    index = TriggerIndex(published)
    for _ in range(100):
        event, source, payload, zone = dice.choice([*EVENTS, "other"]), dice.choice(SOURCES), random_payload(dice), dice.choice(ZONES)
        assert index.candidates(event, source, payload, zone) == scan(published, event, source, payload, zone)


def test_an_event_that_no_entry_names_is_known_at_once() -> None:
    """Most events of an app concern no journey."""
    index = TriggerIndex([(random_journey(random.Random(1), "one"), 1)])
    assert "other" not in index
    assert index.candidates("other", "custom", {}, "UTC") == []


def by_value(count: int) -> TriggerIndex:
    """Journeys of one event that each ask for a value of their own, and for more."""

    def one(place: int) -> Journey:
        conditions = {
            "all": [
                {"property": "payload.kind", "operator": "is equal to", "value": "order"},
                {"property": "payload.product", "operator": "is equal to", "value": place},
                {"property": "payload.total", "operator": "is greater than", "value": 10},
            ]
        }
        parsed = parse(
            {"id": f"j{place}", "entry": {"event": "bought", "conditions": conditions}, "steps": [{"id": "end", "type": "exit"}]}
        )
        assert isinstance(parsed, Journey)
        return parsed

    return TriggerIndex((one(place), 1) for place in range(count))


@pytest.mark.parametrize("product", [7, "7", Decimal("7.0")])
def test_the_time_to_match_does_not_grow_with_the_number_of_journeys(product: Any) -> None:
    """A thousand times as many journeys, at most four times as long: the value, not the journeys, is looked up."""

    def quickest(index: TriggerIndex) -> float:
        payload = {"kind": "order", "product": product, "total": 11}
        times = []
        for _ in range(300):
            start = time.perf_counter()
            found = index.candidates("bought", "custom", payload, "UTC")
            times.append(time.perf_counter() - start)
            assert [journey.id for journey, _ in found] == ["j7"]
        return min(times)

    assert quickest(by_value(10_000)) < 4 * quickest(by_value(10))
