"""The first stage of the layout: which arrows lead back up, and in which row each step and each label stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

STEP_WIDTH: Final = 184.0
STEP_HEIGHT: Final = 52.0
LABEL_HEIGHT: Final = 20.0
LANE: Final = 12.0
"""The width of a row's place through which an arrow passes without a label, and the distance of arrows that lead back up."""

_LABEL_PADDING: Final = 16.0
_CHARACTER_WIDTH: Final = 6.4
_COUNT_WIDTH: Final = 48.0
"""The room behind the text of a label for the number of those who took the branch."""


class Arrow(NamedTuple):
    """An arrow from one step to another, with the label of the branch (empty: none)."""

    source: str
    target: str
    label: str = ""


class ArrowPlace(NamedTuple):
    """A place in a row that an arrow occupies: the arrow's index, and the row."""

    arrow: int
    row: int


RowNode = str | ArrowPlace
"""What stands in a row: a step, by its id, or a place of an arrow."""


@dataclass(frozen=True, slots=True)
class Layers:
    """The rows of a picture. Steps stand in even rows, labels in odd ones.

    `chains` has for each arrow the nodes that it passes, from its source to its target; that of an arrow in `back` ends below its source,
    in the row of its label. `above` and `below` are the neighbours of each node along the chains.
    """

    rows: list[list[RowNode]]
    widths: dict[RowNode, float]
    row_of: dict[str, int]
    chains: tuple[tuple[RowNode, ...], ...]
    back: frozenset[int]
    above: dict[RowNode, list[RowNode]]
    below: dict[RowNode, list[RowNode]]

    def is_labelled(self, node: RowNode) -> bool:
        """Whether the label of an arrow stands at this place."""
        return isinstance(node, ArrowPlace) and self.widths[node] > LANE


def label_width(label: str) -> float:
    """The width of a label with a number behind it, by its number of characters: the layout knows no font.

    A long label is cut to the width of a step.
    """
    return min(_LABEL_PADDING + _CHARACTER_WIDTH * len(label) + _COUNT_WIDTH, STEP_WIDTH)


def layers(steps: Sequence[str], arrows: Sequence[Arrow]) -> Layers:
    """The rows of these steps, which are in the order written, and of the places of their arrows."""
    back = _back_arrows(steps, arrows)
    row_of = _rows_of(steps, [arrow for index, arrow in enumerate(arrows) if index not in back])
    rows: list[list[RowNode]] = [[] for _ in range(max(row_of.values()) + 2)]
    widths: dict[RowNode, float] = dict.fromkeys(steps, STEP_WIDTH)
    for step in steps:
        rows[row_of[step]].append(step)
    chains: list[tuple[RowNode, ...]] = []
    for index, arrow in enumerate(arrows):
        start = row_of[arrow.source] + 1
        end = start + 1 if index in back else row_of[arrow.target]
        stops = [ArrowPlace(index, row) for row in range(start, end)]
        for place in stops:
            widths[place] = label_width(arrow.label) if arrow.label and place.row == start else LANE
            rows[place.row].append(place)
        chains.append((arrow.source, *stops) if index in back else (arrow.source, *stops, arrow.target))
    above: dict[RowNode, list[RowNode]] = {node: [] for node in widths}
    below: dict[RowNode, list[RowNode]] = {node: [] for node in widths}
    for chain in chains:
        for upper, lower in pairwise(chain):
            below[upper].append(lower)
            above[lower].append(upper)
    return Layers(rows, widths, row_of, tuple(chains), back, above, below)


def _back_arrows(steps: Sequence[str], arrows: Sequence[Arrow]) -> frozenset[int]:
    """The indexes of the arrows that close a cycle, found by a depth-first search from the first step in the order written."""
    # Without recursion: a journey has up to 200 steps in a line, and a search that recurses would need three frames for each.
    leaving: dict[str, list[int]] = {step: [] for step in steps}
    for number, arrow in enumerate(arrows):
        leaving[arrow.source].append(number)
    back: set[int] = set()
    on_path: dict[str, bool] = {}
    for root in steps:
        stack: list[tuple[str, Iterator[int]]] = []
        if root not in on_path:
            on_path[root] = True
            stack.append((root, iter(leaving[root])))
        while stack:
            step, remaining = stack[-1]
            index = next(remaining, None)
            if index is None:
                on_path[step] = False
                stack.pop()
                continue
            target = arrows[index].target
            if on_path.get(target):
                back.add(index)
            elif target not in on_path:
                on_path[target] = True
                stack.append((target, iter(leaving[target])))
    return frozenset(back)


def _rows_of(steps: Sequence[str], forward: Sequence[Arrow]) -> dict[str, int]:
    """The row of each step: two below the lowest step that leads to it."""
    waiting = dict.fromkeys(steps, 0)
    leaving: dict[str, list[str]] = {step: [] for step in steps}
    for arrow in forward:
        waiting[arrow.target] += 1
        leaving[arrow.source].append(arrow.target)
    rows = dict.fromkeys(steps, 0)
    ready = [step for step in steps if not waiting[step]]
    for step in ready:
        for target in leaving[step]:
            rows[target] = max(rows[target], rows[step] + 2)
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    return rows
