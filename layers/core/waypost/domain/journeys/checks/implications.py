"""Implications between conditions: which branch can never be taken, because an earlier branch takes all that it could.

As with contradictions, a wrong answer refuses a journey that could run: in doubt one condition does not imply another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from waypost.domain.journeys.checks.contradictions import signature
from waypost.domain.journeys.conditions import All, Any_, Comparison, Condition, Not, subconditions
from waypost.domain.journeys.operators import Relation, comparable
from waypost.domain.values.exact_json import canonical

_MAX_COMPARISONS: Final = 300
"""Up to so many comparisons every branch is compared with all before it, which takes about a quarter of a second at most.
In a larger split only branches with the same conditions are found."""
_BOUNDS: Final = frozenset({Relation.NUMBER_ABOVE, Relation.NUMBER_BELOW, Relation.INSTANT_AFTER, Relation.INSTANT_BEFORE})


def unreachable_branches(branches: Mapping[int, Condition]) -> Iterator[tuple[int, int]]:
    """The branches that can never be taken, each with the earlier branch that takes everything it could; both by position."""
    compare_all = sum(_comparisons(condition) for condition in branches.values()) <= _MAX_COMPARISONS
    first_with: dict[str, int] = {}
    for index, condition in branches.items():
        duplicate_of = first_with.setdefault(signature(condition), index)
        covering = _covering_branch(branches, index) if compare_all and duplicate_of == index else duplicate_of
        if covering != index:
            yield index, covering


def _covering_branch(branches: Mapping[int, Condition], narrow: int) -> int:
    """The first branch whose conditions the branch `narrow` implies: itself, where no earlier one does."""
    return next(index for index, wide in branches.items() if index == narrow or Implications().follows(wide, branches[narrow]))


def _comparisons(condition: Condition) -> int:
    return 1 if isinstance(condition, Comparison) else sum(_comparisons(part) for _, part in subconditions(condition))


class Implications:
    """Decides whether one condition follows from another.

    An object remembers its results by the identity of the conditions: without that, two nested conditions cost time
    exponential in their depth. Use one object for one pair, while both conditions are alive.
    """

    def __init__(self) -> None:
        self._results: dict[tuple[int, int], bool] = {}

    def follows(self, wide: Condition, narrow: Condition) -> bool:
        """Whether `wide` holds wherever `narrow` holds. False also where that is not known."""
        key = (id(wide), id(narrow))
        if key not in self._results:
            self._results[key] = self._follows(wide, narrow)
        return self._results[key]

    def _follows(self, wide: Condition, narrow: Condition) -> bool:
        # The order matters: parts that all have to follow come first, then parts of which one is enough.
        if isinstance(wide, All):
            return all(self.follows(part, narrow) for part in wide.all)
        if isinstance(narrow, Any_):
            return all(self.follows(wide, part) for part in narrow.any)
        if isinstance(wide, Any_) and any(self.follows(part, narrow) for part in wide.any):
            return True
        if isinstance(narrow, All):
            return any(self.follows(wide, part) for part in narrow.all)
        if isinstance(wide, Not) and isinstance(narrow, Not):
            return self.follows(narrow.not_, wide.not_)
        return isinstance(wide, Comparison) and isinstance(narrow, Comparison) and _comparison_follows(wide, narrow)


def _comparison_follows(wide: Comparison, narrow: Comparison) -> bool:
    """Whether the comparison `wide` holds for every property for which `narrow` holds."""
    if wide.path != narrow.path or not comparable(wide.value, narrow.value):
        return False
    if wide.rule.relation is Relation.PRESENT:
        return not narrow.rule.holds_for_missing
    if narrow.rule.relation is Relation.MISSING:
        return wide.rule.holds_for_missing
    if narrow.rule.relation is Relation.EQUAL and wide.rule.equal_values_alike:
        return wide.rule.holds(narrow.value, wide.value, "UTC")
    return wide.rule is narrow.rule and (canonical(wide.value) == canonical(narrow.value) or _reaches_further(wide, narrow))


def _reaches_further(wide: Comparison, narrow: Comparison) -> bool:
    """Whether `wide` has the lower lower bound, or the higher upper bound, of two bounds of one kind."""
    return wide.rule.relation in _BOUNDS and wide.rule.holds(narrow.value, wide.value, "UTC")
