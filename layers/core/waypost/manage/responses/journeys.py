"""Responses about journeys and their dry run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from waypost.domain.journeys.lifecycle import JourneyStatus, Lifecycle
from waypost.domain.reasons import Reason
from waypost.domain.runs.run import Run
from waypost.domain.runs.simulation import Simulation
from waypost.domain.values.findings import Finding
from waypost.domain.values.wire_model import WireModel
from waypost.manage.responses.customers import zone_warnings
from waypost.manage.responses.lists import FindingResponse, Time

CREATED_STATUS: Final = 201
"""The status of the response to a draft that has created its journey."""


class JourneySummary(WireModel):
    """A journey in a list.

    `version` is the newest version, `publishedVersion` the one that customers enter, from `entriesFrom` on. `draft`: whether the newest
    version is a draft that can be published.
    """

    id: str
    name: str
    status: JourneyStatus
    version: int
    published_version: int | None
    draft: bool
    entries_from: Time | None
    created_at: Time
    updated_at: Time

    @classmethod
    def of(cls, journey: Lifecycle) -> JourneySummary:
        """The journey without its definition."""
        return cls.model_validate(journey, from_attributes=True)


class JourneyResponse(JourneySummary):
    """A journey with a definition as it was saved, the newest one or the one of a given version (`definitionVersion`).

    `problems` is what publishing this definition would be refused for, `warnings` what looks like a mistake in it and does not keep it from
    being published.
    """

    definition_version: int
    definition: dict[str, Any]
    problems: tuple[FindingResponse, ...]
    warnings: tuple[FindingResponse, ...]

    @classmethod
    def with_definition(
        cls, journey: Lifecycle, version: int, definition: dict[str, Any], problems: Sequence[Finding], warnings: Sequence[Finding]
    ) -> JourneyResponse:
        """The journey with the definition of a version, and the problems and warnings of it."""
        listed, warned = (tuple(FindingResponse.of(each) for each in found) for found in (problems, warnings))
        return cls(**dict(JourneySummary.of(journey)), definition_version=version, definition=definition, problems=listed, warnings=warned)


class VersionResponse(WireModel):
    """A version of a journey. The times are null where an older release has saved or published it.

    `isPublished`: whether it is the `publishedVersion` of the journey.
    """

    version: int
    saved_at: Time | None
    published_at: Time | None
    is_published: bool


class JourneyRunResponse(WireModel):
    """An active run of a journey. `primaryKey` is null if its customer has none or is not known.

    `due` is when the wait in its step ends; `held` says that its paused journey holds it.
    """

    run: str
    customer: str
    primary_key: Any
    step: str
    version: int
    entered_at: Time
    due: Time | None
    held: bool

    @classmethod
    def of(cls, customer: str, run: Run, primary_key: Any) -> JourneyRunResponse:
        """The run of a customer with this id and primary key value."""
        return cls(
            run=run.id,
            customer=customer,
            primary_key=primary_key,
            step=run.step,
            version=run.version,
            entered_at=run.entered_at,
            due=run.due,
            held=run.pending_transition is not None,
        )


class SimulatedMove(WireModel):
    """A step that a run reaches, when and why. The last move of a run names the step in which it ends."""

    at: Time
    step: str
    reason: str
    branch: str | None
    run: str


class SimulatedMessage(WireModel):
    """A message as its customer would see it. `reason` says why it would not be sent, `missing` which variables have no value."""

    at: Time
    step: str
    channel: str
    rendered: dict[str, Any]
    reason: str | None
    missing: tuple[str, ...]


class IgnoredEventResponse(WireModel):
    """An event that starts no run, and why; or a report about a message (the id of its step) that no run has sent."""

    at: Time
    event: str | None
    reason: Reason
    message: str | None


class SimulationResponse(WireModel):
    """What a dry run shows, in the order of time."""

    moves: tuple[SimulatedMove, ...]
    messages: tuple[SimulatedMessage, ...]
    ignored: tuple[IgnoredEventResponse, ...]
    warnings: tuple[FindingResponse, ...]

    @classmethod
    def of(cls, simulation: Simulation, messages: Sequence[SimulatedMessage], warnings: Sequence[Finding]) -> SimulationResponse:
        """The moves of all runs together, the messages as they are rendered, and what in the request looks like a mistake."""
        moves = [
            SimulatedMove(at=each.at, step=each.step, reason=each.reason.value, branch=each.branch, run=run)
            for run, each in simulation.visits
        ]
        return cls(
            moves=tuple(sorted(moves, key=lambda move: move.at)),
            messages=tuple(messages),
            ignored=tuple(IgnoredEventResponse.model_validate(each, from_attributes=True) for each in simulation.ignored),
            warnings=(*(FindingResponse.of(each) for each in warnings), *zone_warnings(simulation.customer, "/customer")),
        )
