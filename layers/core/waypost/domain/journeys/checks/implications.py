"""What follows from what among conditions: which branch of a split can never be taken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from waypost.domain.journeys.checks.contradictions import ABSENT, SPELLING_BLIND, TRUE_OF_MISSING, signature
from waypost.domain.journeys.conditions import All, Any_, Comparison, Condition, Not, parts
from waypost.domain.journeys.operands import comparable
from waypost.domain.journeys.operators import TESTS
from waypost.domain.values.exact_json import canonical

_MAX_COMPARISONS: Final = 300
"""Up to here every branch is compared with all before it, in about a quarter of a second; beyond, only twins are found."""


def unreachable_branches(branches: Mapping[int, Condition]) -> Iterator[tuple[int, int]]:
    """The branches that can never be taken, each with the earlier one that takes everything it could."""
    thorough = sum(_comparisons(condition) for condition in branches.values()) <= _MAX_COMPARISONS
    seen: dict[str, int] = {}
    for index, condition in branches.items():
        twin = seen.setdefault(signature(condition), index)
        wider = _wider(branches, index) if thorough and twin == index else twin
        if wider != index:
            yield index, wider


def _wider(branches: Mapping[int, Condition], narrow: int) -> int:
    """The first branch that covers this one: itself, where no earlier one does."""
    return next(index for index, wide in branches.items() if index == narrow or Implications().follows(wide, branches[narrow]))


def _comparisons(condition: Condition) -> int:
    return 1 if isinstance(condition, Comparison) else sum(_comparisons(part) for _, part in parts(condition))


class Implications:
    """Tells whether one condition follows from another; remembers its answers, so that deep conditions cost no more than their size."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], bool] = {}

    def follows(self, wide: Condition, narrow: Condition) -> bool:
        """Whether `wide` holds wherever `narrow` does. False also where that cannot be told."""
        key = (id(wide), id(narrow))
        if key not in self._known:
            self._known[key] = self._follows(wide, narrow)
        return self._known[key]

    def _follows(self, wide: Condition, narrow: Condition) -> bool:
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
    if wide.path != narrow.path or not comparable(wide.value, narrow.value):
        return False
    if wide.operator in {"exist", "exists"}:
        return narrow.operator not in TRUE_OF_MISSING
    if narrow.operator in ABSENT:
        return wide.operator in TRUE_OF_MISSING
    if narrow.operator == "is equal to" and wide.operator in SPELLING_BLIND:
        return TESTS[wide.operator](narrow.value, wide.value, "UTC")
    return wide.operator == narrow.operator and (canonical(wide.value) == canonical(narrow.value) or _reaches_further(wide, narrow))


def _reaches_further(wide: Comparison, narrow: Comparison) -> bool:
    if wide.operator in {"is greater than", "is less than", "after", "before"}:
        return TESTS[wide.operator](narrow.value, wide.value, "UTC")
    return False
