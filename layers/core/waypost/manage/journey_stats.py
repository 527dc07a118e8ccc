"""The numbers of a version of a journey, and the conversion of its experiments (docs/api.md#numbers-of-a-journey)."""

from __future__ import annotations

from datetime import UTC, datetime, time

from waypost.domain.errors import RefusedError
from waypost.domain.journeys.journey import Journey
from waypost.domain.journeys.steps import Experiment
from waypost.domain.journeys.waits import WaitUntil
from waypost.domain.runs.edges import branch_names
from waypost.domain.runs.journey_counts import CountedVersion
from waypost.manage.api import ApiRequest
from waypost.manage.journeys import definition_of, existing, invalid
from waypost.manage.layouts import drawable
from waypost.manage.message_counts import count_messages
from waypost.manage.requests import CountsQuery, ExperimentQuery, StatsQuery
from waypost.manage.responses.journey_stats import ExperimentResponse, StatsResponse
from waypost.manage.time_limit import time_limit
from waypost.ports import ManagedJourneys


def read_version(journeys: ManagedJourneys, workspace: str, journey_id: str, version: int | None) -> tuple[CountedVersion, Journey]:
    """A version of a journey with its definition. Without a number the published one, or the newest one if none is published.

    RefusedError 404, or 422 for a draft that is no graph of steps.
    """
    journey = existing(journeys, workspace, journey_id)
    number = version or journey.published_version or journey.version
    parsed = drawable(definition_of(journeys, workspace, journey, number))
    if not isinstance(parsed, Journey):
        raise invalid("This version has no numbers: its definition is not complete.", parsed)
    return CountedVersion(workspace, journey_id, number), parsed


def read_stats(request: ApiRequest[StatsQuery, None]) -> StatsResponse:
    """`GET /api/journeys/{id}/stats`."""
    dependencies, since = request.dependencies, request.query.since
    has_time = time_limit(dependencies.monotonic)
    version, journey = read_version(dependencies.journeys, request.workspace, request.variables["id"], request.query.version)
    counted = dependencies.counters.days(version, since)
    created_from = datetime.combine(since, time.min, UTC) if since is not None else None
    messages, following = count_messages(
        dependencies.messages, request.workspace, version.journey, CountsQuery(since=created_from), has_time, version.version
    )
    return StatsResponse.of(
        version.version,
        since,
        dependencies.counters.counted_from(version),
        journey,
        counted,
        messages,
        is_part_of_messages=following is not None,
    )


def read_experiment(request: ApiRequest[ExperimentQuery, None]) -> ExperimentResponse:
    """`GET /api/journeys/{id}/experiments/{step}`."""
    counters, query = request.dependencies.counters, request.query
    version, journey = read_version(request.dependencies.journeys, request.workspace, request.variables["id"], query.version)
    experiment = _experiment(journey, request.variables["step"])
    goal = _goal(journey, experiment, query)
    found = counters.conversions(version, journey.positions[experiment.id])
    # A failed write is counted with the numbers of the version, whichever of its rows it was about.
    is_lower_bound = not found.complete or counters.days(version, None).counts.failed_writes > 0
    return ExperimentResponse.of(query, version.version, experiment, goal, found, is_lower_bound=is_lower_bound)


def _experiment(journey: Journey, step_id: str) -> Experiment:
    step = journey.step(step_id) if step_id in journey.positions else None
    if not isinstance(step, Experiment):
        raise RefusedError(404, "not-found", "This version of the journey has no experiment with this id.")
    return step


def _goal(journey: Journey, experiment: Experiment, query: ExperimentQuery) -> int:
    """The number of the goal that a query names. RefusedError 400 if it is none, or does not lie behind the experiment."""
    if query.goal not in _steps_behind(journey, experiment.id):
        raise _bad_parameter("goal", "no step with this id lies behind the experiment")
    if query.branch is None:
        return journey.goals[query.goal, None]
    step = journey.step(query.goal)
    names = branch_names(step) if isinstance(step, WaitUntil) else ()
    if query.branch not in names:
        raise _bad_parameter("branch", "the goal is no `waitUntil` with this branch, named by its id or its position counted from 1")
    return journey.goals[query.goal, names.index(query.branch)]


def _steps_behind(journey: Journey, start: str) -> set[str]:
    """The ids of the steps to which a path of at least one edge leads from a step."""
    reached: set[str] = set()
    to_visit = [start]
    while to_visit:
        new = {edge.target for edge in journey.edges_of(to_visit.pop())} - reached
        reached |= new
        to_visit += new
    return reached


def _bad_parameter(name: str, detail: str) -> RefusedError:
    errors = [{"code": "bad-parameter", "detail": detail, "parameter": name}]
    return RefusedError(400, "bad-parameter", f"Wrong parameters: {name}: {detail}.", errors=errors)
