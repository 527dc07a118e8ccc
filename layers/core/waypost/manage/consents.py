"""Consents of customers: read with their history, changed one by one, and imported (docs/customers.md#consent)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Final

from waypost.domain.customers.consents import ALL, ConsentChange, RecordedConsent, consent_state
from waypost.domain.customers.customer import Customer
from waypost.domain.customers.identifiers import Identifier, correlation_identifier, is_placeholder, primary_identifier
from waypost.domain.customers.rows import Row, RowKey, owner_key
from waypost.domain.customers.schema import Schema
from waypost.domain.customers.topics import Topic, find_topic, with_general
from waypost.domain.errors import RefusedError, UnavailableError
from waypost.domain.intake.consent_payloads import consent_event
from waypost.domain.journeys.message_steps import CHANNELS
from waypost.domain.signal_codec import to_queue_message
from waypost.domain.signals import EventsArrived, QueueMessage
from waypost.domain.values.chunks import chunked
from waypost.domain.values.findings import Finding
from waypost.domain.values.generated_ids import customer_id, digest
from waypost.domain.values.json_pointers import pointer
from waypost.domain.values.wire_time import iso
from waypost.manage import customers
from waypost.manage.api import ApiRequest
from waypost.manage.pagination import ListPage, merged_source, read_page
from waypost.manage.requests import ConsentBody, ConsentImportBody, ConsentQuery, ImportedConsent, ListQuery, NoQuery
from waypost.manage.responses.consents import ConsentRecordResponse, ConsentsResponse, ConsentStateResponse, ImportResponse
from waypost.manage.responses.events import QueuedEventResponse
from waypost.ports import ConsentHistory, Customers, Signals

MESSAGES_PER_CALL: Final = 10
EVENTS_PER_MESSAGE: Final = 100


def read_consents(request: ApiRequest[ConsentQuery, None]) -> ConsentsResponse:
    """`GET /api/customers/{id}/consents`."""
    dependencies = request.dependencies
    customer = customers.requested(request)
    topics = with_general(dependencies.settings.read(request.workspace).settings.topics)
    found = history(dependencies.consents, customer, request.query)
    return ConsentsResponse(
        customer=customer.id, states=states(customer, topics), items=tuple(map(ConsentRecordResponse.of, found.items)), next=found.next
    )


def states(customer: Customer, topics: Iterable[Topic]) -> tuple[ConsentStateResponse, ...]:
    """The state of each topic on each channel."""
    return tuple(
        ConsentStateResponse(topic=topic.id, channel=channel, state=consent_state(customer.consents, topic, channel))
        for topic in topics
        for channel in sorted(CHANNELS)
    )


def history(consents: ConsentHistory, customer: Customer, query: ListQuery) -> ListPage[RecordedConsent]:
    """A page of the changes of a customer, and of those that were merged into it, newest first."""

    def source_of(customer_id: str) -> Callable[[int, str | None], tuple[Sequence[RecordedConsent], str | None]]:
        return lambda limit, before: consents.page(customer.workspace, customer_id, limit=limit, before=before)

    # An event that was matched again after a merge is recorded under both ids, at one position.
    source = merged_source([source_of(each) for each in (customer.id, *customer.merged_ids)], _position)
    seen: set[str] = set()

    def is_first(recorded: RecordedConsent) -> bool:
        is_new = recorded.position not in seen
        seen.add(recorded.position)
        return is_new

    return read_page(source, _position, customer.workspace, query, is_first)


def _position(recorded: RecordedConsent) -> str:
    return recorded.position


def change_consent(request: ApiRequest[NoQuery, ConsentBody]) -> QueuedEventResponse:
    """`POST /api/customers/{id}/consents`: an event of the source `api`. RefusedError 422 for an unknown topic."""
    dependencies, body = request.dependencies, request.body
    customer = customers.requested(request)
    _require_known_topics(dependencies.settings.read(request.workspace).settings.topics, {("topic",): body.topic})
    change = _change(body, "api", request.workspace, customer.lookup_id, min(body.at or request.now, request.now))
    signal = EventsArrived(
        workspace=request.workspace,
        customer=customer.id,
        primary=customer.primary,
        known=True,
        received_at=request.now,
        historical=False,
        events=(consent_event(change, customer.lookup_id),),
    )
    _send([to_queue_message(signal)], dependencies.signals)
    return QueuedEventResponse(uuid=change.uuid)


def import_consents(request: ApiRequest[NoQuery, ConsentImportBody]) -> ImportResponse:
    """`POST /api/consents/import`: events of the source `import` that move no journey.

    RefusedError 422 with a pointer for each row that names an unknown topic or no customer; then nothing is imported. UnavailableError if
    the queue does not take all of them; a repeat of the request changes nothing that was imported before.
    """
    dependencies, rows = request.dependencies, request.body.items
    schema = dependencies.workspaces.schema(request.workspace)
    _require_known_topics(
        dependencies.settings.read(request.workspace).settings.topics,
        {("items", index, "topic"): row.topic for index, row in enumerate(rows)},
    )
    identifiers = _identifiers(rows, schema)
    known = _known_customers(dependencies.customers, request.workspace, identifiers)
    by_customer: dict[str, list[tuple[Identifier, ConsentChange]]] = {}
    for row, identifier in zip(rows, identifiers, strict=True):
        found = known.get(owner_key(request.workspace, identifier))
        customer = found.customer if found else customer_id(request.workspace, identifier.kind, identifier.value)
        change = _change(row, "import", request.workspace, identifier, min(row.at, request.now))
        by_customer.setdefault(customer, []).append((identifier, change))
    # A customer with several messages gets them in several calls: one call has at most one message of each group.
    rounds = [
        [
            to_queue_message(
                EventsArrived(
                    workspace=request.workspace,
                    customer=customer,
                    primary=None,
                    known=all(owner_key(request.workspace, identifier) in known for identifier, _ in part),
                    received_at=request.now,
                    historical=True,
                    events=tuple(consent_event(change, identifier) for identifier, change in part),
                )
            )
            for part in chunked(theirs, EVENTS_PER_MESSAGE)
        ]
        for customer, theirs in by_customer.items()
    ]
    for number in range(max(map(len, rounds), default=0)):
        _send([messages[number] for messages in rounds if number < len(messages)], dependencies.signals)
    return ImportResponse(imported=len(rows))


def _change(body: ConsentBody | ImportedConsent, source: str, workspace: str, identifier: Identifier, at: datetime) -> ConsentChange:
    # The uuid is made from the content: a row that is imported twice is one event, whose receipt stops the second one.
    content = (body.topic or ALL, body.channel or ALL, body.state, iso(at), body.text_version or "", str(body.confirmed))
    return ConsentChange(
        state=body.state,
        topic=body.topic or ALL,
        channel=body.channel or ALL,
        at=at,
        uuid=digest("consent", source, workspace, *identifier, *content),
        source=source,
        text_version=body.text_version,
        confirmed=body.confirmed,
    )


def _require_known_topics(topics: Iterable[Topic], named: Mapping[tuple[str | int, ...], str | None]) -> None:
    known = tuple(topics)
    unknown = [
        Finding("unknown-topic", f"the settings have no topic {topic!r}", pointer(place))
        for place, topic in named.items()
        if find_topic(known, topic) is None
    ]
    if unknown:
        raise RefusedError(422, "unknown-topic", "A topic has to be in the settings of the workspace.", errors=list(map(asdict, unknown)))


def _identifiers(rows: Sequence[ImportedConsent], schema: Schema) -> list[Identifier]:
    """The identifier of each row."""
    found: list[Identifier] = []
    wrong: list[Finding] = []
    for index, row in enumerate(rows):
        name = "primaryKey" if row.primary_key is not None else "correlationId"
        given = row.primary_key if row.primary_key is not None else row.correlation_id
        identifier = primary_identifier(given, schema.primary_key) if name == "primaryKey" else correlation_identifier(str(given))
        if identifier is None or is_placeholder(identifier.value):
            wrong.append(Finding("bad-identifier", "this identifies no customer", pointer(("items", index, name))))
        else:
            found.append(identifier)
    if wrong:
        raise RefusedError(422, "invalid", "Some rows identify no customer; nothing was imported.", errors=list(map(asdict, wrong)))
    return found


def _known_customers(table: Customers, workspace: str, identifiers: Sequence[Identifier]) -> dict[RowKey, Row]:
    keys = list(dict.fromkeys(owner_key(workspace, each) for each in identifiers))
    return {row.key: row for row in table.get(keys)} if keys else {}


def _send(queue_messages: Sequence[QueueMessage], signals: Signals) -> None:
    """Sends messages of different groups, ten in a call. UnavailableError if the queue refuses one."""
    for chunk in chunked(queue_messages, MESSAGES_PER_CALL):
        if signals.send(chunk):
            raise UnavailableError("the signals queue did not take all consents")
