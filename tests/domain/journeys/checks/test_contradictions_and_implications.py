"""Contradictions and implications of random nested conditions, compared with their results for random payloads."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from waypost.domain.journeys.checks.contradictions import is_contradiction
from waypost.domain.journeys.checks.implications import Implications
from waypost.domain.journeys.conditions import CONDITION, Condition, ConditionScope, holds
from waypost.domain.journeys.operators import OPERATORS

VALUES: list[Any] = [
    1,
    2,
    "2.0",
    Decimal("1.5"),
    "ab",
    "a",
    True,
    "true",
    [1, "a"],
    "2026-11-23",
    "2026-11-23T05:00:00",
    "2026-11-22T23:00:00Z",
]
RANGE = {"from": "2026-11-22T12:00:00Z", "to": "2026-11-23T12:00:00Z"}
ZONES = ["UTC", "Europe/Berlin", "Pacific/Kiritimati", "Etc/GMT+12"]
NAMES = ["p", "q"]


def random_condition(rng: random.Random, depth: int = 0) -> Condition:
    """A condition on two properties only, so that its comparisons often concern the same one."""
    return CONDITION.validate_python(random_json(rng, depth))


def random_json(rng: random.Random, depth: int) -> dict[str, Any]:
    """A random condition as JSON, of at most four levels."""
    kind = rng.choice(["leaf", "all", "all", "any", "not"]) if depth < 3 else "leaf"
    if kind == "leaf":
        operator = rng.choice(sorted(OPERATORS))
        value = RANGE if operator == "during" else rng.choice(VALUES)
        return {"property": f"payload.{rng.choice(NAMES)}", "operator": operator, "value": value}
    if kind == "not":
        return {"not": random_json(rng, depth + 1)}
    return {kind: [random_json(rng, depth + 1) for _ in range(rng.randint(1, 4))]}


def random_scopes(rng: random.Random) -> list[ConditionScope]:
    """Sixty payloads with each property present or missing, in different zones."""
    return [ConditionScope({name: rng.choice(VALUES) for name in NAMES if rng.random() < 0.8}, {}, rng.choice(ZONES)) for _ in range(60)]


@settings(max_examples=4 * settings().max_examples)
@given(st.integers())
def test_a_contradiction_never_holds(seed: int) -> None:
    """No payload satisfies conditions that publishing refuses because they exclude each other."""
    rng = random.Random(seed)
    condition = random_condition(rng)
    if is_contradiction(condition):
        assert not any(holds(condition, scope) for scope in random_scopes(rng))


@settings(max_examples=4 * settings().max_examples)
@given(st.integers())
def test_an_implied_condition_holds_wherever_the_other_holds(seed: int) -> None:
    """No payload could take a branch that publishing refuses because of an earlier branch."""
    rng = random.Random(seed)
    wide, narrow = random_condition(rng, 1), random_condition(rng, 1)
    if Implications().follows(wide, narrow):
        assert all(holds(wide, scope) for scope in random_scopes(rng) if holds(narrow, scope))
