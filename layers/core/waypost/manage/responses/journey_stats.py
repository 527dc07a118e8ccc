"""Responses about the numbers of a journey."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated

from pydantic import AfterValidator, Field, PlainSerializer, WithJsonSchema

from waypost.domain.journeys.journey import Journey
from waypost.domain.journeys.steps import Experiment
from waypost.domain.messages.message import MessageStatus
from waypost.domain.reasons import Reason
from waypost.domain.runs.edges import EdgePlace, branch_names
from waypost.domain.runs.journey_counts import ConversionCounts, Conversions, CountedDays
from waypost.domain.values.proportions import proportion
from waypost.domain.values.wire_model import WireModel
from waypost.manage.requests import ExperimentQuery
from waypost.manage.responses.lists import Time

Day = Annotated[date, PlainSerializer(date.isoformat), WithJsonSchema({"type": "string", "format": "date"})]
Share = Annotated[float, AfterValidator(lambda value: round(value, 4)), Field(ge=0, le=1)]


class ReasonCount(WireModel):
    """How often this reason was the cause."""

    reason: Reason
    count: int


class StepCame(WireModel):
    """How often runs came to a step: a run in a loop comes to it more than once."""

    step: str
    came: int


class EdgeCount(WireModel):
    """How often runs took an edge.

    `branch` tells two edges between the same steps apart: the id of a branch, or its position counted from 1; or `timeout`, `onFailure` or
    `otherwise`; null for `next`. `label` is that of the picture.
    """

    from_: str = Field(alias="from")
    to: str
    branch: str | None
    label: str
    count: int


class StepMessages(WireModel):
    """How many messages of a step have a status now."""

    step: str
    status: MessageStatus
    count: int


class StatsResponse(WireModel):
    """The numbers of one version of a journey since a day (UTC), or since `countedFrom` where that is later or `since` is null.

    `steps` and `edges` are all of the version, in its order, which is that of the picture. With `isLowerBound` the numbers may be higher in
    fact, and with `messagesAreLowerBound` those of `messages`.
    """

    version: int
    since: Day | None
    counted_from: Time | None
    entered: int
    finished: int
    exited: tuple[ReasonCount, ...]
    ignored: tuple[ReasonCount, ...]
    steps: tuple[StepCame, ...]
    edges: tuple[EdgeCount, ...]
    messages: tuple[StepMessages, ...]
    is_lower_bound: bool
    messages_are_lower_bound: bool

    @classmethod
    def of(
        cls,
        version: int,
        since: date | None,
        counted_from: datetime | None,
        journey: Journey,
        counted: CountedDays,
        messages: Mapping[str, Mapping[MessageStatus, int]],
        *,
        is_part_of_messages: bool,
    ) -> StatsResponse:
        """The numbers with the names of the definition."""
        counts = counted.counts
        edges = _edges(journey, counts.edges)
        came = Counter({journey.first.id: counts.entered})
        for edge in edges:
            came[edge.to] += edge.count
        by_status = [(step, status, number) for step, numbers in sorted(messages.items()) for status, number in sorted(numbers.items())]
        return cls(
            version=version,
            since=since,
            counted_from=counted_from,
            entered=counts.entered,
            finished=counts.finished,
            exited=_reasons(counts.exited),
            ignored=_reasons(counts.ignored),
            steps=tuple(StepCame(step=step.id, came=came[step.id]) for step in journey.steps),
            edges=edges,
            messages=tuple(StepMessages(step=step, status=status, count=number) for step, status, number in by_status),
            is_lower_bound=not counted.complete or counts.failed_writes > 0,
            messages_are_lower_bound=is_part_of_messages,
        )


def _edges(journey: Journey, counts: Mapping[EdgePlace, int]) -> tuple[EdgeCount, ...]:
    found = []
    for position, step in enumerate(journey.steps):
        names = branch_names(step)
        for place, edge in enumerate(journey.edges_of(step.id)):
            member = str(edge.place[0])
            name = names[place] if place < len(names) else None if member == "next" else member
            number = counts.get(EdgePlace(position, place), 0)
            found.append(EdgeCount(from_=step.id, to=edge.target, branch=name, label=edge.label, count=number))
    return tuple(found)


def _reasons(counts: Mapping[Reason, int]) -> tuple[ReasonCount, ...]:
    return tuple(ReasonCount(reason=reason, count=number) for reason, number in sorted(counts.items()))


class ConversionResponse(WireModel):
    """How many runs took a branch of an experiment, and how many of them came to the goal after that.

    `rate` is their share, null without a run; with a probability of 95 % the true one lies between `low` and `high`.
    """

    branch: str
    entered: int
    came: int
    rate: Share | None
    low: Share | None
    high: Share | None

    @classmethod
    def of(cls, branch: str, entered: int, came: int) -> ConversionResponse:
        """The numbers of a branch with their share."""
        share = proportion(came, entered)
        rate, low, high = share if share is not None else (None, None, None)
        return cls(branch=branch, entered=entered, came=came, rate=rate, low=low, high=high)


class ExperimentResponse(WireModel):
    """The branches of an experiment side by side: of the runs that took each, how many came to the goal. Each run counts once."""

    step: str
    goal: str
    branch: str | None
    version: int
    counted_from: Time | None
    branches: tuple[ConversionResponse, ...]
    is_lower_bound: bool

    @classmethod
    def of(
        cls, query: ExperimentQuery, version: int, experiment: Experiment, goal: int, found: Conversions, *, is_lower_bound: bool
    ) -> ExperimentResponse:
        """The numbers of each branch, in the order of the definition."""
        branches = []
        for place, branch in enumerate(experiment.branches):
            counts = found.branches.get(place, ConversionCounts())
            came = counts.reached[goal]
            # The write of the branch may have failed, and a later one of the goal not. A share above 1 is none.
            branches.append(ConversionResponse.of(branch.id, max(counts.entered, came), came))
        return cls(
            step=experiment.id,
            goal=query.goal,
            branch=query.branch,
            version=version,
            counted_from=found.counted_from,
            branches=tuple(branches),
            is_lower_bound=is_lower_bound,
        )
