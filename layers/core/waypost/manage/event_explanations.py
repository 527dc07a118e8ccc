"""Why an event did what it did in a journey: its checks, evaluated once more (docs/api.md#explanations)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from waypost import identify
from waypost.domain.customers.customer import Customer, assemble
from waypost.domain.errors import RefusedError
from waypost.domain.intake.events import Event
from waypost.domain.intake.receipts import JourneyOutcome, Receipt
from waypost.domain.journeys.journey import Journey, parse
from waypost.domain.journeys.lifecycle import Lifecycle
from waypost.domain.reasons import Reason
from waypost.domain.runs.context import JourneyVersion, StepContext, event_snapshot
from waypost.domain.runs.explanations import TriggerCheck, checks
from waypost.domain.runs.run import Run
from waypost.domain.values.wire_time import iso
from waypost.manage import events
from waypost.manage.api import ApiRequest
from waypost.manage.journeys import definition_of, existing, invalid
from waypost.manage.requests import ExplanationQuery
from waypost.manage.responses.events import JourneyOutcomeResponse
from waypost.manage.responses.explanations import EventExplanationResponse, TriggerCheckResponse
from waypost.ports import EventHistory, ManagedJourneys

_PAGES_PER_READ: Final = 20
_READS: Final = 3
"""A customer has one page for each signal. Several of one millisecond are rare, and an event is never behind sixty of them."""


@dataclass(frozen=True, slots=True)
class PlacedRun:
    """A run, and the step in which it was when an event came."""

    run: Run
    step: str


def explain_event(request: ApiRequest[ExplanationQuery, None]) -> EventExplanationResponse:
    """`GET /api/events/{uuid}/why`.

    RefusedError 404 for an event that is not in the log, or an unknown journey or version; 422 for a draft that cannot be read.
    """
    dependencies, workspace, query = request.dependencies, request.workspace, request.query
    receipt = events.receipt(dependencies.receipts, workspace, request.variables["uuid"], request.now)
    event = logged_event(dependencies.log, workspace, receipt)
    lifecycle = existing(dependencies.journeys, workspace, query.journey)
    schema = dependencies.workspaces.schema(workspace)
    rows = identify.find_rows(dependencies.customers, workspace, event.identifier)
    customer = assemble(rows, schema.primary_key)
    owners = dict.fromkeys((receipt.customer, *((customer.id,) if customer else ())))
    runs = [run for owner in owners for run in dependencies.runs.in_journey(workspace, owner, query.journey)]
    outcome = outcome_in(receipt, query.journey)
    version = query.version or version_of(lifecycle, outcome, runs, receipt.received_at)
    journey = definition(dependencies.journeys, workspace, lifecycle, version)
    context = StepContext(customer or _no_customer(workspace, receipt), event_snapshot(event), receipt.received_at, schema.timezone)
    key = journey.entry.reentry.key_of(event.payload)
    found_there = (*placed(runs, receipt.received_at), *moved(receipt, query.journey, runs))
    there = [each for each in found_there if each.run.version == version and key in (None, each.run.key)]
    found = checks(journey, context)
    return EventExplanationResponse(
        uuid=event.uuid,
        event=event.name,
        journey=query.journey,
        version=version,
        customer=receipt.customer,
        at=receipt.received_at,
        checks=tuple(TriggerCheckResponse.of(each, waiting=is_waiting(each, there)) for each in found),
        outcome=JourneyOutcomeResponse.model_validate(outcome, from_attributes=True) if outcome else None,
        note=" ".join(notes(receipt, outcome, lifecycle, JourneyVersion(journey, version), customer, found)) or None,
    )


def logged_event(log: EventHistory, workspace: str, receipt: Receipt) -> Event:
    """The event of a receipt, from the page that has it. RefusedError 404 if the log has none."""
    before: str | None = f"{iso(receipt.received_at)}#~"
    for _ in range(_READS):
        pages, before = log.of_customer(workspace, receipt.customer, limit=_PAGES_PER_READ, before=before, since=receipt.received_at)
        found = next((event for page in pages for event in page.events if event.uuid == receipt.uuid), None)
        if found is not None:
            return found
        if before is None:
            break
    raise RefusedError(404, "not-found", "The event log does not have this event, so what it was sent with is not known.")


def outcome_in(receipt: Receipt, journey: str) -> JourneyOutcome | None:
    """What an event did in a journey: in the first run that it moved, else why it did nothing. None if the receipt does not say."""
    outcomes = [each for each in receipt.journeys if each.journey == journey]
    return next((each for each in outcomes if each.outcome != "ignored"), outcomes[0] if outcomes else None)


def placed(runs: Sequence[Run], at: datetime) -> Iterator[PlacedRun]:
    """The runs that were active when an event came, each with the step in which it was."""
    for run in runs:
        # What the event itself did to a run has its time, so the visit before that is the place where the event found the run.
        before = [visit for visit in run.history if visit.at < at]
        has_ended = not run.active and len(before) == len(run.history)
        if before and not has_ended:
            yield PlacedRun(run, before[-1].step)


def moved(receipt: Receipt, journey: str, runs: Sequence[Run]) -> Iterator[PlacedRun]:
    """The runs of a journey that an event moved or ended, each with the step in which the event found it."""
    # The events of one batch have one time. If the first one of them has started a run, the times of the run's visits do not show where
    # the second one found it. The receipt does.
    by_id = {run.id: run for run in runs}
    for outcome in receipt.journeys:
        run = by_id.get(outcome.run or "") if outcome.journey == journey and outcome.outcome in ("advanced", "exited") else None
        if run is None:
            continue
        steps = [visit.step for visit in run.history if visit.at <= receipt.received_at]
        if outcome.branches or steps:
            yield PlacedRun(run, outcome.branches[0].step if outcome.branches else steps[-1])


def version_of(lifecycle: Lifecycle, outcome: JourneyOutcome | None, runs: Sequence[Run], at: datetime) -> int:
    """The version of the run that an event moved or found, else the published one, else the newest draft."""
    moved = [run for run in runs if outcome is not None and run.id == outcome.run]
    there = [each.run for each in placed(runs, at)]
    return next((run.version for run in (*moved, *there)), lifecycle.published_version or lifecycle.version)


def definition(journeys: ManagedJourneys, workspace: str, lifecycle: Lifecycle, version: int) -> Journey:
    """The journey in a version. RefusedError 404 if there is no such version, 422 for a draft that is no complete journey."""
    parsed = parse(definition_of(journeys, workspace, lifecycle, version))
    if not isinstance(parsed, Journey):
        raise invalid("This version is not complete, so its conditions cannot be evaluated.", parsed)
    return parsed


def is_waiting(check: TriggerCheck, there: Sequence[PlacedRun]) -> bool | None:
    """Whether a run waited for what is checked when the event came; None for an entry, which needs no run."""
    match check.kind:
        case "entry":
            return None
        case "branch":
            return any(each.step == check.step for each in there)
        case "exit":
            return bool(there)


def notes(
    receipt: Receipt,
    outcome: JourneyOutcome | None,
    lifecycle: Lifecycle,
    explained: JourneyVersion,
    customer: Customer | None,
    found: Sequence[TriggerCheck],
) -> Iterator[str]:
    """What the checks alone do not show, in sentences."""
    if receipt.reason is not None:
        yield f"The event as a whole did nothing in journeys: {receipt.reason}."
    if customer is None:
        yield "The customer does not exist any more, so the conditions see no attributes."
    if lifecycle.published_version is None:
        yield "The journey was never published."
    elif explained.version == lifecycle.published_version and lifecycle.entries_from and receipt.received_at < lifecycle.entries_from:
        yield f"Customers enter this version from {iso(lifecycle.entries_from)} on, which is after the event."
    if lifecycle.status in ("paused", "stopped"):
        yield f"The journey is {lifecycle.status} now."
    if not any(each.names for each in found):
        yield "No entry, wait or exit of this version takes an event of this name and source."
    elif outcome is not None and outcome.reason is Reason.CONDITIONS and found[0].holds:
        yield "The entry's conditions hold now, and they did not when the event came: the customer or the version was another one then."


def _no_customer(workspace: str, receipt: Receipt) -> Customer:
    return Customer(workspace, receipt.customer, None, None, (), {}, {})
