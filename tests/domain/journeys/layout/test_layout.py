"""The layout of a journey's picture."""

from __future__ import annotations

import sys
import time
from itertools import combinations, pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.domain.journeys.layout.layers import Arrow
from waypost.domain.journeys.layout.layout import Box, JourneyLayout, Point, laid_out

LABELS = st.sampled_from(["", "timeout", "after P3D", "a branch with a label that is longer than any step is wide"])


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[str], list[Arrow]]:
    """Steps and arrows between them, cycles and parallel arrows included, none from a step to itself."""
    steps = [f"step-{number}" for number in range(draw(st.integers(1, 9)))]
    if len(steps) == 1:
        return steps, []
    ends = st.lists(st.sampled_from(steps), min_size=2, max_size=2, unique=True)
    pairs = draw(st.lists(ends, max_size=14))
    return steps, [Arrow(source, target, draw(LABELS)) for source, target in pairs]


def overlap(one: Box, other: Box) -> bool:
    """Whether two boxes have more than an edge in common."""
    slack = 0.01
    across = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    down = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    return across > slack and down > slack


def passes_through(start: Point, end: Point, box: Box) -> bool:
    """Whether a straight line has a point inside of a box, half a pixel away from its edges."""
    inner = (box.x + 0.5, box.y + 0.5, box.x + box.width - 0.5, box.y + box.height - 0.5)
    low, high = 0.0, 1.0
    for origin, delta, near, far in (
        (start.x, end.x - start.x, inner[0], inner[2]),
        (start.y, end.y - start.y, inner[1], inner[3]),
    ):
        if abs(delta) < 1e-9:
            if not near < origin < far:
                return False
            continue
        first, second = sorted(((near - origin) / delta, (far - origin) / delta))
        low, high = max(low, first), min(high, second)
    return low < high


def labels_of(drawn: JourneyLayout) -> list[Box]:
    """The boxes of all labels."""
    return [route.label_box for route in drawn.routes if route.label_box is not None]


@given(graphs())
def test_no_two_boxes_overlap(graph: tuple[list[str], list[Arrow]]) -> None:
    """Steps and labels never cover each other."""
    drawn = laid_out(*graph)
    assert not [pair for pair in combinations([*drawn.steps.values(), *labels_of(drawn)], 2) if overlap(*pair)]


@given(graphs())
def test_every_step_and_every_arrow_is_drawn_once(graph: tuple[list[str], list[Arrow]]) -> None:
    """The picture has each step and each arrow, each label has its box, and an arrow starts below its source and ends above its target."""
    steps, arrows = graph
    drawn = laid_out(steps, arrows)
    assert list(drawn.steps) == steps
    assert [route.arrow for route in drawn.routes] == arrows
    for route in drawn.routes:
        source, target = drawn.steps[route.arrow.source], drawn.steps[route.arrow.target]
        assert (route.label_box is not None) == bool(route.arrow.label)
        assert route.points[0].y == pytest.approx(source.y + source.height)
        assert route.points[-1].y == pytest.approx(target.y)
        assert source.x < route.points[0].x < source.x + source.width
        assert target.x < route.points[-1].x < target.x + target.width


@given(graphs())
def test_an_arrow_leads_down_unless_it_closes_a_cycle(graph: tuple[list[str], list[Arrow]]) -> None:
    """A forward arrow never leads up, and without the others there is no cycle."""
    drawn = laid_out(*graph)
    for route in drawn.routes:
        if not route.is_back:
            assert all(upper.y <= lower.y + 0.01 for upper, lower in pairwise(route.points))
    for step in drawn.steps:
        seen = {step}
        following = [step]
        while following:
            here = following.pop()
            onward = [route.arrow.target for route in drawn.routes if route.arrow.source == here and not route.is_back]
            assert step not in onward
            following += [each for each in onward if each not in seen]
            seen |= set(onward)


@given(graphs())
def test_no_arrow_covers_a_step_or_the_label_of_another_arrow(graph: tuple[list[str], list[Arrow]]) -> None:
    """An arrow runs between all steps and labels; only its own label stands on it."""
    drawn = laid_out(*graph)
    for route in drawn.routes:
        others = [*drawn.steps.values(), *(each.label_box for each in drawn.routes if each.label_box and each is not route)]
        assert not [(line, box) for line in pairwise(route.points) for box in others if passes_through(*line, box)]


@given(graphs())
def test_everything_lies_inside_of_its_size(graph: tuple[list[str], list[Arrow]]) -> None:
    """No box and no corner lies outside of the size that the picture states."""
    drawn = laid_out(*graph)
    corners = [point for route in drawn.routes for point in route.points]
    for box in [*drawn.steps.values(), *labels_of(drawn)]:
        corners += [Point(box.x, box.y), Point(box.x + box.width, box.y + box.height)]
    assert all(0 <= x <= drawn.width and 0 <= y <= drawn.height for x, y in corners)


@given(graphs())
def test_the_same_journey_is_drawn_alike(graph: tuple[list[str], list[Arrow]]) -> None:
    """Nothing in the layout depends on chance or on the order of a set."""
    assert laid_out(*graph) == laid_out(*graph)


def test_a_line_of_steps_stands_straight() -> None:
    """Steps that follow each other without branches stand below each other."""
    steps = ["a", "b", "c"]
    drawn = laid_out(steps, [Arrow("a", "b"), Arrow("b", "c")])
    assert len({box.x for box in drawn.steps.values()}) == 1
    assert all(len({point.x for point in route.points}) == 1 for route in drawn.routes)


def test_branches_that_need_not_cross_do_not_cross() -> None:
    """The branches of a split stand in the order in which their arrows do not cross, whatever the order of the steps."""
    steps = ["split", "right", "left", "end"]
    arrows = [Arrow("split", "left", "x"), Arrow("split", "right", "y"), Arrow("left", "end"), Arrow("right", "end")]
    drawn = laid_out(steps, arrows)
    first, second = drawn.routes[0], drawn.routes[1]
    assert (first.points[0].x < second.points[0].x) == (first.points[-1].x < second.points[-1].x)


def test_the_largest_journey_is_drawn_within_half_a_second() -> None:
    """A journey of 200 steps with 300 arrows, 20 of them back up, takes at most half a second of processor time."""
    random = Random(7)
    steps = [f"s{number}" for number in range(200)]
    arrows = [Arrow(f"s{number}", f"s{number + 1}") for number in range(199)]
    for _ in range(100):
        start = random.randrange(190)
        arrows.append(Arrow(f"s{start}", f"s{start + random.randrange(2, 10)}", "branch"))
    arrows[-20:] = [Arrow(arrow.target, arrow.source, "again") for arrow in arrows[-20:]]
    started = time.process_time()
    laid_out(steps, arrows)
    # Tracing, as for the measurement of coverage, makes each line several times as expensive.
    assert time.process_time() - started < (0.5 if sys.gettrace() is None else 2)
