"""Matches events with journeys: decides what each event does to the customer's runs, and saves that with the event's receipt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from waypost import identify
from waypost.domain.customers.customer import Customer, assemble
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.customers.rows import Tombstones, owner_key
from waypost.domain.errors import UnavailableError
from waypost.domain.intake.events import Event, Kind
from waypost.domain.intake.receipts import JourneyOutcome, Receipt
from waypost.domain.journeys.published import Snapshot
from waypost.domain.journeys.trigger_index import Published
from waypost.domain.reasons import Reason
from waypost.domain.runs.context import JourneyVersion, StepContext, event_snapshot
from waypost.domain.runs.reactions import apply_event, apply_missed_events
from waypost.domain.signals import EventsArrived
from waypost.match.customers import rows_of
from waypost.match.dependencies import MATCH_ATTEMPTS, MatchDependencies
from waypost.match.earlier_matches import ended_runs, missed_events
from waypost.match.merge import finish_merges
from waypost.match.reports import apply_report_event
from waypost.match.rules import rules_of
from waypost.match.unit_of_work import RunUnitOfWork, require_not_erased, unit_of_work_for
from waypost.message_reports import ReportDependencies


@dataclass(slots=True)
class EventMatcher:
    """Matches the events of one signal in order. Customer and runs are read once, for the first event that may concern a journey.

    `customers` has the ids of customers that are known to be newer than the one that the intake put into the signal, by identifier.
    `group` is the message group of this delivery: the id of the only customer whose runs this worker changes.
    `tombstones` are those of the events' identifiers by which it was decided which events happened before an erasure.
    """

    signal: EventsArrived
    customers: Mapping[Identifier, str]
    group: str
    snapshot: Snapshot
    now: datetime
    dependencies: MatchDependencies
    tombstones: Tombstones
    customer: Customer | None = None
    unit_of_work: RunUnitOfWork | None = None

    def match(self, event: Event, refused: Reason | None) -> Receipt:
        """Does what an event does and returns its receipt, which is saved already if the event moved a run.

        An event that was `refused` does nothing. UnavailableError if other workers change the same customer again and again.
        """
        customer = "" if refused is Reason.ERASED else self._customer_id(event)
        receipt = Receipt(event.uuid, event.name, self.signal.received_at, customer, reason=refused)
        if refused is not None:
            return receipt
        if event.kind is Kind.REPORT:
            dependencies = ReportDependencies(self.dependencies.messages, self.dependencies.signals)
            reason = apply_report_event(dependencies, self.signal.workspace, event, self.signal.received_at)
            return replace(receipt, reason=reason)
        if self.signal.historical:
            return replace(receipt, reason=Reason.HISTORICAL)
        candidates = self._candidates(event)
        if not self._may_concern_runs(event, candidates):
            return self._with_skipped_journeys(receipt, event, candidates)
        return self._match_runs(event, receipt, candidates)

    def concerns_journeys(self, event: Event) -> bool:
        """Whether matching the event takes the customer's runs."""
        if event.kind is Kind.REPORT or self.signal.historical:
            return False
        return self._may_concern_runs(event, self._candidates(event))

    def customer_of(self, event: Event) -> str:
        """The id of the customer to whom the event belongs. If it concerns journeys, the customer's rows are read, which matching needs."""
        return self._load(event)[0].id if self.concerns_journeys(event) else self._customer_id(event)

    def _customer_id(self, event: Event) -> str:
        """The id of the customer as far as it is known without a read: that of the intake, unless a write has shown another one."""
        if self.customer is not None and self.customer.has(event.identifier):
            return self.customer.id
        return self.customers.get(event.identifier, self.signal.customer)

    def _candidates(self, event: Event) -> list[Published]:
        timezone = self.snapshot.schema.timezone
        return self.snapshot.index.candidates(event.name, event.source, event.payload, timezone, self.now)

    def _may_concern_runs(self, event: Event, candidates: Sequence[Published]) -> bool:
        return bool(candidates) or event.name in self.snapshot.listened_events

    def execute_effects(self) -> None:
        """Executes the pending effects of the runs that the events changed."""
        if self.unit_of_work is not None:
            self.unit_of_work.execute_effects()

    def _match_runs(self, event: Event, receipt: Receipt, candidates: Sequence[Published]) -> Receipt:
        """Decides and saves what the event does, and decides again if another worker changed the runs in between."""
        for _ in range(MATCH_ATTEMPTS):
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
        if customer.id != self.group:
            # A merge came between the first read and a lost race. The next delivery sends the event to the other message group.
            raise UnavailableError("the customer was merged meanwhile")
        context = StepContext(customer, event_snapshot(event), self.signal.received_at, self.snapshot.schema.timezone)
        rules = rules_of(self.dependencies, self.signal.workspace, unit_of_work.customer_runs, self.snapshot, self.now)
        ended = ended_runs(event, self.signal.workspace, customer, unit_of_work.customer_runs, candidates, self.dependencies)
        runs = [*unit_of_work.customer_runs.runs, *ended]
        reaction = apply_event(event, runs, [JourneyVersion(*each) for each in candidates], rules, context)
        if self.signal.customer != customer.id and any(each.before is None and each.run.active for each in reaction.transitions.values()):
            missed = missed_events(event, self.signal, customer, self.dependencies)
            apply_missed_events(reaction, missed, [JourneyVersion(*each) for each in candidates], context)
        receipt = replace(receipt, customer=customer.id, journeys=tuple(reaction.journeys), messages=tuple(reaction.messages))
        receipt = self._with_skipped_journeys(receipt, event, candidates)
        transitions = list(reaction.transitions.values())
        nothing_to_save = not transitions and not receipt.had_effect
        return receipt if nothing_to_save or unit_of_work.save(transitions, [receipt]) else None

    def _load(self, event: Event) -> tuple[Customer, RunUnitOfWork]:
        """The customer to whom the event belongs and its unit of work, read at the same time."""
        if self.customer is not None and not self.customer.has(event.identifier):
            # Identifiers that were one customer's when the signal was sent are several customers' after an erasure.
            self._discard_state()
        if self.customer is None or self.unit_of_work is None:
            workspace, customers = self.signal.workspace, self.dependencies.customers
            expected = self._customer_id(event)
            reading = self.dependencies.executor.submit(unit_of_work_for, self.dependencies, workspace, expected, self.now)
            rows = rows_of(customers, self.signal, event)
            merged = finish_merges(customers, self.dependencies.runs, rows, self.dependencies.counted)
            self.customer = assemble(rows, self.snapshot.schema.primary_key) or self._create_customer(event)
            self.unit_of_work = reading.result()
            # The runs were read by the id that was known before, perhaps before a merge moved them. A decision on that reading could open a
            # run that the customer already has, or save it under an id that is no longer the customer's.
            if merged or self.customer.id != self.unit_of_work.customer:
                self.unit_of_work = unit_of_work_for(self.dependencies, workspace, self.customer.id, self.now)
            if self.customer.id != self.unit_of_work.customer:
                raise UnavailableError("the customer was merged meanwhile")
            require_not_erased(self.unit_of_work.customer_runs.version_row)
        return self.customer, self.unit_of_work

    def _create_customer(self, event: Event) -> Customer:
        """A new customer for an event whose identifier has no row. UnavailableError if that is so because of an erasure meanwhile."""
        customers = self.dependencies.customers
        identify.write_facts(customers, owner_key(self.signal.workspace, event.identifier), event.facts, tombstones=self.tombstones)
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
        ignored = [JourneyOutcome(journey, "ignored", Reason.CONDITIONS) for journey in ruled_out if journey not in moved]
        return replace(receipt, journeys=(*receipt.journeys, *ignored)) if ignored else receipt
