"""Previews: a template as a customer would see it; nothing is sent or stored (docs/api.md#previews-and-tests)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from waypost import identify
from waypost.domain.customers.customer import Customer, assemble
from waypost.domain.customers.identifiers import Identifier, primary_identifier
from waypost.domain.errors import RefusedError
from waypost.domain.journeys.checks import publish_checks
from waypost.domain.journeys.journey import Journey, parse
from waypost.domain.journeys.message_steps import step_class
from waypost.domain.messages import receivers, template_scope
from waypost.domain.messages.message import Message, PreparedMessage, RenderedTemplate, RenderFailure, SkipReason
from waypost.domain.values.findings import Finding
from waypost.domain.values.wire_time import iso
from waypost.manage.api import ApiRequest
from waypost.manage.dependencies import ManageDependencies, PublishChecks
from waypost.manage.journeys import checks_for, read
from waypost.manage.requests import NoQuery, PreviewBody, PreviewEvent, SimulatedCustomer
from waypost.manage.responses.messages import PreviewResponse

PREVIEW: Final = "preview"
"""The id of the step, and of the journey where the request names none."""

_STEP: Final = "/steps/0"


@dataclass(frozen=True, slots=True)
class Preview:
    """A template as it would be sent. `prepared` is None if it would not be sent; `problems` say why, with pointers into the request."""

    message: Message
    rendered: RenderedTemplate
    prepared: PreparedMessage | None
    missing: tuple[str, ...]
    problems: tuple[Finding, ...]


def preview_template(request: ApiRequest[NoQuery, PreviewBody]) -> PreviewResponse:
    """`POST /api/templates/preview`."""
    found = preview(request.dependencies, request.workspace, request.body, checks_for(request), request.now, request.base_url)
    return PreviewResponse.of(found.rendered, found.missing, found.problems)


def preview(
    dependencies: ManageDependencies, workspace: str, body: PreviewBody, checks: PublishChecks, now: datetime, base_url: str
) -> Preview:
    """The template rendered for a customer by the functions of the sender. It sends and stores nothing, and its links are inert.

    RefusedError 422 if no customer has the primary key, 404 if there is no such journey.
    """
    customer = _customer(dependencies, workspace, body.customer)
    lifecycle, _ = read(dependencies.journeys, workspace, body.journey) if body.journey is not None else (None, None)
    name, version = (lifecycle.name, lifecycle.version) if lifecycle is not None else (PREVIEW, 1)
    raw = _definition(body.journey or PREVIEW, name, body)
    message = _message(workspace, body, customer, version, now)
    problems = tuple(_problems(raw, checks))
    journey = parse(raw) if not publish_checks.outsized(raw) else problems
    if not isinstance(journey, Journey):
        return Preview(message, {}, None, (), problems)
    step = template_scope.message_step(journey, PREVIEW)
    template, scope = template_scope.template_of(step), template_scope.scope(message, customer, journey, base_url)
    missing = dependencies.templates.missing_variables(template, scope, now)
    rendered = dependencies.templates.render(template, scope, now, strict=False)
    if isinstance(rendered, RenderFailure):
        return Preview(message, {}, None, missing, problems or (Finding("template", rendered.detail, "/template"),))
    if receivers.has_default_receiver(body.channel, rendered):
        named = dependencies.settings.read(workspace).settings.address_attributes
        customer = receivers.for_channel(customer, body.channel, named)
    prepared = dependencies.channels()[body.channel].prepare(rendered, customer)
    if isinstance(prepared, SkipReason):
        return Preview(message, rendered, None, missing, problems or (_skipped(prepared),))
    return Preview(message, prepared.rendered, prepared, missing, problems or tuple(_sender_fault(body.channel, prepared, checks)))


def _definition(journey: str, name: str, body: PreviewBody) -> dict[str, Any]:
    """A journey with the template in its only message step, so that the checks of publishing and the code of the sender apply to it."""
    fixed = {"id": PREVIEW, "type": "message", "next": "end"}
    step = {**fixed, "channel": body.channel, "template": body.template, "transactional": body.transactional}
    return {"id": journey, "name": name, "entry": {"event": PREVIEW}, "steps": [step, {"id": "end", "type": "exit"}]}


def _problems(raw: Mapping[str, Any], checks: PublishChecks) -> Iterator[Finding]:
    checked = publish_checks.publishable(raw, checks.template, checks.address, checks.sender)
    for each in checked if isinstance(checked, list) else ():
        yield replace(each, pointer=each.pointer.removeprefix(_STEP))


def _sender_fault(channel: str, prepared: PreparedMessage, checks: PublishChecks) -> Iterator[Finding]:
    """What the sender function finds wrong with a rendered sender: publishing saw only the fixed part of it."""
    sender_field = step_class(channel).sender_field
    fault = checks.sender(prepared.rendered[sender_field]) if sender_field else None
    if fault is not None:
        yield Finding("sender-not-allowed", fault, f"/template/{sender_field}")


def _customer(dependencies: ManageDependencies, workspace: str, given: SimulatedCustomer) -> Customer:
    """The stored customer with the given attributes over its own, or one that has only these."""
    customer = Customer(workspace, "c_preview", None, None, (), {}, {})
    if given.primary_key is not None:
        schema = dependencies.workspaces.schema(workspace)
        identifier = primary_identifier(given.primary_key, schema.primary_key)
        rows = identify.find_rows(dependencies.customers, workspace, identifier) if identifier else []
        stored = assemble(rows, schema.primary_key)
        if stored is None or any(row.erasing for row in rows):
            raise RefusedError(422, "unknown-customer", "No customer has this `customer.primaryKey`.")
        customer = stored
    return replace(customer, attributes={**customer.attributes, **given.attributes})


def _message(workspace: str, body: PreviewBody, customer: Customer, version: int, now: datetime) -> Message:
    return Message(
        id=f"msg_{PREVIEW}",
        workspace=workspace,
        journey=body.journey or PREVIEW,
        version=version,
        run=f"r_{PREVIEW}",
        step=PREVIEW,
        channel=body.channel,
        customer=customer.id,
        lookup_id=Identifier("correlation", PREVIEW),
        event=_event(body.event, now) if body.event is not None else {},
        created_at=now,
        due=now,
    )


def _event(event: PreviewEvent, now: datetime) -> Mapping[str, Any]:
    return {"name": event.event, "payload": event.payload, "uuid": PREVIEW, "timestamp": iso(now), "source": event.source}


def _skipped(reason: SkipReason) -> Finding:
    return Finding(reason.reason.value, reason.detail or f"the message would be skipped: {reason.reason.value}", "/template")
