"""The management API's door: a request becomes a question to one use case, its answer a shape of the contract (contract 5)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, Final

from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from waypost import wiring
from waypost.domain.customers.customer import Customer
from waypost.domain.customers.schema import Schema
from waypost.domain.errors import RefusedError
from waypost.domain.journeys import journey as definitions
from waypost.domain.journeys.lifecycle import LifecycleAction
from waypost.domain.messages.message import Message
from waypost.manage import (
    customers,
    dead_letters,
    events,
    journeys,
    keys,
    lifecycle,
    messages,
    openapi,
    requests,
    responses,
    schemas,
    simulation,
)
from waypost.manage.dependencies import ManageDependencies
from waypost.manage.erasure import Erasure
from waypost.manage.operations import OPERATIONS, Operation
from waypost.manage.pagination import Part, in_memory_source, part
from waypost.manage.timeline import Entry, History, timeline
from waypost.telemetry import logger
from waypost.web import http, routes
from waypost.web.http import Request, Response

BODY_BYTES: Final = 1024 * 1024
LONGEST_ID: Final = 250
"""Characters of an id in a path: a longer one names nothing, and would not fit a table's key."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request that was let in: whose it is, and what it asks for."""

    workspace: str
    now: datetime
    variables: Mapping[str, str]
    query: Any
    body: Any


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> http.LambdaResponse:
    """Answers API Gateway, in payload format 1.0 or 2.0."""
    request = http.read(event)
    request_id = request.id or context.aws_request_id
    return http.write(http.respond(lambda: _reply(request), request_id, logger.info, logger.exception), request_id)


def _reply(request: Request) -> Response:
    found = routes.match(request.method, request.path)
    name, now = found.route.name, wiring.now()
    if name == "preflight":
        return http.PREFLIGHT
    if name not in ANSWERS or any(len(value) > LONGEST_ID for value in found.variables.values()):
        raise RefusedError(404, "not-found", "There is nothing at this path.")
    workspace = ""
    if found.route.scope is not None:
        workspace = wiring.access().admit(request.headers.get("authorization"), found.route.scope, now).workspace
    operation = OPERATIONS[name]
    query = requests.query_of(operation.query, request.query)
    return ANSWERS[name](Call(workspace, now, found.variables, query, _body(request, operation)), operation)


def _body(request: Request, operation: Operation) -> Any:
    if operation.takes is None:
        return None
    raw = requests.unicode_only(http.json_body(request, BODY_BYTES)) if request.body or not operation.optional else {}
    return raw if operation.loose else requests.body_of(operation.takes, raw)


Answers = Callable[[Call, Operation], Response]


def _answering(work: Callable[[Call], Any]) -> Answers:
    """An answer with the status that the route declares."""

    def answer(call: Call, operation: Operation) -> Response:
        return replace(_shown(operation.status, work(call)), media=operation.media)

    return answer


def _shown(status: int, answer: Any) -> Response:
    return Response(status, answer.model_dump(by_alias=True) if isinstance(answer, BaseModel) else answer)


def _page(found: Part[Any], shape: Callable[[Any], BaseModel]) -> Mapping[str, Any]:
    return {"items": [shape(each).model_dump(by_alias=True) for each in found.items], "next": found.next}


def _save_schema(call: Call) -> Schema:
    dependencies = wiring.managing()
    return schemas.save(dependencies.workspaces, dependencies.customers, call.workspace, call.body)


def _list_keys(call: Call) -> Mapping[str, Any]:
    source = in_memory_source(wiring.managing().keys.all(call.workspace), keys.position)
    return _page(part(source, keys.position, call.workspace, call.query), responses.KeyShape.model_validate)


def _add_key(call: Call) -> Mapping[str, Any]:
    asked = keys.NewKey(call.body.key or wiring.fresh_key(), call.body.name, call.body.scopes, call.body.expires_at)
    key = keys.add(wiring.managing().keys, call.workspace, asked, call.now)
    return {**responses.KeyShape.model_validate(key).model_dump(by_alias=True), "key": asked.text}


def _remove_key(call: Call) -> None:
    keys.remove(wiring.managing().keys, call.workspace, call.variables["id"], call.now)


def _list_journeys(call: Call) -> Mapping[str, Any]:
    source = in_memory_source(wiring.managing().journeys.all(call.workspace), journeys.position)
    return _page(part(source, journeys.position, call.workspace, call.query), responses.JourneySummary.model_validate)


def _read_journey(call: Call) -> responses.JourneyShape:
    return responses.JourneyShape.of(*journeys.read(wiring.managing().journeys, call.workspace, call.variables["id"]))


def _save_journey(call: Call, operation: Operation) -> Response:
    saved, definition = journeys.save(wiring.managing().journeys, call.workspace, call.variables["id"], call.body, call.now)
    return _shown(201 if saved.is_new else operation.status, responses.JourneyShape.of(saved, definition))


def _publish_journey(call: Call) -> responses.JourneyShape:
    dependencies = wiring.managing()
    return responses.JourneyShape.of(
        *journeys.publish(dependencies.journeys, call.workspace, call.variables["id"], dependencies.checks, call.now)
    )


def _simulate_journey(call: Call) -> responses.SimulationShape:
    dependencies, journey = wiring.managing(), call.variables["id"]
    sources = simulation.Sources(
        dependencies.journeys, dependencies.checks, dependencies.customers, dependencies.log, dependencies.templates
    )
    done = simulation.simulate(sources, call.workspace, journey, call.body, dependencies.workspaces.schema(call.workspace), call.now)
    return responses.SimulationShape.of(
        done, [simulation.shown(each, done.journey_version.journey, dependencies.templates) for each in done.messages]
    )


def _draw_journey(call: Call) -> str:
    dependencies, journey = wiring.managing(), call.variables["id"]
    counts = partial(dependencies.runs.counts, call.workspace, journey) if call.query.counts else None
    return journeys.diagram_of(dependencies.journeys, counts, call.workspace, journey)


def _customer_shape(customer: Customer) -> responses.CustomerShape:
    dependencies = wiring.managing()
    return responses.CustomerShape.of(customer, customers.runs_of(dependencies.runs, dependencies.journeys, customer))


def _move_journey(move: LifecycleAction) -> Callable[[Call], responses.JourneyShape]:
    def work(call: Call) -> responses.JourneyShape:
        dependencies = wiring.managing()
        event_snapshot = lifecycle.LifecycleDependencies(dependencies.journeys, dependencies.queues.signals, dependencies.delays)
        return responses.JourneyShape.of(*lifecycle.change_status(event_snapshot, call.workspace, call.variables["id"], move, call.now))

    return work


def _find_customer(call: Call) -> responses.CustomerShape:
    dependencies = wiring.managing()
    return _customer_shape(
        customers.find(dependencies.customers, call.workspace, call.query, dependencies.workspaces.schema(call.workspace))
    )


def _customer(call: Call) -> Customer:
    dependencies = wiring.managing()
    return customers.read(dependencies.customers, call.workspace, call.variables["id"], dependencies.workspaces.schema(call.workspace))


def _erase_customer(call: Call, operation: Operation) -> Response:
    dependencies, started = wiring.managing(), time.monotonic()
    stores = (dependencies.customers, dependencies.customer_data, dependencies.runs, dependencies.schedules)
    erased = Erasure(*stores, _customer(call), call.now, lambda: time.monotonic() - started).carry_out()
    return _shown(operation.status if erased.complete else 202, responses.ErasedShape.model_validate(erased))


def _timeline(call: Call, customer: Customer) -> Part[Entry]:
    dependencies = wiring.managing()
    runs = customers.runs_of(dependencies.runs, dependencies.journeys, customer)
    return timeline(History(dependencies.log, dependencies.receipts, dependencies.messages, runs), customer, call.query, call.now)


def _export_customer(call: Call) -> responses.ExportShape:
    customer, store = _customer(call), wiring.managing().messages
    found = _timeline(call, customer)
    sent = messages.with_rendered(store, [each.message for each in found.items if each.message is not None])
    return responses.ExportShape(
        customer=_customer_shape(customer),
        history=tuple(responses.EntryShape.of(each) for each in found.items),
        messages=tuple(responses.MessageShape.of(*each) for each in sent),
        next=found.next,
    )


def _first_day(dependencies: ManageDependencies, workspace: str) -> date:
    """The day before a workspace was made: whoever made it may have a clock that is ahead of ours."""
    return dependencies.workspaces.created_at(workspace).date() - timedelta(days=1)


def _list_events(call: Call) -> Mapping[str, Any]:
    dependencies = wiring.managing()
    first = _first_day(dependencies, call.workspace)
    if call.query.status == "rejected":
        refused = events.refused(dependencies.rejected, call.workspace, call.query, first, call.now)
        return _page(refused, responses.TrackedShape.of_refused)
    recorded = events.recorded(dependencies.log, dependencies.receipts, call.workspace, call.query, first, call.now)
    return _page(recorded, responses.TrackedShape.of_recorded)


def _read_receipt(call: Call) -> responses.ReceiptShape:
    receipt = events.receipt(wiring.managing().receipts, call.workspace, call.variables["uuid"], call.now)
    return responses.ReceiptShape.model_validate(receipt)


def _list_messages(call: Call) -> Mapping[str, Any]:
    dependencies = wiring.managing()
    first = _first_day(dependencies, call.workspace)
    found = messages.listed(dependencies.messages, call.workspace, call.query, first, call.now)
    return {"items": _message_shapes(dependencies, found.items), "next": found.next}


def _message_shapes(dependencies: ManageDependencies, found: Sequence[Message]) -> list[Any]:
    return [responses.MessageShape.of(*each).model_dump(by_alias=True) for each in messages.with_rendered(dependencies.messages, found)]


def _read_message(call: Call) -> responses.MessageShape:
    return responses.MessageShape.of(*messages.read(wiring.managing().messages, call.workspace, call.variables["id"]))


def _read_secret(call: Call) -> responses.SecretShape:
    return responses.SecretShape.of(wiring.managing().secrets.of(call.workspace, call.now), call.now)


def _rotate_secret(call: Call) -> responses.SecretShape:
    return responses.SecretShape.of(wiring.managing().secrets.rotate(call.workspace, call.now), call.now)


def _list_dead_letters(call: Call) -> Mapping[str, Any]:
    found = dead_letters.listed(wiring.managing().queues.dead, call.workspace, call.query)
    return _page(found, lambda parked: responses.DeadLetterShape.of(parked, dead_letters.content(parked)))


def _redrive(call: Call) -> responses.RedrivenShape:
    return responses.RedrivenShape(redriven=dead_letters.redrive(wiring.managing().queues, call.workspace, call.body.id, call.now))


ANSWERS: Final[Mapping[str, Answers]] = {
    "health": _answering(lambda _: {"status": "ok"}),
    "openapi": _answering(lambda _: openapi.document()),
    "read-schema": _answering(lambda call: wiring.managing().workspaces.schema(call.workspace)),
    "save-schema": _answering(_save_schema),
    "list-keys": _answering(_list_keys),
    "add-key": _answering(_add_key),
    "remove-key": _answering(_remove_key),
    "list-journeys": _answering(_list_journeys),
    "journey-schema": _answering(lambda _: definitions.json_schema()),
    "read-journey": _answering(_read_journey),
    "save-journey": _save_journey,
    "publish-journey": _answering(_publish_journey),
    "pause-journey": _answering(_move_journey("pause")),
    "resume-journey": _answering(_move_journey("resume")),
    "stop-journey": _answering(_move_journey("stop")),
    "simulate-journey": _answering(_simulate_journey),
    "draw-journey": _answering(_draw_journey),
    "find-customer": _answering(_find_customer),
    "read-customer": _answering(lambda call: _customer_shape(_customer(call))),
    "erase-customer": _erase_customer,
    "export-customer": _answering(_export_customer),
    "read-timeline": _answering(lambda call: _page(_timeline(call, _customer(call)), responses.EntryShape.of)),
    "list-events": _answering(_list_events),
    "read-receipt": _answering(_read_receipt),
    "list-messages": _answering(_list_messages),
    "read-message": _answering(_read_message),
    "read-secret": _answering(_read_secret),
    "rotate-secret": _answering(_rotate_secret),
    "list-dead-letters": _answering(_list_dead_letters),
    "redrive": _answering(_redrive),
}
