"""Contradictions: conditions that no event and no customer can satisfy.

A wrong answer here refuses a journey that could run, so every rule concludes only what holds for all values, in the
zone of every workspace; in doubt there is no contradiction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations
from typing import Final

from waypost.domain.journeys.conditions import All, Any_, Comparison, Condition, Not
from waypost.domain.journeys.operators import Relation, comparable
from waypost.domain.values.exact_json import canonical

# Comparisons are compared in pairs. The limit keeps the largest `all` (about 1,700 comparisons fit into a definition) from
# making publish slower than the timeout of API Gateway.
_MAX_COMPARISONS: Final = 100
_OPPOSITE_BOUNDS: Final = frozenset({(Relation.NUMBER_ABOVE, Relation.NUMBER_BELOW), (Relation.INSTANT_AFTER, Relation.INSTANT_BEFORE)})


def is_contradiction(condition: Condition) -> bool:
    """Whether a condition holds for no payload and customer. False also where that is not known."""
    if isinstance(condition, Any_):
        return all(is_contradiction(part) for part in condition.any)
    if not isinstance(condition, All):
        return False
    parts = list(_conjuncts(condition))
    return (
        any(is_contradiction(part) for part in parts)
        or _negates_itself(parts)
        or _has_exclusive_pair([part for part in parts if isinstance(part, Comparison)])
    )


def signature(condition: Condition) -> str:
    """A text that two conditions share only if they are written in the same way."""
    return canonical(condition.model_dump(by_alias=True))


def _conjuncts(condition: Condition) -> Iterator[Condition]:
    """The conditions that all have to hold, with nested `all` dissolved."""
    if isinstance(condition, All):
        for part in condition.all:
            yield from _conjuncts(part)
    else:
        yield condition


def _negates_itself(parts: list[Condition]) -> bool:
    """Whether a condition and its `not` are both required."""
    required = {signature(part) for part in parts}
    return any(signature(part.not_) in required for part in parts if isinstance(part, Not))


def _has_exclusive_pair(comparisons: list[Comparison]) -> bool:
    by_path: dict[str, list[Comparison]] = defaultdict(list)
    for comparison in comparisons[:_MAX_COMPARISONS]:
        by_path[comparison.path].append(comparison)
    return any(_exclude(one, other) or _exclude(other, one) for group in by_path.values() for one, other in combinations(group, 2))


def _exclude(one: Comparison, other: Comparison) -> bool:
    """Whether the first of two comparisons of one property rules out the second."""
    if one.rule.relation is Relation.MISSING:
        return not other.rule.holds_for_missing
    if not comparable(one.value, other.value):
        return False
    # Where the property equals `one.value`, the result of `other` is known, provided that `other` does not look at how the
    # property is written: a property that equals 2 may be the text "2.0", which contains a dot and has a length of 3.
    if one.rule.relation is Relation.EQUAL and other.rule.equal_values_alike:
        return not other.rule.holds(one.value, other.value, "UTC")
    # Above `one.value` and below `other.value` is possible only if `one.value` itself is below `other.value`.
    return (one.rule.relation, other.rule.relation) in _OPPOSITE_BOUNDS and not other.rule.holds(one.value, other.value, "UTC")
