"""The second stage of the layout: the order of each row, so that few arrows cross."""

from __future__ import annotations

from bisect import bisect, insort
from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import median
from typing import Final

from waypost.domain.journeys.layout.layers import Layers, RowNode

_ROUNDS: Final = 12
"""How often the rows are sorted, alternately downwards and upwards. Most journeys need none, and further turns hardly better any."""


def order_rows(layout: Layers) -> None:
    """Orders the rows of a layout in place: by the median of the neighbours, then by swaps of neighbours; the best order is kept."""
    best, fewest = [row[:] for row in layout.rows], _all_crossings(layout)
    for turn in range(_ROUNDS):
        if not fewest:
            break
        _sort_rows(layout, downwards=turn % 2 == 0)
        _swap_neighbours(layout)
        found = _all_crossings(layout)
        if found < fewest:
            best, fewest = [row[:] for row in layout.rows], found
    layout.rows[:] = best


def _positions(row: Sequence[RowNode]) -> dict[RowNode, int]:
    return {node: position for position, node in enumerate(row)}


def _all_crossings(layout: Layers) -> int:
    """How many pairs of arrows cross between two neighbouring rows, in all rows."""
    total = 0
    for upper, lower in pairwise(layout.rows):
        position = _positions(lower)
        earlier_ends: list[int] = []
        for node in upper:
            ends = sorted(position[end] for end in layout.below[node])
            total += sum(len(earlier_ends) - bisect(earlier_ends, end) for end in ends)
            for end in ends:
                insort(earlier_ends, end)
    return total


def _sort_rows(layout: Layers, *, downwards: bool) -> None:
    rows = layout.rows if downwards else layout.rows[::-1]
    neighbours = layout.above if downwards else layout.below
    for fixed, row in pairwise(rows):
        position = _positions(fixed)
        # A node without neighbours keeps its place.
        middle = {node: median([position[each] for each in neighbours[node]] or [place]) for place, node in enumerate(row)}
        row.sort(key=middle.__getitem__)


def _swap_neighbours(layout: Layers) -> None:
    empty: dict[RowNode, int] = {}
    for index, row in enumerate(layout.rows):
        above = _positions(layout.rows[index - 1]) if index else empty
        below = _positions(layout.rows[index + 1]) if index + 1 < len(layout.rows) else empty
        for left in range(len(row) - 1):
            first, second = row[left], row[left + 1]
            gain = _gain(layout.above, above, first, second) + _gain(layout.below, below, first, second)
            if gain > 0:
                row[left], row[left + 1] = second, first


def _gain(neighbours: Mapping[RowNode, Sequence[RowNode]], position: Mapping[RowNode, int], first: RowNode, second: RowNode) -> int:
    """How many crossings fewer there are if `second` stands before `first`."""
    pairs = [(position[a], position[b]) for a in neighbours[first] for b in neighbours[second]]
    return sum((a > b) - (a < b) for a, b in pairs)
