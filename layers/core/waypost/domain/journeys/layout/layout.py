"""The picture: the boxes of the steps and labels, and the corners of the arrows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from waypost.domain.journeys.layout.columns import columns
from waypost.domain.journeys.layout.layers import LABEL_HEIGHT, LANE, STEP_HEIGHT, STEP_WIDTH, Arrow, ArrowPlace, Layers, RowNode, layers
from waypost.domain.journeys.layout.row_order import order_rows

_CLEARANCE: Final = 12.0
"""The free space above and below a row of labels."""

_TRACK: Final = 8.0
"""The height of one horizontal part of an arrow that leads back up."""

_MARGIN: Final = 8.0
_PORT_DISTANCE: Final = 28.0
_CORNER: Final = 20.0
"""The least distance of an arrow's end from the corner of a step."""


class Point(NamedTuple):
    """A point of the picture, in pixels from its left upper corner."""

    x: float
    y: float


class Box(NamedTuple):
    """A rectangle of the picture: its left upper corner and its size, in pixels."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class ArrowRoute:
    """An arrow as it is drawn: its corners from start to end, the box of its label, and whether it leads back up."""

    arrow: Arrow
    points: tuple[Point, ...]
    label_box: Box | None
    is_back: bool


@dataclass(frozen=True, slots=True)
class JourneyLayout:
    """The boxes of the steps by their ids, the routes of the arrows in their order, and the size of the whole."""

    steps: Mapping[str, Box]
    routes: tuple[ArrowRoute, ...]
    width: float
    height: float


def laid_out(steps: Sequence[str], arrows: Sequence[Arrow]) -> JourneyLayout:
    """The picture of at least one step. `steps` are ids in the order written, each once; every arrow joins two of them."""
    layout = layers(steps, arrows)
    order_rows(layout)
    return _Drawing(layout, tuple(arrows), columns(layout)).finished()


class _Drawing:
    """The places of one picture while it is made. Its coordinates become positive at the end."""

    def __init__(self, layout: Layers, arrows: Sequence[Arrow], middle: Mapping[RowNode, float]) -> None:
        self.layout, self.arrows, self.middle = layout, arrows, middle
        self.ports = _ports(layout, arrows, middle)
        # An arrow that leads back up runs through the free space below its label, a lane beside all steps, and the free space above its
        # target: these contain no step and no label, so it covers none.
        self.tracks = _tracks(layout, arrows)
        self.label_heights = [LABEL_HEIGHT if any(map(layout.is_labelled, row)) else 0.0 for row in layout.rows]
        self.tops, self.height = self._row_tops()

    def _row_tops(self) -> tuple[list[float], float]:
        tops, y = [], self._tracks_height(-1)
        for index, row in enumerate(self.layout.rows):
            tops.append(y)
            if index % 2 == 0:
                y += STEP_HEIGHT
            else:
                last = index == len(self.layout.rows) - 1
                y += 0.0 if last and not row else 2 * _CLEARANCE + self.label_heights[index] + self._tracks_height(index)
        return tops, y

    def _tracks_height(self, row: int) -> float:
        return _TRACK * len(self.tracks.get(row, ()))

    def finished(self) -> JourneyLayout:
        """The picture, moved so that all of it lies right of and below its left upper corner."""
        forward = {index: self._down(index) for index in range(len(self.arrows)) if index not in self.layout.back}
        boxes = {step: self._step_box(step) for step in self.layout.row_of}
        labels = [box for index in range(len(self.arrows)) if (box := self._label_box(index))]
        edges = [x for box in [*boxes.values(), *labels] for x in (box.x, box.x + box.width)]
        edges += [point.x for points in forward.values() for point in points]
        backward = self._back_up(min(edges), max(edges))
        points = forward | backward
        edges += [point.x for each in backward.values() for point in each]
        left, top = min(edges) - _MARGIN, -_MARGIN
        routes = tuple(
            ArrowRoute(
                arrow,
                tuple(Point(x - left, y - top) for x, y in points[index]),
                (box := self._label_box(index)) and box._replace(x=box.x - left, y=box.y - top),
                index in self.layout.back,
            )
            for index, arrow in enumerate(self.arrows)
        )
        moved = {step: box._replace(x=box.x - left, y=box.y - top) for step, box in boxes.items()}
        return JourneyLayout(moved, routes, max(edges) - left + _MARGIN, self.height - top + _MARGIN)

    def _step_box(self, step: str) -> Box:
        return Box(self.middle[step] - STEP_WIDTH / 2, self.tops[self.layout.row_of[step]], STEP_WIDTH, STEP_HEIGHT)

    def _label_box(self, index: int) -> Box | None:
        node = self.layout.chains[index][1]
        if not isinstance(node, ArrowPlace) or not self.layout.is_labelled(node):
            return None
        width = self.layout.widths[node]
        return Box(self.middle[node] - width / 2, self.tops[node.row] + _CLEARANCE, width, LABEL_HEIGHT)

    def _down(self, index: int) -> list[Point]:
        """The corners of an arrow that leads down."""
        target = self.arrows[index].target
        end = Point(self.middle[target] + self.ports[index, "end"], self.tops[self.layout.row_of[target]])
        return [*self._through_places(index), end]

    def _through_places(self, index: int) -> list[Point]:
        """The corners of an arrow from its source to the end of its last place.

        It is vertical wherever it passes a row, and slanted only between two rows, so it covers no box.
        """
        source = self.arrows[index].source
        points = [Point(self.middle[source] + self.ports[index, "start"], self.tops[self.layout.row_of[source]] + STEP_HEIGHT)]
        for node in self.layout.chains[index]:
            if isinstance(node, ArrowPlace):
                is_step_row = node.row % 2 == 0
                top = self.tops[node.row] + (0.0 if is_step_row else _CLEARANCE)
                height = STEP_HEIGHT if is_step_row else self.label_heights[node.row]
                points += [Point(self.middle[node], top), Point(self.middle[node], top + height)]
        return points

    def _back_up(self, left: float, right: float) -> dict[int, list[Point]]:
        """The corners of the arrows that lead back up, by their indexes. `left` and `right` are the ends of all else."""
        centre = (left + right) / 2
        lanes = {-1: left, 1: right}
        routes: dict[int, list[Point]] = {}
        # Short ones first: they lie inside of longer ones, so that the two do not cross.
        row_of = self.layout.row_of
        for index in sorted(self.layout.back, key=lambda each: row_of[self.arrows[each].source] - row_of[self.arrows[each].target]):
            arrow, place = self.arrows[index], self.layout.chains[index][1]
            side = -1 if self.middle[arrow.source] + self.middle[arrow.target] < 2 * centre else 1
            lanes[side] += side * LANE
            low, high = self._track_y(row_of[arrow.source] + 1, index), self._track_y(row_of[arrow.target] - 1, index)
            end = self.middle[arrow.target] + self.ports[index, "end"]
            corners = [Point(self.middle[place], low), Point(lanes[side], low), Point(lanes[side], high), Point(end, high)]
            routes[index] = [*self._through_places(index), *corners, Point(end, self.tops[row_of[arrow.target]])]
        return routes

    def _track_y(self, row: int, index: int) -> float:
        """How far down the horizontal part of an arrow lies in the tracks of a row; row -1 is above all steps."""
        track = self.tracks[row].index(index)
        below = self.tops[row + 1] if row + 1 < len(self.tops) else self.height
        return below - _TRACK * (len(self.tracks[row]) - track) + _TRACK / 2 - (_CLEARANCE / 2 if row >= 0 else 0)


def _tracks(layout: Layers, arrows: Sequence[Arrow]) -> Mapping[int, list[int]]:
    """The arrows that lead back up and have a horizontal part in the free space of a row, by row; row -1 is above all steps."""
    tracks: dict[int, list[int]] = defaultdict(list)
    for index in sorted(layout.back):
        rows = {layout.row_of[arrows[index].source] + 1, layout.row_of[arrows[index].target] - 1}
        for row in rows:
            tracks[row].append(index)
    return tracks


def _ports(layout: Layers, arrows: Sequence[Arrow], middle: Mapping[RowNode, float]) -> dict[tuple[int, str], float]:
    """How far right of the middle of its step each arrow starts and ends, so that arrows beside each other do not cross there."""
    ends: dict[tuple[str, str], list[tuple[float, int]]] = defaultdict(list)
    for index, arrow in enumerate(arrows):
        chain = layout.chains[index]
        ends[arrow.source, "start"].append((middle[chain[1]], index))
        # An arrow that leads back up comes from its lane: from the left or the right of all others.
        ends[arrow.target, "end"].append((middle[chain[-1]] if index in layout.back else middle[chain[-2]], index))
    ports: dict[tuple[int, str], float] = {}
    for (_, end), arrivals in ends.items():
        distance = min(_PORT_DISTANCE, (STEP_WIDTH - 2 * _CORNER) / max(1, len(arrivals) - 1))
        for place, (_, index) in enumerate(sorted(arrivals)):
            ports[index, end] = (place - (len(arrivals) - 1) / 2) * distance
    return ports
