"""Sends the accepted events of a batch to the signals queue, as messages of one customer each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from waypost.cache.linked_ids import ResolvedCustomer
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.errors import UnavailableError
from waypost.domain.intake.batch_parser import RequestContext
from waypost.domain.intake.grouping import BatchEvent
from waypost.domain.signal_codec import to_queue_message
from waypost.domain.signals import EventsArrived, QueueMessage
from waypost.domain.values import exact_json
from waypost.domain.values.chunks import chunked_by_bytes
from waypost.ingest import time_budget
from waypost.ingest.dependencies import IngestDependencies
from waypost.ingest.time_budget import TimeBudget

MESSAGE_EVENTS: Final = 100
MESSAGE_BYTES: Final = 170_000
"""The estimated bytes of the events in one message, which must stay well below 256 KiB: facts grow when their JSON is escaped to ASCII."""

CALL_MESSAGES: Final = 10
CALL_BYTES: Final = 1_000_000
"""SendMessageBatch takes at most 10 messages of 1 MiB together."""

_EVENT_OVERHEAD_BYTES: Final = 1000
"""The bytes of an event in a message besides its payload and facts: names, ids, times, keys of the JSON."""


@dataclass(frozen=True, slots=True)
class BatchMessage:
    """A message for the queue, and the indexes of its events in the batch."""

    queue_message: QueueMessage
    indexes: tuple[int, ...]


def messages_by_customer(
    events: Sequence[BatchEvent], customers: Mapping[Identifier, ResolvedCustomer], request_context: RequestContext, *, historical: bool
) -> list[list[BatchMessage]]:
    """The messages for all events of a batch: a list for each customer, in the order of the events."""
    groups: dict[str, list[BatchEvent]] = {}
    for each in events:
        groups.setdefault(customers[each.event.identifier].customer, []).append(each)
    return [
        [
            _batch_message(chunk, customers[chunk[0].event.identifier], request_context, historical=historical)
            for chunk in chunked_by_bytes(group, _estimated_bytes, max_items=MESSAGE_EVENTS, max_bytes=MESSAGE_BYTES)
        ]
        for group in groups.values()
    ]


def _batch_message(
    events: Sequence[BatchEvent], customer: ResolvedCustomer, request_context: RequestContext, *, historical: bool
) -> BatchMessage:
    signal = EventsArrived(
        workspace=request_context.workspace,
        customer=customer.customer,
        primary=customer.primary,
        known=customer.stored,
        received_at=request_context.received_at,
        historical=historical,
        events=tuple(each.event for each in events),
    )
    return BatchMessage(to_queue_message(signal), tuple(each.batch_index for each in events))


def _estimated_bytes(batch_event: BatchEvent) -> int:
    event = batch_event.event
    return len(exact_json.dumps(event.payload)) + sum(len(text) for text in event.facts.values()) + _EVENT_OVERHEAD_BYTES


def send_in_order(messages: list[list[BatchMessage]], dependencies: IngestDependencies, budget: TimeBudget) -> list[int]:
    """Sends the messages of all customers; returns the indexes of the events that the queue did not accept in time.

    A customer's next message is sent only after the one before it is on the queue. If the queue goes on refusing one, those behind it
    are not sent either: the client sends all of them again, and they must not be processed in another order than they happened in.
    """
    unsent: list[int] = []
    while messages:
        refused = _send_in_parallel([queue[0].queue_message for queue in messages], dependencies, budget)
        unsent += [index for queue in messages if queue[0].queue_message in refused for message in queue for index in message.indexes]
        messages = [queue[1:] for queue in messages if queue[1:] and queue[0].queue_message not in refused]
    return unsent


def _send_in_parallel(messages: Sequence[QueueMessage], dependencies: IngestDependencies, budget: TimeBudget) -> set[QueueMessage]:
    """Sends messages of different customers in as few calls as possible; returns those that were refused until the time was over.

    No call has two messages of one customer: SQS may accept the second and refuse the first, which would change their order.
    """

    def send(call: Sequence[QueueMessage]) -> Sequence[QueueMessage]:
        return _send_until_accepted(call, dependencies, budget)

    calls = list(chunked_by_bytes(messages, lambda each: len(each.body), max_items=CALL_MESSAGES, max_bytes=CALL_BYTES))
    refused = [send(calls[0])] if len(calls) == 1 else dependencies.executor.map(send, calls)
    return {message for call in refused for message in call}


def _send_until_accepted(messages: Sequence[QueueMessage], dependencies: IngestDependencies, budget: TimeBudget) -> Sequence[QueueMessage]:
    """Sends messages in one call, and what was refused again after a pause; returns what is left when the time is over.

    A message that SQS had accepted before the connection was lost is sent twice. Its deduplication id makes that harmless.
    """
    left = messages
    while left and not budget.is_over(time_budget.SEND_SECONDS):
        with suppress(UnavailableError):
            left = dependencies.signals.send(left)
        if left:
            dependencies.pause()
    return left
