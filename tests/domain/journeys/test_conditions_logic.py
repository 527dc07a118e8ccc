"""The lint's judgements about conditions, tried on random conditions and payloads: it never refuses what could happen."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from waypost.domain.journeys.checks.contradictions import is_contradiction
from waypost.domain.journeys.checks.implications import Implications
from waypost.domain.journeys.conditions import CONDITION, Condition, Scope, holds
from waypost.domain.journeys.operators import TESTS

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


def random_condition(dice: random.Random, depth: int = 0) -> Condition:
    """A condition on two properties, so that parts of it often meet."""
    return CONDITION.validate_python(random_json(dice, depth))


def random_json(dice: random.Random, depth: int) -> dict[str, Any]:
    """The same, as JSON."""
    kind = dice.choice(["leaf", "all", "all", "any", "not"]) if depth < 3 else "leaf"
    if kind == "leaf":
        operator = dice.choice(sorted(TESTS))
        value = RANGE if operator == "during" else dice.choice(VALUES)
        return {"property": f"payload.{dice.choice(NAMES)}", "operator": operator, "value": value}
    if kind == "not":
        return {"not": random_json(dice, depth + 1)}
    return {kind: [random_json(dice, depth + 1) for _ in range(dice.randint(1, 4))]}


def random_scopes(dice: random.Random) -> list[Scope]:
    """Payloads with each property present or not, in different zones."""
    return [Scope({name: dice.choice(VALUES) for name in NAMES if dice.random() < 0.8}, {}, dice.choice(ZONES)) for _ in range(60)]


@settings(deadline=None, max_examples=500)
@given(st.integers())
def test_what_is_called_impossible_never_holds(seed: int) -> None:
    """No payload satisfies conditions that are refused as excluding each other."""
    dice = random.Random(seed)
    condition = random_condition(dice)
    if is_contradiction(condition):
        assert not any(holds(condition, scope) for scope in random_scopes(dice))


@settings(deadline=None, max_examples=500)
@given(st.integers())
def test_what_is_called_covered_holds_only_where_the_earlier_one_does(seed: int) -> None:
    """No payload would have taken a branch that is refused as covered."""
    dice = random.Random(seed)
    wide, narrow = random_condition(dice, 1), random_condition(dice, 1)
    if Implications().follows(wide, narrow):
        assert all(holds(wide, scope) for scope in random_scopes(dice) if holds(narrow, scope))
