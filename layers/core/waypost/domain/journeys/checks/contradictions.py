"""What can be told of conditions without any customer: what can never hold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations
from typing import Final

from waypost.domain.journeys.conditions import All, Any_, Comparison, Condition, Not
from waypost.domain.journeys.operands import comparable
from waypost.domain.journeys.operators import TESTS
from waypost.domain.values.exact_json import canonical

ABSENT: Final = frozenset({"not exist", "doesNotExist"})
TRUE_OF_MISSING: Final = ABSENT | {"is not equal to", "does not contain"}
SPELLING_BLIND: Final = frozenset(TESTS) - {name for name in TESTS if "contain" in name or "length" in name}
"""Operators that treat values alike which `is equal to` calls the same."""
_MAX_COMPARISONS: Final = 100


def is_contradiction(condition: Condition) -> bool:
    """Whether a condition can hold for no payload and customer. False also where that cannot be told."""
    if isinstance(condition, Any_):
        return all(is_contradiction(part) for part in condition.any)
    if not isinstance(condition, All):
        return False
    parts = list(_conjuncts(condition))
    return (
        any(is_contradiction(part) for part in parts)
        or _denied(parts)
        or _leaves_clash([part for part in parts if isinstance(part, Comparison)])
    )


def _conjuncts(condition: Condition) -> Iterator[Condition]:
    if isinstance(condition, All):
        for part in condition.all:
            yield from _conjuncts(part)
    else:
        yield condition


def _denied(parts: list[Condition]) -> bool:
    said = {signature(part) for part in parts}
    return any(signature(part.not_) in said for part in parts if isinstance(part, Not))


def signature(condition: Condition) -> str:
    """A text that only conditions written alike share."""
    return canonical(condition.model_dump(by_alias=True))


def _leaves_clash(leaves: list[Comparison]) -> bool:
    by_path: dict[str, list[Comparison]] = defaultdict(list)
    for leaf in leaves[:_MAX_COMPARISONS]:
        by_path[leaf.path].append(leaf)
    return any(_clash(one, other) or _clash(other, one) for group in by_path.values() for one, other in combinations(group, 2))


def _clash(one: Comparison, other: Comparison) -> bool:
    if one.operator in ABSENT:
        return other.operator not in TRUE_OF_MISSING
    if not comparable(one.value, other.value):
        return False
    if one.operator == "is equal to" and other.operator in SPELLING_BLIND:
        return not TESTS[other.operator](one.value, other.value, "UTC")
    if (one.operator, other.operator) == ("is greater than", "is less than"):
        return not TESTS["is less than"](one.value, other.value, "UTC")
    return (one.operator, other.operator) == ("after", "before") and not TESTS["before"](one.value, other.value, "UTC")
