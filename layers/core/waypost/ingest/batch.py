"""Ingests a batch: identifications, customers, the queue, rejected events, in this order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from waypost.domain.errors import UnavailableError
from waypost.domain.intake.batch_parser import Batch, RequestContext
from waypost.domain.intake.events import Accepted, IntakeResult, Rejected
from waypost.ingest.dependencies import IngestDependencies
from waypost.ingest.identifications import Identifications
from waypost.ingest.rejected_events import keep_rejected
from waypost.ingest.resolution import resolve_customers
from waypost.ingest.results import accepted_events, pointer_to
from waypost.ingest.sending import messages_by_customer, send_in_order
from waypost.ingest.time_budget import TimeBudget


@dataclass(frozen=True, slots=True)
class IngestResult:
    """The result of each event in the order of the request, and how many rejected events could not be kept."""

    results: tuple[IntakeResult, ...]
    unkept: int

    @property
    def accepted(self) -> list[Accepted]:
        """The results of the accepted events."""
        return [each for each in self.results if isinstance(each, Accepted)]

    @property
    def rejected(self) -> list[Rejected]:
        """The results of the rejected events."""
        return [each for each in self.results if isinstance(each, Rejected)]


def ingest(batch: Batch, request_context: RequestContext, dependencies: IngestDependencies, budget: TimeBudget) -> IngestResult:
    """Makes a batch durable, in the time that is left of the request.

    An event is accepted once it is on the signals queue. An unavailable customers table rejects none: its facts then travel on the
    queue. UnavailableError if the queue accepts no event at all, so that the client sends the whole batch again.
    """
    results = list(batch.results)
    identifications = Identifications(request_context, dependencies, budget, results)
    identifications.carry_out()
    events = accepted_events(results)
    customers = resolve_customers(
        (each.event.identifier for each in events),
        identifications.customers,
        request_context.workspace,
        dependencies,
        budget,
        table_unavailable=identifications.table_unavailable,
    )
    messages = messages_by_customer(events, customers, request_context, historical=batch.historical)
    unsent = send_in_order(messages, dependencies, budget)
    if unsent and len(unsent) == len(events):
        raise UnavailableError("the signals queue accepted no message")
    _reject_unsent(results, unsent, request_context)
    unkept = keep_rejected(results, batch.raw, request_context, dependencies, budget)
    return IngestResult(tuple(results), unkept)


def _reject_unsent(results: list[IntakeResult], unsent: Sequence[int], request_context: RequestContext) -> None:
    for index in unsent:
        pointer = pointer_to(request_context, index) or "/"
        results[index] = Rejected("not-stored", "The queue did not accept this event; send it again.", pointer, retryable=True)
