"""Responses that draw a journey."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, Field

from waypost.domain.journeys.layout.layout import ArrowRoute, Box, JourneyLayout
from waypost.domain.values.findings import Finding
from waypost.domain.values.wire_model import WireModel
from waypost.manage.responses.lists import FindingResponse

Pixels = Annotated[float, AfterValidator(lambda value: round(value, 1))]


class RunCount(NamedTuple):
    """How many active runs were counted; with `is_lower_bound` there are more."""

    number: int
    is_lower_bound: bool


class RunCountsByStep(NamedTuple):
    """How many runs a pause of the journey holds, and how many of the others are in each step, by its id."""

    held: RunCount
    by_step: Mapping[str, RunCount]


class BoxResponse(WireModel):
    """A rectangle: its left upper corner, from that of the picture, and its size, in pixels."""

    x: Pixels
    y: Pixels
    width: Pixels
    height: Pixels

    @classmethod
    def of(cls, box: Box) -> BoxResponse:
        """The rectangle."""
        return cls.model_validate(box._asdict())


class StepLayout(BoxResponse):
    """A step and its place.

    `here` is the number of active runs in it, None if they were not counted; with `hereAtLeast` there are more. `label` says what the step
    does.
    """

    id: str
    type: str
    label: str
    here: int | None
    here_at_least: bool


class EdgeLayout(WireModel):
    """An edge: its corners from start to end, the place of its label, and whether it leads back to an earlier step."""

    from_: str = Field(alias="from")
    to: str
    label: str
    points: tuple[tuple[Pixels, Pixels], ...]
    label_box: BoxResponse | None
    back: bool

    @classmethod
    def of(cls, route: ArrowRoute) -> EdgeLayout:
        """The edge of a route."""
        return cls(
            from_=route.arrow.source,
            to=route.arrow.target,
            label=route.arrow.label,
            points=tuple((point.x, point.y) for point in route.points),
            label_box=BoxResponse.of(route.label_box) if route.label_box else None,
            back=route.is_back,
        )


class LayoutResponse(WireModel):
    """A journey as a picture, in pixels. `version` is None for a definition that is not saved.

    `held` is the number of runs that a pause of the journey holds in any step, None if they were not counted; with `heldAtLeast` there are
    more.
    """

    version: int | None
    width: Pixels
    height: Pixels
    held: int | None
    held_at_least: bool
    steps: tuple[StepLayout, ...]
    edges: tuple[EdgeLayout, ...]

    @classmethod
    def of(
        cls, drawn: JourneyLayout, labels: Mapping[str, tuple[str, str]], counts: RunCountsByStep | None, version: int | None
    ) -> LayoutResponse:
        """The picture with the type and description of each step (`labels`), and with counts where there are any."""
        steps = tuple(_step(step, box, labels[step], counts.by_step[step] if counts else None) for step, box in drawn.steps.items())
        return cls(
            version=version,
            width=drawn.width,
            height=drawn.height,
            held=counts.held.number if counts else None,
            held_at_least=counts is not None and counts.held.is_lower_bound,
            steps=steps,
            edges=tuple(EdgeLayout.of(route) for route in drawn.routes),
        )


def _step(step: str, box: Box, labels: tuple[str, str], count: RunCount | None) -> StepLayout:
    here, is_lower_bound = count or (None, False)
    step_type, label = labels
    return StepLayout(**box._asdict(), id=step, type=step_type, label=label, here=here, here_at_least=is_lower_bound)


class CheckResponse(WireModel):
    """What publishing would refuse a definition for, and its picture (None: it cannot be drawn yet)."""

    errors: tuple[FindingResponse, ...]
    layout: LayoutResponse | None = Field(alias="picture")

    @classmethod
    def of(cls, errors: Sequence[Finding], layout: LayoutResponse | None) -> CheckResponse:
        """The findings of a check with the picture."""
        return cls(errors=tuple(FindingResponse.of(each) for each in errors), layout=layout)
