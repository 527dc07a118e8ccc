"""Journeys as layouts, and the check of a draft with its picture (docs/api.md#pictures)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final

from waypost.domain.journeys.checks import graph, publish_checks
from waypost.domain.journeys.diagram import description
from waypost.domain.journeys.journey import Journey, parse
from waypost.domain.journeys.layout.layers import Arrow
from waypost.domain.journeys.layout.layout import laid_out
from waypost.domain.journeys.lifecycle import JourneyStatus, Lifecycle
from waypost.domain.values.findings import Finding
from waypost.manage.api import ApiRequest
from waypost.manage.journeys import checks_for, invalid, read_version
from waypost.manage.requests import LayoutQuery, NoQuery
from waypost.manage.responses.layouts import CheckResponse, LayoutResponse, RunCount, RunCountsByStep
from waypost.ports import ManagedJourneys, RunCounts

COUNT_LIMIT: Final = 1000
"""How many runs of one step are counted. An index entry has about 150 bytes, so that a full count of a step reads some 20 units."""

_COUNTING_THREADS: Final = 10


def draw(journeys: ManagedJourneys, workspace: str, journey_id: str, version: int | None) -> tuple[Lifecycle, Journey]:
    """The status of a journey and the definition of a version (None: the newest).

    RefusedError 404, or 422 for a draft that cannot be drawn.
    """
    journey, definition = read_version(journeys, workspace, journey_id, version)
    parsed = drawable(definition)
    if not isinstance(parsed, Journey):
        raise invalid("This version cannot be drawn.", parsed)
    return journey, parsed


def drawable(definition: Any) -> Journey | list[Finding]:
    """The journey of a definition whose steps can be drawn, or what forbids it."""
    parsed = parse(definition)
    if not isinstance(parsed, Journey):
        return parsed
    return [each for each in graph.findings(definition["steps"]) if each.code in ("unknown-step", "duplicate-step-id")] or parsed


def layout(journey: Journey, version: int | None = None, counts: RunCountsByStep | None = None) -> LayoutResponse:
    """The picture of a journey whose ids of steps are unique and whose edges lead to its steps."""
    arrows = [Arrow(step.id, edge.target, edge.label) for step in journey.steps for edge in step.edges]
    drawn = laid_out([step.id for step in journey.steps], arrows)
    labels = {step.id: (step.type, description(step)) for step in journey.steps}
    return LayoutResponse.of(drawn, labels, counts, version)


def count_runs(runs: RunCounts, workspace: str, journey: Journey, status: JourneyStatus) -> RunCountsByStep:
    """How many active runs are in each step, and how many a pause holds; of each at most `COUNT_LIMIT`."""
    if status == "stopped":
        # Stopping writes one row and touches no run. The runs that the index still has have ended.
        none = RunCount(0, is_lower_bound=False)
        return RunCountsByStep(none, {step.id: none for step in journey.steps})
    # One query for each step, ten at the same time: the number of calls and of read units does not depend on the number of runs.
    count = partial(runs.count, workspace, journey.id, limit=COUNT_LIMIT)
    steps: list[str | None] = [None, *(step.id for step in journey.steps)]
    with ThreadPoolExecutor(_COUNTING_THREADS) as executor:
        found = [RunCount(*each) for each in executor.map(count, steps)]
    return RunCountsByStep(found[0], {step.id: each for step, each in zip(journey.steps, found[1:], strict=True)})


def read_layout(request: ApiRequest[LayoutQuery, None]) -> LayoutResponse:
    """`GET /api/journeys/{id}/picture`."""
    dependencies, query = request.dependencies, request.query
    lifecycle, journey = draw(dependencies.journeys, request.workspace, request.variables["id"], query.version)
    counts = count_runs(dependencies.runs, request.workspace, journey, lifecycle.status) if query.counts else None
    return layout(journey, query.version or lifecycle.version, counts)


def check_journey(request: ApiRequest[NoQuery, Any]) -> CheckResponse:
    """`POST /api/journeys/{id}/check`."""
    raw = {"id": request.variables["id"], **request.body} if isinstance(request.body, dict) else request.body
    checks = checks_for(request)
    checked = publish_checks.publishable(raw, checks.template, checks.address, checks.sender)
    errors = checked if isinstance(checked, list) else []
    parsed = drawable(raw)
    return CheckResponse.of(errors, layout(parsed) if isinstance(parsed, Journey) else None)
