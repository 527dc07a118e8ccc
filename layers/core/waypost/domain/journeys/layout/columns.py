"""The third stage of the layout: how far to the right each node stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from waypost.domain.journeys.layout.layers import Layers, RowNode

_GAP: Final = 20.0
_MOST_ROUNDS: Final = 24
_VISIBLE: Final = 0.5
"""The layout has settled when no node moves by as much as half a pixel any more."""

_WEIGHT_OF_ARROWS: Final = 4.0
"""Places of arrows are drawn to their neighbours more strongly than steps, so that long arrows are straight."""


@dataclass(slots=True)
class _Block:
    """Neighbouring nodes that touch, and so move as one. `offsets` are their distances from the block's left end."""

    pull: float
    weight: float
    offsets: list[tuple[RowNode, float]]

    @property
    def position(self) -> float:
        return self.pull / self.weight


def columns(layout: Layers) -> dict[RowNode, float]:
    """The horizontal middle of each node: near its neighbours in the rows above and below, without overlap in its own row."""
    middle: dict[RowNode, float] = {}
    for row in layout.rows:
        left = -sum(layout.widths[node] + _GAP for node in row) / 2
        for node in row:
            middle[node] = left + layout.widths[node] / 2
            left += layout.widths[node] + _GAP
    for turn in range(_MOST_ROUNDS):
        before = dict(middle)
        downwards = turn % 2 == 0
        near, other = (layout.above, layout.below) if downwards else (layout.below, layout.above)
        for row in layout.rows if downwards else reversed(layout.rows):
            wishes = [_mean([middle[each] for each in near[node] or other[node] or [node]]) for node in row]
            _settle(layout, row, wishes, middle)
        if turn % 2 and all(abs(middle[node] - place) < _VISIBLE for node, place in before.items()):
            break
    return middle


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _settle(layout: Layers, row: Sequence[RowNode], wishes: Sequence[float], middle: dict[RowNode, float]) -> None:
    """Moves the nodes of a row as near to their wishes as their order and widths allow."""
    # The least squares under the condition of an order are isotonic regression: blocks that would overlap are joined, and a joined block
    # takes the weighted mean of what its nodes wish for ("pool adjacent violators").
    blocks: list[_Block] = []
    offset = 0.0
    for index, (node, wish) in enumerate(zip(row, wishes, strict=True)):
        if index:
            offset += (layout.widths[row[index - 1]] + layout.widths[node]) / 2 + _GAP
        weight = 1.0 if isinstance(node, str) else _WEIGHT_OF_ARROWS
        blocks.append(_Block(weight * (wish - offset), weight, [(node, offset)]))
        while len(blocks) > 1 and blocks[-2].position > blocks[-1].position:
            last = blocks.pop()
            blocks[-1] = _Block(blocks[-1].pull + last.pull, blocks[-1].weight + last.weight, blocks[-1].offsets + last.offsets)
    for block in blocks:
        for node, distance in block.offsets:
            middle[node] = block.position + distance
