"""The use case of the matcher: one customer's signal becomes facts, runs, receipts and messages that are owed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from waypost import identify
from waypost.domain.customers.customer import Customer, assemble
from waypost.domain.customers.facts import merge
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.customers.rows import Row, RowKey, Tombstones, owner_key
from waypost.domain.errors import UnavailableError
from waypost.domain.intake.event_log import Page
from waypost.domain.intake.events import Event, Kind, identifiers_of, reported_message_id
from waypost.domain.intake.receipts import JourneyOutcome, Receipt
from waypost.domain.journeys.published import Snapshot
from waypost.domain.journeys.trigger_index import Published
from waypost.domain.messages.delivery_reports import after_report
from waypost.domain.reasons import Reason
from waypost.domain.runs.context import JourneyVersion, StepContext, event_snapshot
from waypost.domain.runs.reactions import apply_event
from waypost.domain.signals import EventsArrived
from waypost.match.dependencies import ATTEMPTS, MatchDependencies, rules_of, unit_of_work_for
from waypost.match.merge import finish as finish_merges
from waypost.match.unit_of_work import RunUnitOfWork


def carry_out(signal: EventsArrived, now: datetime, dependencies: MatchDependencies, *, redelivered: bool) -> list[Receipt]:
    """Carries out events that arrived and answers the receipts of those that were new. `again`: it may have been begun before."""
    return _EventsHandler(signal, now, dependencies, redelivered).carry_out()


@dataclass(slots=True)
class _EventsHandler:
    """Events on their way. Customer and ledger are read once, when an event may concern a journey."""

    signal: EventsArrived
    now: datetime
    dependencies: MatchDependencies
    redelivered: bool
    customer: Customer | None = None
    unit_of_work: RunUnitOfWork | None = None

    def carry_out(self) -> list[Receipt]:
        """Facts first, then each event in order, then what is owed, then the log."""
        tombstones_future = self.dependencies.executor.submit(self._read_tombstones)
        known = self.dependencies.receipts.read(
            self.signal.workspace, [event.uuid for event in self.signal.events], self.signal.received_at
        )
        if self.redelivered:
            self._execute_effects_of(known.values())
        tombstones = tombstones_future.result()
        events = [event for event in _distinct(self.signal.events) if event.uuid not in known]
        refused = {event.uuid: Reason.ERASED for event in events if _is_before(event, tombstones)}
        alive = [event for event in events if event.uuid not in refused]
        if tombstones:
            self._resolve_customer_again(alive)
        refused |= self._apply_facts(alive)
        self._finish_absorbs(alive)
        snap = self.dependencies.snapshots.get(self.signal.workspace, self.now)
        receipts = [self._take(event, snap, refused.get(event.uuid)) for event in events]
        if self.unit_of_work is not None:
            self.unit_of_work.execute_effects()
        self._record(receipts, known)
        return receipts

    def _read_tombstones(self) -> Tombstones:
        """When customers that these events name were erased, for those that were."""
        return self.dependencies.customers.tombstones(
            self.signal.workspace, list({name for event in self.signal.events for name in identifiers_of(event)})
        )

    def _resolve_customer_again(self, events: Sequence[Event]) -> None:
        """What the intake knew may be of the erased customer; who these events are about now is asked again."""
        if not events:
            return
        self.signal = replace(self.signal, primary=None, known=False)
        done = identify.write_facts(self.dependencies.customers, owner_key(self.signal.workspace, events[0].identifier), {})
        if not isinstance(done, Reason):
            self.signal = replace(self.signal, customer=done)

    def _execute_effects_of(self, receipts: Iterable[Receipt]) -> None:
        """Pays what an earlier attempt has saved and not paid, whichever customer it found."""
        for customer in sorted({self.signal.customer, *(receipt.customer for receipt in receipts)}):
            unit_of_work_for(self.dependencies, self.signal.workspace, customer, self.now).execute_effects()

    def _apply_facts(self, events: Sequence[Event]) -> dict[str, Reason]:
        """Writes what the intake has not written; one write for each identifier that has facts. Answers what was refused."""
        customers, workspace = self.dependencies.customers, self.signal.workspace
        refused: dict[str, Reason] = {}
        for event in events:
            if event.identification is not None:
                done = identify.identify_customer(customers, workspace, event)
                if isinstance(done, Reason):
                    refused[event.uuid] = done
        said: dict[Identifier, list[Event]] = defaultdict(list)
        for event in events:
            if event.identification is None and (not self.signal.known or event.facts):
                said[event.identifier].append(event)
        for identifier, theirs in said.items():
            refused |= self._record_facts(owner_key(workspace, identifier), theirs)
        return refused

    def _record_facts(self, key: RowKey, events: Sequence[Event]) -> dict[str, Reason]:
        """Writes all facts about one identifier at once; where that is refused, one by one, so that no event suffers from another."""
        customers, linked = self.dependencies.customers, self.signal.primary
        done = identify.write_facts(customers, key, merge(*(event.facts for event in events)), linked)
        if not isinstance(done, Reason):
            return {}
        each = {event.uuid: identify.write_facts(customers, key, event.facts, linked) for event in events}
        return {uuid: reason for uuid, reason in each.items() if isinstance(reason, Reason)}

    def _finish_absorbs(self, events: Sequence[Event]) -> None:
        """An `$identify` may have absorbed somebody, at the intake or just now: the rest of it is done before anything else."""
        named = next((event for event in events if event.kind is Kind.IDENTIFY), None)
        if named is not None:
            finish_merges(self.dependencies.customers, self.dependencies.runs, self._rows(named))

    def _take(self, event: Event, snap: Snapshot, refused: Reason | None) -> Receipt:
        """One event against the journeys; its receipt, which is saved already if the event had an effect."""
        customer = "" if refused is Reason.ERASED else self.signal.customer
        receipt = Receipt(event.uuid, event.name, self.signal.received_at, customer, reason=refused)
        if refused is not None:
            return receipt
        if event.kind is Kind.REPORT:
            return replace(receipt, reason=self._report(event))
        if self.signal.historical:
            return replace(receipt, reason=Reason.HISTORICAL)
        candidates = snap.index.candidates(event.name, event.source, event.payload, snap.schema.timezone)
        if not candidates and event.name not in snap.listened_events:
            return _with_skipped_journeys(receipt, event, candidates, snap)
        for _ in range(ATTEMPTS):
            saved = self._react(event, receipt, candidates, snap)
            if saved is not None:
                return saved
            self._discard_state()
            known = self.dependencies.receipts.read(self.signal.workspace, [event.uuid], self.signal.received_at)
            if event.uuid in known:
                return known[event.uuid]
        raise UnavailableError("a customer's runs changed too often")

    def _report(self, event: Event) -> Reason | None:
        """Takes a delivery report to its message, in this workspace only; why not, where there is no such message."""
        name = reported_message_id(event)
        for _ in range(ATTEMPTS):
            message = self.dependencies.messages.get(self.signal.workspace, name) if name else None
            if message is None:
                return Reason.NO_MESSAGE
            reported = after_report(message, event.name)
            if reported is message or self.dependencies.messages.save(reported, message):
                return None
        raise UnavailableError("a message changed too often")

    def _react(self, event: Event, receipt: Receipt, candidates: Sequence[Published], snap: Snapshot) -> Receipt | None:
        """Decides what the event does and saves it with the receipt; None where someone else was quicker."""
        customer, unit_of_work = self._load(event, snap)
        context = StepContext(customer, event_snapshot(event), self.signal.received_at, snap.schema.timezone)
        rules = rules_of(self.dependencies, self.signal.workspace, unit_of_work.customer_runs, snap, self.now)
        reaction = apply_event(event, unit_of_work.customer_runs.runs, [JourneyVersion(*each) for each in candidates], rules, context)
        receipt = replace(receipt, customer=customer.id, journeys=tuple(reaction.journeys), messages=tuple(reaction.messages))
        receipt = _with_skipped_journeys(receipt, event, candidates, snap)
        transitions = list(reaction.transitions.values())
        nothing_to_save = not transitions and not receipt.had_effect
        return receipt if nothing_to_save or unit_of_work.save(transitions, [receipt]) else None

    def _load(self, event: Event, snap: Snapshot) -> tuple[Customer, RunUnitOfWork]:
        """Customer and ledger, read at the same time."""
        if self.customer is None or self.unit_of_work is None:
            reading = self.dependencies.executor.submit(
                unit_of_work_for, self.dependencies, self.signal.workspace, self.signal.customer, self.now
            )
            rows = self._rows(event)
            moved = finish_merges(self.dependencies.customers, self.dependencies.runs, rows)
            self.customer = assemble(rows, snap.schema.primary_key) or self._create_customer(event, snap)
            self.unit_of_work = reading.result()
            if moved or self.customer.id != self.unit_of_work.customer:
                self.unit_of_work = unit_of_work_for(self.dependencies, self.signal.workspace, self.customer.id, self.now)
        return self.customer, self.unit_of_work

    def _discard_state(self) -> None:
        """Forgets a standing that someone else has changed, once all that earlier events owe by it is paid."""
        if self.unit_of_work is not None:
            self.unit_of_work.execute_effects()
        self.customer = self.unit_of_work = None

    def _rows(self, event: Event) -> list[Row]:
        """The customer's rows: by the primary key that the intake knew, else by what the event says."""
        customers, hint = self.dependencies.customers, self.signal.primary
        named = customers.by_primary_key(self.signal.workspace, hint) if hint else []
        return named or identify.find_rows(customers, self.signal.workspace, event.identifier)

    def _create_customer(self, event: Event, snap: Snapshot) -> Customer:
        identify.write_facts(self.dependencies.customers, owner_key(self.signal.workspace, event.identifier), event.facts)
        made = assemble(self._rows(event), snap.schema.primary_key)
        if made is None:
            raise UnavailableError("a customer that was just made is not there")
        return made

    def _record(self, receipts: Sequence[Receipt], known: Mapping[str, Receipt]) -> None:
        """Writes the receipts that no transaction wrote, and the page of the log, which an earlier attempt may have begun."""
        silent = [receipt for receipt in receipts if not receipt.had_effect]
        told = {receipt.uuid for receipt in receipts if self.dependencies.log_all or receipt.had_effect}
        told -= {receipt.uuid for receipt in receipts if receipt.reason is Reason.ERASED}
        told |= {receipt.uuid for receipt in known.values() if receipt.received_at == self.signal.received_at}
        shown = tuple(replace(event, facts={}, identification=None) for event in _distinct(self.signal.events) if event.uuid in told)
        page = Page(self.signal.workspace, self.signal.customer, self.signal.received_at, self.signal.name, shown)
        quiet = silent if self.dependencies.log_all else []
        if quiet or (shown and (receipts or self.redelivered)):
            self.dependencies.log.write(page, quiet)


def _is_before(event: Event, tombstones: Tombstones) -> bool:
    """Whether an event happened before a customer of one of its names was erased, or at that moment."""
    return any(event.at <= tombstones[name] for name in identifiers_of(event) if name in tombstones)


def _distinct(events: Sequence[Event]) -> list[Event]:
    """Events without those whose uuid came before."""
    seen: dict[str, Event] = {}
    for event in events:
        seen.setdefault(event.uuid, event)
    return list(seen.values())


def _with_skipped_journeys(receipt: Receipt, event: Event, candidates: Sequence[Published], snap: Snapshot) -> Receipt:
    """The receipt with the journeys that the event's payload alone kept out; one that it moved otherwise has been told."""
    told = {move.journey for move in receipt.journeys}
    kept_out = snap.index.ruled_out(event.name, event.source, candidates)
    ignored = (JourneyOutcome(journey, "ignored", Reason.CONDITIONS) for journey in kept_out if journey not in told)
    return replace(receipt, journeys=(*receipt.journeys, *ignored))
