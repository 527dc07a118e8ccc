"""Matches events with journeys: decides what each event does to the customer's runs, and saves that with the event's receipt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from waypost import identify
from waypost.domain.customers.customer import Customer, assemble
from waypost.domain.customers.rows import owner_key
from waypost.domain.errors import UnavailableError
from waypost.domain.intake.events import Event, Kind
from waypost.domain.intake.receipts import JourneyOutcome, Receipt
from waypost.domain.journeys.published import Snapshot
from waypost.domain.journeys.trigger_index import Published
from waypost.domain.reasons import Reason
from waypost.domain.runs.context import JourneyVersion, StepContext, event_snapshot
from waypost.domain.runs.reactions import apply_event
from waypost.domain.signals import EventsArrived
from waypost.match.customers import rows_of
from waypost.match.dependencies import ATTEMPTS, MatchDependencies, rules_of, unit_of_work_for
from waypost.match.merge import finish_merges
from waypost.match.reports import apply_report
from waypost.match.unit_of_work import RunUnitOfWork


@dataclass(slots=True)
class EventMatcher:
    """Matches the events of one signal in order. Customer and runs are read once, for the first event that may concern a journey."""

    signal: EventsArrived
    snapshot: Snapshot
    now: datetime
    dependencies: MatchDependencies
    customer: Customer | None = None
    unit_of_work: RunUnitOfWork | None = None

    def match(self, event: Event, refused: Reason | None) -> Receipt:
        """Does what an event does and returns its receipt, which is saved already if the event moved a run.

        An event that was `refused` does nothing. UnavailableError if other workers change the same customer again and again.
        """
        customer = "" if refused is Reason.ERASED else self.signal.customer
        receipt = Receipt(event.uuid, event.name, self.signal.received_at, customer, reason=refused)
        if refused is not None:
            return receipt
        if event.kind is Kind.REPORT:
            return replace(receipt, reason=apply_report(self.dependencies.messages, self.signal.workspace, event))
        if self.signal.historical:
            return replace(receipt, reason=Reason.HISTORICAL)
        timezone = self.snapshot.schema.timezone
        candidates = self.snapshot.index.candidates(event.name, event.source, event.payload, timezone, self.now)
        if not candidates and event.name not in self.snapshot.listened_events:
            return self._with_skipped_journeys(receipt, event, candidates)
        return self._match_runs(event, receipt, candidates)

    def execute_effects(self) -> None:
        """Executes the pending effects of the runs that the events changed."""
        if self.unit_of_work is not None:
            self.unit_of_work.execute_effects()

    def _match_runs(self, event: Event, receipt: Receipt, candidates: Sequence[Published]) -> Receipt:
        """Decides and saves what the event does, and decides again if another worker changed the runs in between."""
        for _ in range(ATTEMPTS):
            saved = self._try_once(event, receipt, candidates)
            if saved is not None:
                return saved
            # The save failed because the runs changed, so that the decision may be another now, or because the event has a receipt: a
            # second signal with the same uuid was matched meanwhile, in the message group of another identifier. Its result stands.
            self._discard_state()
            known = self.dependencies.receipts.read(self.signal.workspace, [event.uuid], self.signal.received_at)
            if event.uuid in known:
                return known[event.uuid]
        raise UnavailableError("a customer's runs changed too often")

    def _try_once(self, event: Event, receipt: Receipt, candidates: Sequence[Published]) -> Receipt | None:
        """Decides what the event does and saves it with the receipt. None if another worker's change came first."""
        customer, unit_of_work = self._load(event)
        context = StepContext(customer, event_snapshot(event), self.signal.received_at, self.snapshot.schema.timezone)
        rules = rules_of(self.dependencies, self.signal.workspace, unit_of_work.customer_runs, self.snapshot, self.now)
        reaction = apply_event(event, unit_of_work.customer_runs.runs, [JourneyVersion(*each) for each in candidates], rules, context)
        receipt = replace(receipt, customer=customer.id, journeys=tuple(reaction.journeys), messages=tuple(reaction.messages))
        receipt = self._with_skipped_journeys(receipt, event, candidates)
        transitions = list(reaction.transitions.values())
        nothing_to_save = not transitions and not receipt.had_effect
        return receipt if nothing_to_save or unit_of_work.save(transitions, [receipt]) else None

    def _load(self, event: Event) -> tuple[Customer, RunUnitOfWork]:
        """The customer and its unit of work, read at the same time."""
        if self.customer is None or self.unit_of_work is None:
            workspace, customers = self.signal.workspace, self.dependencies.customers
            reading = self.dependencies.executor.submit(unit_of_work_for, self.dependencies, workspace, self.signal.customer, self.now)
            rows = rows_of(customers, self.signal, event)
            merged = finish_merges(customers, self.dependencies.runs, rows)
            self.customer = assemble(rows, self.snapshot.schema.primary_key) or self._create_customer(event)
            self.unit_of_work = reading.result()
            # The runs were read by the id that the intake knew, perhaps before a merge moved them. A decision on that reading could open a
            # run that the customer already has, or save it under an id that is no longer the customer's.
            if merged or self.customer.id != self.unit_of_work.customer:
                self.unit_of_work = unit_of_work_for(self.dependencies, workspace, self.customer.id, self.now)
        return self.customer, self.unit_of_work

    def _create_customer(self, event: Event) -> Customer:
        """A new customer for an event whose identifier has no row, as after an erasure that the tombstones did not show yet."""
        customers = self.dependencies.customers
        identify.write_facts(customers, owner_key(self.signal.workspace, event.identifier), event.facts)
        created = assemble(rows_of(customers, self.signal, event), self.snapshot.schema.primary_key)
        if created is None:
            raise UnavailableError("a customer that was just created is not there")
        return created

    def _discard_state(self) -> None:
        """Drops the customer and the runs that were read, after a lost race, so that the next attempt reads them again."""
        # Earlier events of this signal may have saved effects. If the next attempt finds the event's receipt, or another customer, this
        # delivery does not come back to them, and they would wait for the customer's next signal.
        self.execute_effects()
        self.customer = self.unit_of_work = None

    def _with_skipped_journeys(self, receipt: Receipt, event: Event, candidates: Sequence[Published]) -> Receipt:
        """The receipt with the journeys that the payload alone rules out, unless the event moved a run of them in another way."""
        moved = {outcome.journey for outcome in receipt.journeys}
        ruled_out = self.snapshot.index.ruled_out(event.name, event.source, candidates, self.now)
        ignored = (JourneyOutcome(journey, "ignored", Reason.CONDITIONS) for journey in ruled_out if journey not in moved)
        return replace(receipt, journeys=(*receipt.journeys, *ignored))
