"""The trigger index finds what a scan of every entry finds, in a time that does not grow with their number."""

from __future__ import annotations

import random
import time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.messages import NOW
from waypost.domain.journeys.conditions import ConditionScope, holds
from waypost.domain.journeys.journey import Journey, parse
from waypost.domain.journeys.operators import OPERATORS, Relation
from waypost.domain.journeys.trigger_index import MAX_SKIPPED_REPORTED, TriggerIndex

NUMBERS: list[Any] = [1, 2, "1", "2.0", Decimal("1.0")]
TEXTS: list[Any] = [True, "true", False, "a", "A", "", "2026-11-23", "2026-11-22T23:00:00Z"]
VALUES: list[Any] = [*NUMBERS, *TEXTS, [1], ["1"], {"a": 1}, {"a": "1"}, None]
PROPERTIES = ["payload.p", "payload.q", "payload.o.p", "payload.l.0", "customer.c"]
INDEXED = [name for name, rule in OPERATORS.items() if rule.relation in {Relation.EQUAL, Relation.NUMBER_ABOVE, Relation.NUMBER_BELOW}]
EVENTS = ["hello", "bye"]
SOURCES = ["custom", "mobile", "tracker", "message"]
ZONES = ["UTC", "Europe/Berlin"]


def random_condition(rng: random.Random, depth: int = 0) -> dict[str, Any]:
    """A condition of up to four levels, mostly with the operators that the index can look up."""
    kind = rng.choice(["leaf", "leaf", "all", "all", "any", "not"]) if depth < 3 else "leaf"
    if kind == "leaf":
        return {"property": rng.choice(PROPERTIES), "operator": rng.choice([*INDEXED * 4, *OPERATORS]), "value": rng.choice(VALUES)}
    if kind == "not":
        return {"not": random_condition(rng, depth + 1)}
    return {kind: [random_condition(rng, depth + 1) for _ in range(rng.randint(1, 3))]}


def random_journey(rng: random.Random, name: str) -> Journey:
    """A journey that one of two events starts, mostly under a random condition."""
    entry: dict[str, Any] = {"event": rng.choice(EVENTS), "source": rng.choice([None, None, *SOURCES[:3]])}
    if rng.random() < 0.9:
        entry["conditions"] = random_condition(rng)
    parsed = parse({"id": name, "entry": entry, "steps": [{"id": "end", "type": "exit"}]})
    assert isinstance(parsed, Journey)
    return parsed


def random_payload(rng: random.Random) -> dict[str, Any]:
    """A payload that may have each property: at the top, nested, with a dot in its name, or in an array."""
    payload: dict[str, Any] = {"l": [rng.choice(VALUES)]} if rng.random() < 0.5 else {}
    for name in ("p", "q", "o.p"):
        if rng.random() < 0.7:
            payload[name] = rng.choice(VALUES)
    if rng.random() < 0.5:
        payload["o"] = {"p": rng.choice(VALUES)}
    return payload


def scan(published: list[tuple[Journey, int]], event: str, source: str, payload: dict[str, Any], zone: str) -> list[tuple[Journey, int]]:
    """What the index has to find, by evaluating every entry."""
    scope = ConditionScope(payload, None, zone)
    return [
        (journey, version)
        for journey, version in published
        if journey.entry.matches(event, source)
        and (journey.entry.conditions is None or holds(journey.entry.conditions, scope) is not False)
    ]


@settings(max_examples=max(1000, settings().max_examples))
@given(st.integers())
def test_the_index_finds_what_a_plain_scan_finds(seed: int) -> None:
    """The candidates are the journeys of a scan, in the same order, for 100 random events against up to 12 random journeys."""
    rng = random.Random(seed)
    published = [(random_journey(rng, f"j{place}"), rng.randint(1, 9)) for place in range(rng.randint(0, 12))]
    index = TriggerIndex(published)
    for _ in range(100):
        event, source, payload, zone = rng.choice([*EVENTS, "other"]), rng.choice(SOURCES), random_payload(rng), rng.choice(ZONES)
        assert index.candidates(event, source, payload, zone, NOW) == scan(published, event, source, payload, zone)


def test_journeys_that_the_payload_rules_out_are_named() -> None:
    """Of the entries with an event's name, those whose conditions the payload does not meet are named, among the first ten."""
    index = by_value(MAX_SKIPPED_REPORTED + 5)
    candidates = index.candidates("bought", "custom", {"kind": "order", "product": 3, "total": 11}, "UTC", NOW)
    assert index.ruled_out("bought", "custom", candidates, NOW) == ["j0", "j1", "j2", "j4", "j5", "j6", "j7", "j8", "j9"]
    assert index.ruled_out("bought", "message", candidates, NOW) == []
    assert index.ruled_out("other", "custom", [], NOW) == []


def test_an_event_that_no_entry_names_has_no_candidates() -> None:
    """An event name that no entry has is not in the index and starts no journey."""
    index = TriggerIndex([(random_journey(random.Random(1), "one"), 1)])
    assert "other" not in index
    assert index.candidates("other", "custom", {}, "UTC", NOW) == []


def by_value(count: int) -> TriggerIndex:
    """Journeys of one event, each for a product of its own, and all with two conditions in common."""

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


@pytest.fixture(scope="module")
def many_by_value() -> TriggerIndex:
    """An index of 10,000 journeys, which takes more than a second to make."""
    return by_value(10_000)


@pytest.mark.parametrize("product", [7, "7", Decimal("7.0")])
def test_the_time_to_match_does_not_grow_with_the_number_of_journeys(product: Any, many_by_value: TriggerIndex) -> None:
    """With a thousand times as many journeys a lookup takes at most four times as long."""

    def quickest(index: TriggerIndex) -> float:
        payload = {"kind": "order", "product": product, "total": 11}
        times = []
        for _ in range(300):
            start = time.perf_counter()
            found = index.candidates("bought", "custom", payload, "UTC", NOW)
            times.append(time.perf_counter() - start)
            assert [journey.id for journey, _ in found] == ["j7"]
        return min(times)

    assert quickest(many_by_value) < 4 * quickest(by_value(10))
