"""Carries out the identifications of a batch before its events go to the queue, as far as the time allows.

The matcher could do it as well, and does it for what is left over. The intake does it first for two reasons: the client learns of a
conflict from the answer, and the events of the batch are grouped under the customer whom they belong to from now on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Final

from waypost import identify
from waypost.cache.linked_ids import ResolvedCustomer
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.errors import UnavailableError
from waypost.domain.intake.batch_parser import RequestContext
from waypost.domain.intake.events import Accepted, IntakeResult, Rejected, identifiers_of
from waypost.domain.intake.grouping import BatchEvent, by_shared_identifiers
from waypost.domain.reasons import Reason
from waypost.ingest import time_budget
from waypost.ingest.dependencies import IngestDependencies
from waypost.ingest.results import accepted_events, pointer_to
from waypost.ingest.time_budget import TimeBudget
from waypost.ingest.timed_customers import TimedCustomers

_REJECTIONS: Final = {
    Reason.CORRELATION_CONFLICT: ("This correlation id belongs to another primary key value; nothing was changed.", "/correlationValue"),
    Reason.TOO_MANY_IDS: ("A customer has at most 100 correlation ids.", "/correlationValue"),
    Reason.CONSENTS_FULL: ("A customer has consents about at most 200 pairs of topic and channel.", "/correlationValue"),
    Reason.ATTRIBUTES_FULL: ("A customer has at most 500 attributes and 128 KiB of them.", "/payload"),
}
"""The sentence for each reason, and the pointer to the place below the event."""


@dataclass(slots=True)
class Identifications:
    """The identifications of one batch.

    `results` are changed in place: what was carried out is taken out of its event, what was refused is rejected. `customers` collects
    the customers that were identified. `table_unavailable` is set when the customers table fails or is too slow: everything that is not
    carried out by then stays in its event and travels on the queue. Threads of one batch share this object; the groups of events that
    they work on have no index and no identifier in common. `closed`: the request has stopped waiting for them.
    """

    request_context: RequestContext
    dependencies: IngestDependencies
    budget: TimeBudget
    results: list[IntakeResult]
    customers: dict[Identifier, ResolvedCustomer] = field(default_factory=dict)
    table_unavailable: bool = False
    closed: bool = False
    lock: Lock = field(default_factory=Lock)

    def carry_out(self) -> None:
        """Carries out all identifications of the batch, those of different customers in parallel; it returns in time, finished or not."""
        events = [each for each in accepted_events(self.results) if each.event.identification is not None]
        started = [self.dependencies.identifying.submit(self._carry_out_in_order, group) for group in by_shared_identifiers(events)]
        for future in started:
            try:
                # It raises what the thread raised: a bug must not pass for a success.
                self.budget.result_by(time_budget.READ_SECONDS, future)
            except UnavailableError:
                self.table_unavailable = True
                future.cancel()  # if it waits for a thread, it would only delay those of the next request
        with self.lock:
            self.closed = True
        for identifier, customer in self.customers.items():
            self.dependencies.linked.put(self.request_context.workspace, identifier, customer)

    def _carry_out_in_order(self, group: Sequence[BatchEvent]) -> None:
        customers = TimedCustomers(self.dependencies.customers, self.budget)
        for batch_event in group:
            self.table_unavailable = self.table_unavailable or self.budget.is_over(time_budget.IDENTIFY_SECONDS)
            if self.table_unavailable:
                return
            event = batch_event.event
            try:
                # Facts whose time depends on the receipt are left to the matcher, which knows whether the event is a repetition.
                without_facts = replace(event, facts={}) if self._has_server_time(batch_event.batch_index) else event
                outcome = identify.identify_customer(customers, self.request_context.workspace, without_facts)
            except UnavailableError:
                self.table_unavailable = True
                return
            # The request may have stopped waiting during the call. The event is then on its way to the queue as it came, and its result
            # must not change any more. That the identification is carried out twice changes nothing.
            with self.lock:
                if not self.closed:
                    self._apply(batch_event, outcome)

    def _has_server_time(self, index: int) -> bool:
        result = self.results[index]
        return isinstance(result, Accepted) and result.has_server_time

    def _apply(self, batch_event: BatchEvent, outcome: str | Reason) -> None:
        """Records the outcome of one identification: the id of the customer, or the reason why there is none."""
        index, event = batch_event
        if outcome is Reason.ERASED:
            return  # accepted, as the matcher would see it: it drops the event, and the receipt has the reason
        if isinstance(outcome, Reason):
            detail, place = _REJECTIONS[outcome]
            self.results[index] = Rejected(outcome.value, detail, pointer_to(self.request_context, index) + place)
            return
        result, identification = self.results[index], event.identification
        if isinstance(result, Accepted) and identification is not None:
            facts_left = event.facts if result.has_server_time else {}
            self.results[index] = replace(result, event=replace(event, facts=facts_left, identification=None))
            for identifier in identifiers_of(event):
                self.customers[identifier] = ResolvedCustomer(outcome, identification.primary, stored=True)
