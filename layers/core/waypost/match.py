"""The use case of the matcher: one customer's signal becomes facts, runs, receipts and messages that are owed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, TypeVar

from waypost import identify, ports
from waypost.domain import delivery
from waypost.domain.commits import Commit, Committed
from waypost.domain.customers import Customer, assemble, claim_key
from waypost.domain.errors import UnavailableError
from waypost.domain.events import Event, Kind
from waypost.domain.facts import PRIMARY, Facts, merge
from waypost.domain.identity import Identifier
from waypost.domain.journeys import Journey
from waypost.domain.log import Page
from waypost.domain.messages import Message, message_named
from waypost.domain.reasons import Reason
from waypost.domain.receipts import Move, Receipt
from waypost.domain.runs import Gate, Standing
from waypost.domain.signals import EventsArrived
from waypost.domain.snapshots import Snapshot, snapshot
from waypost.domain.transition import Released, Scene, Transition, enter, moving
from waypost.memory import Memory

SNAPSHOT_SECONDS: Final = 5
ATTEMPTS: Final = 8
ACTIONS: Final = 40
"""Runs and messages to a transaction: 100 would fit by number, but 40 events of 64 KiB stay below its 4 MB."""
T = TypeVar("T")


@dataclass(slots=True)
class Snapshots:
    """What each workspace has in force, at most five seconds old."""

    journeys: ports.Journeys
    workspaces: ports.Workspaces
    memory: Memory[Snapshot] = field(default_factory=lambda: Memory(most=200))

    def get(self, workspace: str, now: datetime) -> Snapshot:
        """The workspace's snapshot. Versions never change, so only those that are new are read."""
        return self.memory.read(workspace, now, lambda _: SNAPSHOT_SECONDS, lambda old: self._fresh(workspace, old), lambda _: False)

    def _fresh(self, workspace: str, old: Snapshot | None) -> Snapshot:
        pointer = self.journeys.pointer(workspace)
        schema = self.workspaces.schema(workspace)
        if old is not None and old.rev == pointer.rev:
            return replace(old, schema=schema)
        versions = self.journeys.versions(workspace, [(each.journey, each.version) for each in pointer.in_force])
        return snapshot(pointer, schema, versions)


@dataclass(frozen=True, slots=True)
class World:
    """What the matcher needs of the world. `log_all`: events without effect are recorded as well."""

    customers: ports.Customers
    runs: ports.Runs
    receipts: ports.Receipts
    log: ports.Log
    messages: ports.Messages
    snapshots: Snapshots
    send_queue: ports.SendQueue
    executor: Executor
    log_all: bool = True


def match(signal: EventsArrived, now: datetime, world: World, *, again: bool) -> list[Receipt]:
    """Carries out a signal and answers the receipts of its events that were new. `again`: it may have been begun before.

    UnavailableError at any point: the same signal later goes on where this one stopped.
    """
    arrived = _Arrived(signal, now, world)
    if again:
        arrived.pay_what_is_owed()
    return arrived.carry_out()


@dataclass(slots=True)
class _Arrived:
    """One signal on its way. Customer and standing are read once, when an event may concern a journey."""

    signal: EventsArrived
    now: datetime
    world: World
    customer: Customer | None = None
    standing: Standing | None = None

    def carry_out(self) -> list[Receipt]:
        """Facts first, then each event in order, then what is owed, then the log."""
        known = self.world.receipts.read(self.signal.workspace, [event.uuid for event in self.signal.events], self.now)
        events = [event for event in _distinct(self.signal.events) if event.uuid not in known]
        refused = self._apply_facts(events)
        snap = self.world.snapshots.get(self.signal.workspace, self.now)
        receipts = [self._take(event, snap, refused.get(event.uuid)) for event in events]
        self._pay()
        self._record(receipts, known)
        return receipts

    def _apply_facts(self, events: Sequence[Event]) -> dict[str, Reason]:
        """Writes what the intake has not written; one write for each identifier that has facts. Answers what was refused."""
        customers, workspace = self.world.customers, self.signal.workspace
        refused: dict[str, Reason] = {}
        for event in events:
            if event.naming is not None:
                done = identify.apply_naming(customers, workspace, event)
                if isinstance(done, Reason):
                    refused[event.uuid] = done
        facts: dict[Identifier, Facts] = {}
        for event in events:
            if event.naming is None and (not self.signal.known or event.facts.keys() - {PRIMARY}):
                facts[event.identifier] = merge(facts.get(event.identifier, {}), event.facts)
        for identifier, said in facts.items():
            done = identify.record(customers, claim_key(workspace, identifier), said)
            if isinstance(done, Reason):
                refused |= {event.uuid: done for event in events if event.identifier == identifier and event.facts}
        return refused

    def _take(self, event: Event, snap: Snapshot, refused: Reason | None) -> Receipt:
        """One event against the journeys; its receipt, which is saved already if the event had an effect."""
        receipt = Receipt(event.uuid, event.name, self.signal.received_at, self.signal.customer, reason=refused)
        if refused is not None:
            return receipt
        if event.kind is Kind.REPORT:
            return replace(receipt, reason=self._report(event))
        if self.signal.historical:
            return replace(receipt, reason=Reason.HISTORICAL)
        candidates = snap.index.candidates(event.name, event.source, event.payload, snap.schema.timezone)
        if not candidates:
            return receipt
        for _ in range(ATTEMPTS):
            saved = self._enter_all(event, receipt, candidates, snap)
            if saved is not None:
                return saved
            self.customer = self.standing = None
        raise UnavailableError("a customer's runs changed too often")

    def _report(self, event: Event) -> Reason | None:
        """Takes a delivery report to its message, in this workspace only; why not, where there is no such message."""
        name = message_named(event)
        for _ in range(ATTEMPTS):
            message = self.world.messages.get(self.signal.workspace, name) if name else None
            if message is None:
                return Reason.NO_MESSAGE
            reported = delivery.reported(message, event.name)
            if reported is message or self.world.messages.save(reported, message):
                return None
        raise UnavailableError("a message changed too often")

    def _enter_all(self, event: Event, receipt: Receipt, candidates: Sequence[tuple[Journey, int]], snap: Snapshot) -> Receipt | None:
        """Decides all entries and saves them with the receipt; None where someone else was quicker."""
        customer, standing = self._load(event, snap)
        scene = Scene(customer, moving(event), self.signal.received_at, snap.schema.timezone)
        decided = [self._enter(Released(*candidate), event, scene, standing, snap) for candidate in candidates]
        transitions = [each for each in decided if isinstance(each, Transition)]
        receipt = replace(
            receipt,
            customer=customer.id,
            moves=tuple(each.move if isinstance(each, Transition) else each for each in decided),
            messages=tuple(message.id for each in transitions for message in each.messages),
        )
        return receipt if not transitions or self._save(transitions, receipt) else None

    def _enter(self, released: Released, event: Event, scene: Scene, standing: Standing, snap: Snapshot) -> Transition | Move:
        if released.journey.id in snap.paused:
            return Move(released.journey.id, "ignored", Reason.PAUSED)
        runs = [run for run in standing.runs if run.journey == released.journey.id]
        done = enter(released, runs, event, scene)
        return done if isinstance(done, Transition) else Move(released.journey.id, "ignored", done)

    def _load(self, event: Event, snap: Snapshot) -> tuple[Customer, Standing]:
        """Customer and standing, read at the same time."""
        if self.customer is None or self.standing is None:
            reading = self.world.executor.submit(self.world.runs.standing, self.signal.workspace, self.signal.customer)
            self.customer = self._find(event, snap)
            self.standing = reading.result()
            if self.customer.id != self.signal.customer:
                self.standing = self.world.runs.standing(self.signal.workspace, self.customer.id)
        return self.customer, self.standing

    def _find(self, event: Event, snap: Snapshot) -> Customer:
        customers, workspace, key = self.world.customers, self.signal.workspace, snap.schema.primary_key
        hint = self.signal.primary
        found = assemble(customers.named(workspace, hint), key) if hint else None
        found = found or assemble(identify.find(customers, workspace, event.identifier), key)
        if found is not None:
            return found
        identify.record(customers, claim_key(workspace, event.identifier), event.facts)
        made = assemble(identify.find(customers, workspace, event.identifier), key)
        if made is None:
            raise UnavailableError("a customer that was just made is not there")
        return made

    def _save(self, transitions: Sequence[Transition], receipt: Receipt) -> bool:
        """Saves transitions with the event's receipt in one transaction, or in several where they do not fit into one.

        In several, messages come first and are not owed yet; runs follow with what they owe, the receipt last. A crash in between
        leaves the event without a receipt: what is missing is decided again, and runs that are there are known by their ids.
        """
        fresh = [each for each in transitions if not each.saved]
        messages = [message for each in fresh for message in each.messages]
        parts: list[Commit] = []
        if len(messages) + 3 * len(fresh) > ACTIONS:
            parts += [self._part(messages=part) for part in _cut(messages, ACTIONS)]
            parts += [self._part(part) for part in _cut(fresh, ACTIONS // 4)]
            parts.append(self._part(receipts=[receipt]))
        else:
            parts.append(self._part(fresh, messages, [receipt]))
        return all(self._commit(part) for part in parts)

    def _part(self, transitions: Sequence[Transition] = (), messages: Sequence[Message] = (), receipts: Sequence[Receipt] = ()) -> Commit:
        standing = self._standing_now()
        runs = tuple(each.run for each in transitions)
        return Commit(
            workspace=self.signal.workspace,
            customer=self.customer.id if self.customer else self.signal.customer,
            gate=standing.gate,
            owed=tuple(message.id for each in transitions for message in each.messages),
            runs=runs,
            replaced=tuple(old for run in runs for old in standing.of(run.journey, run.key) if not old.active),
            messages=tuple(messages),
            receipts=tuple(receipts),
        )

    def _standing_now(self) -> Standing:
        return self.standing or Standing(Gate(), ())

    def _commit(self, part: Commit) -> bool:
        """Saves one part behind the gate as it is now; False where the gate or a receipt says that someone else was quicker."""
        standing = self._standing_now()
        commit = replace(part, gate=standing.gate, owed=(*standing.gate.owed, *part.owed))
        if self.world.runs.commit(commit) is not Committed.DONE:
            return False
        after = replace(standing, gate=Gate(standing.gate.version + 1, commit.owed))
        for run in commit.runs:
            after = after.with_run(run)
        gone = {run.id for run in commit.replaced}
        self.standing = replace(after, runs=tuple(run for run in after.runs if run.id not in gone))
        return True

    def _record(self, receipts: Sequence[Receipt], known: Mapping[str, Receipt]) -> None:
        """Writes the receipts that no transaction wrote, and the page of the log, which an earlier attempt may have begun."""
        silent = [receipt for receipt in receipts if not receipt.had_effect]
        told = {receipt.uuid for receipt in receipts if self.world.log_all or receipt.had_effect}
        told |= {receipt.uuid for receipt in known.values() if receipt.received_at == self.signal.received_at}
        shown = tuple(replace(event, facts={}, naming=None) for event in _distinct(self.signal.events) if event.uuid in told)
        page = Page(self.signal.workspace, self.signal.customer, self.signal.received_at, self.signal.name, shown)
        if receipts and shown:
            self.world.log.write(page, silent if self.world.log_all else ())

    def pay_what_is_owed(self) -> None:
        """Pays what an earlier attempt at this signal has saved and not paid."""
        self.standing = self.world.runs.standing(self.signal.workspace, self.signal.customer)
        self._pay()
        self.standing = None

    def _pay(self) -> None:
        """Save with what is owed, then act, then clear: acting twice is harmless, since a message is claimed before it is sent."""
        if self.standing is None or not self.standing.gate.owed:
            return
        workspace, customer = self.signal.workspace, self.customer.id if self.customer else self.signal.customer
        self.world.send_queue.put(workspace, [(message, timedelta(0)) for message in self.standing.gate.owed])
        self.world.runs.clear(workspace, customer, self.standing.gate.version)


def _distinct(events: Sequence[Event]) -> list[Event]:
    """Events without those whose uuid came before."""
    seen: dict[str, Event] = {}
    for event in events:
        seen.setdefault(event.uuid, event)
    return list(seen.values())


def _cut(whole: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (whole[start : start + size] for start in range(0, len(whole), size))
