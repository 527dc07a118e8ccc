"""The dry run of a journey: what would happen to a customer, when and why; nothing is sent or written (docs/journeys.md#dry-run)."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from waypost import identify
from waypost.domain.customers.customer import Customer, assemble
from waypost.domain.customers.facts import fact, set_stamp
from waypost.domain.customers.identifiers import Identifier, primary_identifier
from waypost.domain.customers.rows import Row, correlation_key, head_key
from waypost.domain.customers.schema import Schema
from waypost.domain.customers.topics import find_topic, removed_topic
from waypost.domain.errors import RefusedError
from waypost.domain.intake import batch_parser
from waypost.domain.intake.batch_parser import RequestContext
from waypost.domain.intake.events import Accepted, Event
from waypost.domain.journeys.checks import publish_checks
from waypost.domain.journeys.journey import Journey
from waypost.domain.journeys.message_steps import MessageStep
from waypost.domain.messages import receivers, template_scope
from waypost.domain.messages.message import MessageReason, MessageStatus, RenderFailure, SkipReason
from waypost.domain.messages.permission import consent_refusal
from waypost.domain.runs.context import JourneyVersion
from waypost.domain.runs.simulation import PlannedMessage, Simulation, TimedEvent, TimedReport
from waypost.domain.values import exact_json
from waypost.domain.values.findings import Finding
from waypost.domain.values.generated_ids import customer_id
from waypost.domain.values.json_pointers import pointer
from waypost.domain.values.wire_time import iso
from waypost.manage.api import ApiRequest
from waypost.manage.dependencies import ManageDependencies
from waypost.manage.journeys import draft_findings, invalid, read
from waypost.manage.requests import NoQuery, RecordedPeriod, SimulatedReport, SimulationBody
from waypost.manage.responses.journeys import SimulatedMessage, SimulationResponse
from waypost.manage.time_limit import time_limit
from waypost.ports import Customers, EventHistory

MAX_RECORDED_EVENTS: Final = 1_000
MAX_MESSAGE_BYTES: Final = 4_000_000
"""How many bytes the messages of a dry run have at most: the response of a Lambda function ends at 6 MB."""
PAGES_PER_READ: Final = 100
ATTRIBUTE_EVENTS: Final = frozenset({"$identify", "$set"})
"""Events that change a customer's attributes: no journey has to name them."""

ANONYMOUS: Final = Identifier("correlation", "simulated")
"""The identifier of a simulated customer without a primary key."""


def simulate_journey(request: ApiRequest[NoQuery, SimulationBody]) -> SimulationResponse:
    """`POST /api/journeys/{id}/simulate`."""
    ports = request.dependencies
    schema = ports.workspaces.schema(request.workspace)
    simulation = simulate(ports, request.workspace, request.variables["id"], request.body, schema, request.now, request.base_url)
    journey = simulation.journey_version.journey
    attributes = ports.settings.read(request.workspace).settings.address_attributes
    messages = list(_within_limits((rendered(each, journey, attributes, ports, request.base_url) for each in simulation.messages), ports))
    return SimulationResponse.of(simulation, messages, list(event_warnings(journey, request.body)))


def _within_limits(messages: Iterable[SimulatedMessage], dependencies: ManageDependencies) -> Iterator[SimulatedMessage]:
    """The messages, which are rendered one by one. RefusedError 422 if they take too long, or do not fit into one response of Lambda."""
    has_time, size = time_limit(dependencies.monotonic), 0
    for message in messages:
        size += len(exact_json.dumps(message.rendered))
        if size > MAX_MESSAGE_BYTES or not has_time():
            detail = (
                f"The messages of this dry run have more than {MAX_MESSAGE_BYTES} bytes, or take too long to render: play fewer events."
            )
            raise RefusedError(422, "dry-run-too-long", detail)
        yield message


def simulate(
    sources: ManageDependencies, workspace: str, journey_id: str, body: SimulationBody, schema: Schema, now: datetime, base_url: str = ""
) -> Simulation:
    """Plays events against the definition in the body, or against the newest one of a journey.

    RefusedError 404 if there is no such journey, or 422 for a definition that could not be published, a value that cannot be a primary
    key, or an event that the intake would reject.
    """
    journey_version = _played_version(sources, workspace, journey_id, body)
    checked = journey_version.journey
    identifier = _identifier(body, schema)
    stored = _stored_customer(sources.customers, workspace, identifier, schema)
    row = _customer_row(workspace, identifier, body, schema, stored)

    attributes = sources.settings.read(workspace).settings.address_attributes

    def outcome(planned: PlannedMessage) -> MessageStatus:
        return MessageStatus.SKIPPED if rendered(planned, checked, attributes, sources, base_url).reason else MessageStatus.SENT

    simulation = Simulation(journey_version, schema, row, outcome)
    reports = _given_reports(checked, body)
    simulation.play([*_given_events(workspace, body, schema), *reports, *_recorded_events(sources.log, stored, body, schema, now)])
    return simulation


def _played_version(sources: ManageDependencies, workspace: str, journey_id: str, body: SimulationBody) -> JourneyVersion:
    """The version that is played; that of an unsaved definition has the number that it would get."""
    if body.definition is None:
        lifecycle, definition = read(sources.journeys, workspace, journey_id)
        number, base = lifecycle.version, ""
    else:
        stored = sources.journeys.lifecycle(workspace, journey_id)
        definition = {"id": journey_id, **body.definition}
        number, base = (stored.version if stored else 0) + 1, "/definition"
        findings = draft_findings(journey_id, definition)
        if findings:
            raise invalid("This definition cannot be kept as a draft.", [_below(base, each) for each in findings])
    checked = publish_checks.publishable(definition, sources.checks.template, sources.checks.address)
    if not isinstance(checked, Journey):
        raise invalid("This journey cannot run as it is.", [_below(base, each) for each in checked])
    return JourneyVersion(checked, number)


def _below(base: str, finding: Finding) -> Finding:
    """A finding in a part of the body, with its pointer from the root of the body."""
    return replace(finding, pointer=base + finding.pointer)


def rendered(
    planned: PlannedMessage, journey: Journey, address_attributes: Mapping[str, str], dependencies: ManageDependencies, base_url: str
) -> SimulatedMessage:
    """A message of the dry run, rendered for the customer as it was when the message was planned. Its links are inert."""
    message, step = planned.message, template_scope.message_step(journey, planned.message.step)
    template, scope = template_scope.template_of(step), template_scope.scope(message, planned.customer, journey, base_url)
    content = dependencies.templates.render(template, scope, message.created_at, strict=step.strict)
    customer = receivers.for_channel(planned.customer, message.channel, address_attributes)
    prepared = (
        SkipReason(MessageReason.TEMPLATE)
        if isinstance(content, RenderFailure)
        else dependencies.channels()[message.channel].prepare(content, customer)
    )
    reason = (
        message.reason or _without_consent(step, planned, dependencies) or (prepared.reason if isinstance(prepared, SkipReason) else None)
    )
    added = {} if isinstance(prepared, SkipReason) else {name: prepared.rendered[name] for name in step.added_fields}
    return SimulatedMessage(
        at=message.created_at,
        step=message.step,
        channel=message.channel,
        rendered={} if isinstance(content, RenderFailure) else {**content, **added},
        reason=reason.value if reason else None,
        missing=dependencies.templates.missing_variables(template, scope, message.created_at),
    )


def _without_consent(step: MessageStep, planned: PlannedMessage, dependencies: ManageDependencies) -> MessageReason | None:
    """Why the customer does not get a message, by its consents at that time and the same function as in the sender."""
    if step.transactional:
        return None
    topics = dependencies.settings.read(planned.customer.workspace).settings.topics
    topic = find_topic(topics, step.topic) or removed_topic(step.topic or "")
    refused = consent_refusal(planned.customer.consents, topic, planned.message.channel)
    return refused.reason if refused else None


def event_warnings(journey: Journey, body: SimulationBody) -> Iterator[Finding]:
    """The given events that the journey does not name, or not with their source: a misspelt name would play without effect."""
    names = journey.event_names | {journey.entry.event}
    for index, event in enumerate(body.events):
        if isinstance(event, SimulatedReport):
            if event.status not in journey.named_statuses.get(event.message, ()):
                detail = f"no wait and no condition of the journey asks whether the message `{event.message}` is {event.status}"
                yield Finding("unnamed-status", detail, pointer(("events", index, "status")))
        elif event.event in names:
            if event.event not in journey.event_names and not journey.entry.matches(event.event, event.source):
                detail = f"the entry takes `{event.event}` from the source `{journey.entry.source}`, not from `{event.source}`"
                yield Finding("other-source", detail, pointer(("events", index, "source")))
        elif event.event not in ATTRIBUTE_EVENTS and event.source != "message":
            listed = ", ".join(f"`{name}`" for name in difflib.get_close_matches(event.event, names, cutoff=0) or sorted(names))
            yield Finding(
                "unknown-event", f"the journey does not name `{event.event}`; it names {listed}", pointer(("events", index, "event"))
            )


def _identifier(body: SimulationBody, schema: Schema) -> Identifier:
    if body.customer.primary_key is None:
        return ANONYMOUS
    identifier = primary_identifier(body.customer.primary_key, schema.primary_key)
    if identifier is None:
        raise RefusedError(422, "bad-primary-key", "`customer.primaryKey` is not a value of the workspace's primary key.")
    return identifier


def _stored_customer(customers: Customers, workspace: str, identifier: Identifier, schema: Schema) -> Customer | None:
    """The customer as it is stored, if it exists."""
    return None if identifier == ANONYMOUS else assemble(identify.find_rows(customers, workspace, identifier), schema.primary_key)


def _customer_row(workspace: str, identifier: Identifier, body: SimulationBody, schema: Schema, stored: Customer | None) -> Row:
    """One row that stands for the customer: its stored attributes, and over them the given ones.

    All of them get the oldest possible stamp, so that every `$set` of a played event replaces them, whatever its time.
    """
    known = dict(stored.attributes) if stored else {}
    attributes = {name: value for name, value in (known | body.customer.attributes).items() if value is not None}
    if schema.primary_key is not None:
        attributes.pop(schema.primary_key.name, None)
    oldest = set_stamp(datetime.fromisoformat("1970-01-01T00:00:00+00:00"), "")
    key = correlation_key(workspace, ANONYMOUS) if identifier == ANONYMOUS else head_key(workspace, identifier)
    facts = {f"a:{name}": fact(oldest, value) for name, value in attributes.items()} | dict(stored.consents if stored else {})
    return Row(key, stored.id if stored else customer_id(workspace, *identifier), facts=facts)


def _given_events(workspace: str, body: SimulationBody, schema: Schema) -> Iterator[TimedEvent]:
    for index, each in enumerate(body.events):
        if isinstance(each, SimulatedReport):
            continue
        raw = {"event": each.event, "payload": each.payload, "source": each.source, "uuid": f"simulated-{index}"}
        yield _timed_event(workspace, raw, schema, each.at, f"/events/{index}")


def _given_reports(journey: Journey, body: SimulationBody) -> list[TimedReport]:
    """The given reports. RefusedError 422 for a step that sends no message, and for a status that its messages never have."""
    given = [(index, each) for index, each in enumerate(body.events) if isinstance(each, SimulatedReport)]
    faults = [fault for index, each in given if (fault := _fault_of_report(journey, index, each)) is not None]
    if faults:
        raise invalid("The dry run has reports that no message can have.", faults)
    return [TimedReport(each.at, each.message, each.status, each.link) for _, each in given]


def _fault_of_report(journey: Journey, index: int, report: SimulatedReport) -> Finding | None:
    step = next((each for each in journey.steps if each.id == report.message), None)
    if not isinstance(step, MessageStep):
        return Finding("unknown-step", f"no message step has the id {report.message[:64]!r}", pointer(("events", index, "message")))
    if report.status not in step.possible_statuses:
        return Finding("unknown-status", f"no message by {step.channel} is ever {report.status}", pointer(("events", index, "status")))
    return None


def _recorded_events(
    log: EventHistory, stored: Customer | None, body: SimulationBody, schema: Schema, now: datetime
) -> Iterator[TimedEvent]:
    """The customer's recorded events of a period. Parsing them again yields the facts in their payloads, which the log does not keep."""
    if body.recorded is None:
        return
    if stored is None:
        raise RefusedError(422, "unknown-customer", "`recorded` requires a customer that exists.")
    for at, event in _logged_events(log, stored, body.recorded, now):
        raw = {"event": event.name, "payload": event.payload, "source": event.source, "uuid": event.uuid}
        yield _timed_event(stored.workspace, raw, schema, at, "/recorded")


def _logged_events(log: EventHistory, stored: Customer, period: RecordedPeriod, now: datetime) -> Iterator[tuple[datetime, Event]]:
    count = 0
    for customer in (stored.id, *stored.merged_ids):
        before: str | None = iso(period.until or now) + "#~"
        while before is not None:
            pages, before = log.of_customer(stored.workspace, customer, limit=PAGES_PER_READ, before=before)
            for page in pages:
                if page.received_at < period.since:
                    before = None
                    break
                for event in page.events:
                    count += 1
                    if count > MAX_RECORDED_EVENTS:
                        raise RefusedError(422, "too-many-events", f"A dry run accepts at most {MAX_RECORDED_EVENTS} events.")
                    yield page.received_at, event


def _timed_event(workspace: str, raw: Mapping[str, Any], schema: Schema, at: datetime, pointer: str) -> TimedEvent:
    """The event as the intake would parse it. RefusedError 422, with `pointer`, for an event that the intake would reject."""
    complete = {**raw, "correlationKey": "_id", "correlationValue": ANONYMOUS.value, "timestamp": iso(at)}
    [entry] = batch_parser.parse({"batch": [complete]}, RequestContext(workspace, schema, at, "simulation")).results
    if not isinstance(entry, Accepted):
        errors = [{"code": entry.code, "detail": entry.detail, "pointer": pointer}]
        raise RefusedError(422, "invalid", "The intake would reject at least one of the events.", errors=errors)
    return TimedEvent(at, entry.event)
