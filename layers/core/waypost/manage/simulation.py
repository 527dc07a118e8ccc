"""The dry run of a journey: what would happen to a customer, with times and reasons; nothing is sent or written (contract 5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from waypost import identify
from waypost.domain.customers.customer import Customer, assemble
from waypost.domain.customers.facts import fact, set_stamp
from waypost.domain.customers.identifiers import Identifier, primary_identifier
from waypost.domain.customers.rows import Row, correlation_key, head_key
from waypost.domain.customers.schema import Schema
from waypost.domain.errors import RefusedError
from waypost.domain.intake import batch_parser
from waypost.domain.intake.batch_parser import RequestContext
from waypost.domain.intake.events import Accepted, Event
from waypost.domain.journeys.checks import publish_checks
from waypost.domain.journeys.journey import Journey
from waypost.domain.messages import template_scope
from waypost.domain.messages.message import RenderFailure
from waypost.domain.runs.context import JourneyVersion
from waypost.domain.runs.simulation import PlannedMessage, Simulation, TimedEvent
from waypost.domain.values.generated_ids import customer_id
from waypost.domain.values.wire_time import iso
from waypost.manage.journeys import Checks, JourneyStore, invalid, read
from waypost.manage.requests import SimulationBody
from waypost.manage.timeline import CustomerLog
from waypost.ports import Customers, Templates

MOST_RECORDED: Final = 1_000
PAGES_AT_ONCE: Final = 100
NOBODY: Final = Identifier("correlation", "simulated")


@dataclass(frozen=True, slots=True)
class Sources:
    """What a dry run reads: definitions, a customer and its recorded events; and the template language."""

    journeys: JourneyStore
    checks: Checks
    customers: Customers
    log: CustomerLog
    templates: Templates


@dataclass(frozen=True, slots=True)
class RenderedMessage:
    """A message of the dry run as its customer would see it; `reason` says why there would be none."""

    at: datetime
    step: str
    channel: str
    rendered: Mapping[str, Any]
    reason: str | None


def simulate(sources: Sources, workspace: str, journey: str, body: SimulationBody, schema: Schema, now: datetime) -> Simulation:
    """Plays a journey's newest definition. RefusedError 404, or 422 for a definition, a customer or an event that cannot be."""
    found, definition = read(sources.journeys, workspace, journey)
    checked = publish_checks.publishable(definition, sources.checks.template, sources.checks.address)
    if not isinstance(checked, Journey):
        raise invalid("This journey cannot run as it is.", checked)
    stored = _stored(sources.customers, workspace, body, schema)
    simulation = Simulation(JourneyVersion(checked, found.version), schema, _person(workspace, body, schema, stored))
    simulation.play([*_given(workspace, body, schema), *_recorded(sources.log, stored, body, schema, now)])
    return simulation


def shown(made: PlannedMessage, journey: Journey, templates: Templates) -> RenderedMessage:
    """A message of the dry run, rendered."""
    message, step = made.message, template_scope.message_step(journey, made.message.step)
    scope = template_scope.scope(message, made.customer, journey)
    rendered = templates.render(template_scope.template_of(step), scope, message.created_at, strict=step.strict)
    reason = message.reason.value if message.reason else "template" if isinstance(rendered, RenderFailure) else None
    return RenderedMessage(
        message.created_at, message.step, message.channel, {} if isinstance(rendered, RenderFailure) else rendered, reason
    )


def _identifier(body: SimulationBody, schema: Schema) -> Identifier:
    if body.customer.primary_key is None:
        return NOBODY
    found = primary_identifier(body.customer.primary_key, schema.primary_key)
    if found is None:
        raise RefusedError(422, "bad-primary-key", "This is no value of the workspace's primary key.")
    return found


def _stored(customers: Customers, workspace: str, body: SimulationBody, schema: Schema) -> Customer | None:
    """The customer as it is known, if it is."""
    identifier = _identifier(body, schema)
    return None if identifier == NOBODY else assemble(identify.find_rows(customers, workspace, identifier), schema.primary_key)


def _person(workspace: str, body: SimulationBody, schema: Schema, stored: Customer | None) -> Row:
    """The customer's row: what is known of it, and over that what was given."""
    identifier = _identifier(body, schema)
    known = dict(stored.attributes) if stored else {}
    attributes = {name: value for name, value in (known | body.customer.attributes).items() if value is not None}
    if schema.primary_key is not None:
        attributes.pop(schema.primary_key.name, None)
    oldest = set_stamp(datetime.fromisoformat("1970-01-01T00:00:00+00:00"), "")
    key = correlation_key(workspace, NOBODY) if identifier == NOBODY else head_key(workspace, identifier)
    facts = {f"a:{name}": fact(oldest, value) for name, value in attributes.items()}
    return Row(key, stored.id if stored else customer_id(workspace, *identifier), facts=facts)


def _given(workspace: str, body: SimulationBody, schema: Schema) -> Iterator[TimedEvent]:
    for index, each in enumerate(body.events):
        raw = {"event": each.event, "payload": each.payload, "source": each.source, "uuid": f"simulated-{index}"}
        yield _happening(workspace, raw, schema, each.at, f"/events/{index}")


def _recorded(log: CustomerLog, stored: Customer | None, body: SimulationBody, schema: Schema, now: datetime) -> Iterator[TimedEvent]:
    """The customer's recorded events of a span of time, with the facts that their payloads say."""
    if body.recorded is None:
        return
    if stored is None:
        raise RefusedError(422, "unknown-customer", "Only a customer that exists has recorded events.")
    since, until = body.recorded.since, body.recorded.until or now
    for at, event in _events(log, stored, since, until):
        raw = {"event": event.name, "payload": event.payload, "source": event.source, "uuid": event.uuid}
        yield _happening(stored.workspace, raw, schema, at, "/recorded")


def _events(log: CustomerLog, stored: Customer, since: datetime, until: datetime) -> Iterator[tuple[datetime, Event]]:
    told = 0
    for customer in (stored.id, *stored.merged_ids):
        before: str | None = iso(until) + "#~"
        while before is not None:
            pages = log.of_customer(stored.workspace, customer, limit=PAGES_AT_ONCE, before=before)
            for page in pages:
                if page.received_at < since:
                    break
                for event in page.events:
                    told += 1
                    if told > MOST_RECORDED:
                        raise RefusedError(422, "too-many-events", f"A dry run takes at most {MOST_RECORDED} events.")
                    yield page.received_at, event
            full = len(pages) == PAGES_AT_ONCE and pages[-1].received_at >= since
            before = f"{iso(pages[-1].received_at)}#{pages[-1].name}" if full else None


def _happening(workspace: str, raw: Mapping[str, Any], schema: Schema, at: datetime, place: str) -> TimedEvent:
    whole = {**raw, "correlationKey": "_id", "correlationValue": NOBODY.value, "timestamp": iso(at)}
    [entry] = batch_parser.parse({"batch": [whole]}, RequestContext(workspace, schema, at, "simulation")).results
    if not isinstance(entry, Accepted):
        errors = [{"code": entry.code, "detail": entry.detail, "pointer": place}]
        raise RefusedError(422, "invalid", "An event is not what the intake takes.", errors=errors)
    return TimedEvent(at, entry.event)
