"""Intake and matcher on one set of fakes, with faults: failed calls, lost results, other work in between, redelivered signals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any

from tests.fakes.journeys import FakeJourneys, journey, message
from tests.fakes.match_harness import SCHEMA, InlineExecutor, InterceptedPort, MatchHarness, PortCalls
from tests.fakes.messages import NOW
from tests.fakes.rejected_events import FakeRejectedEvents
from tests.fakes.signals import FakeSignals
from tests.model.history_generator import GeneratedEvent
from tests.model.reference_model import ExpectedCustomer
from waypost.cache.linked_ids import LinkedIdCache
from waypost.domain.customers.customer import Customer, assemble
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.errors import UnavailableError
from waypost.domain.intake.batch_parser import RequestContext, parse
from waypost.domain.intake.events import Accepted
from waypost.domain.reasons import Reason
from waypost.domain.runs.run import Run
from waypost.domain.signal_codec import from_wire, to_queue_message
from waypost.domain.signals import QueueMessage, TimerDue
from waypost.domain.values import exact_json
from waypost.identify import find_rows
from waypost.ingest.batch import ingest
from waypost.ingest.dependencies import IngestDependencies
from waypost.ingest.time_budget import TimeBudget

END = {"id": "end", "type": "exit"}
STANDS = journey("stands", "stands", [message("hello", "end", onFailure="end"), END])
ENDS = journey("ends", "ends")
KEYED = journey("keyed", "keyed", [message("hello", "end", onFailure="end"), END], reentry={"mode": "once", "key": "payload.order"})
WAIT = {
    "id": "wait",
    "type": "waitUntil",
    "branches": [{"event": "bought", "next": "hello"}],
    "timeout": {"after": "P3D", "next": "hello"},
}
WAITS = journey("waits", "waits", [WAIT, message("hello", "end"), END])
RECEIVED = NOW + timedelta(days=1)


class FunctionKilledError(BaseException):
    """The function ends in the middle of its work; no `except Exception` of the code under test may catch this."""


@dataclass
class FaultInjector(PortCalls):
    """Makes a share `fault_rate` of all port calls go wrong.

    The call fails before or after its effect, the function is killed before or after it, or another delivery is processed before it.
    """

    random: Random = field(default_factory=Random)
    fault_rate: float = 0.0
    other_work: Callable[[], None] = lambda: None
    depth: int = 0

    def make(self, name: str, call: Callable[..., Any], *args: Any) -> Any:
        """Makes a call of a port, with a fault or without."""
        draw = self.random.random() if self.fault_rate else 1.0
        if draw >= self.fault_rate:
            return call(*args)
        fault = self.random.randrange(6)
        if fault < 2:
            self._do_other_work()
            return call(*args)
        if fault % 2:
            call(*args)
        raise UnavailableError(name) if fault < 4 else FunctionKilledError(name)

    def _do_other_work(self) -> None:
        """Other work may be interrupted by other work in turn, but only once: deeper nesting finds nothing more and takes long."""
        if self.depth < 2:
            self.depth += 1
            self.other_work()
            self.depth -= 1


@dataclass
class SignalsQueue(FakeSignals):
    """A FIFO queue of signals: one group's messages in order, without repeated deduplication ids.

    Some repeated messages are kept nevertheless: SQS remembers a deduplication id for five minutes only.
    """

    random: Random = field(kw_only=True)
    groups: dict[str, list[QueueMessage]] = field(default_factory=lambda: defaultdict(list))
    names: set[tuple[str, str]] = field(default_factory=set)
    in_flight: set[str] = field(default_factory=set)

    def send(self, queue_messages: Sequence[QueueMessage]) -> list[QueueMessage]:
        """Appends messages to their groups; no message fails."""
        for each in queue_messages:
            if (each.group, each.name) not in self.names or self.random.random() < 0.3:
                self.groups[each.group].append(each)
            self.names.add((each.group, each.name))
        return []

    @property
    def available(self) -> list[str]:
        """The groups that have a message and that no function is working on."""
        return sorted(group for group, queue_messages in self.groups.items() if queue_messages and group not in self.in_flight)


class SimulatedSystem:
    """A workspace with an intake, a queue and a matcher, without any events at first. `fault_rate` is the share of calls that go wrong."""

    def __init__(self, random: Random, fault_rate: float) -> None:
        self.random, self.fault_rate = random, fault_rate
        self.faults = FaultInjector(random=random, fault_rate=fault_rate, other_work=self.deliver_one)
        self.matcher = MatchHarness(port_calls=self.faults, journeys=FakeJourneys())
        self.matcher.journeys.publish(STANDS, ENDS, KEYED, WAITS)
        self.matcher.workspaces.schemas["w1"] = SCHEMA
        self.queue = self.matcher.signals = SignalsQueue(random=random)
        self.linked = LinkedIdCache()
        self.received, self.requests = RECEIVED, 0
        self.redelivered: set[QueueMessage] = set()
        self.decisions: dict[str, Reason | None] = {}

    def process(self, batches: Sequence[Sequence[GeneratedEvent]]) -> None:
        """Posts all batches, with a random number of deliveries after each, then processes the rest without faults."""
        for batch in batches:
            self.post([event.wire for event in batch])
            for _ in range(self.random.choice((0, 1, 2, 4, 8))):
                self.deliver_one()
        self.deliver_all()

    def deliver_all(self) -> None:
        """Processes everything in the queue without faults."""
        self.faults.fault_rate = 0.0
        while self.queue.available:
            self.deliver_one()
        self.faults.fault_rate = self.fault_rate

    def pass_days(self, days: int) -> None:
        """Advances the time by some days. Each timer that is due by then fires twice."""
        self.received += timedelta(days=days)
        due = [timer for timer in self.matcher.timers.armed.values() if timer.due <= self.received]
        for timer in (*due, *due):
            self.queue.send([to_queue_message(TimerDue(timer))])
        while self.queue.available and self.random.random() < 0.9:
            self.deliver_one()
        self.deliver_all()

    def post(self, raw: Sequence[Mapping[str, Any]]) -> None:
        """Posts a batch as a client that retries until it gets a response."""
        while True:
            try:
                self._post(raw)
                return
            except (UnavailableError, FunctionKilledError):
                continue

    def _post(self, raw: Sequence[Mapping[str, Any]]) -> None:
        self.requests += 1
        self.received += timedelta(milliseconds=1)
        request_context = RequestContext("w1", SCHEMA, self.received, f"request-{self.requests}")
        linked = self.linked if self.random.random() < 0.7 else LinkedIdCache()
        ports = InterceptedPort(self.matcher.customers, self.faults), InterceptedPort(self.queue, self.faults)
        seconds = iter(range(1000))
        threads = InlineExecutor()
        intake = IngestDependencies(*ports, FakeRejectedEvents(), linked, threads, threads, threads, lambda: None)
        budget = TimeBudget(lambda: next(seconds) / 100, threads)
        outcome = ingest(parse({"batch": list(raw)}, request_context), request_context, intake, budget)
        for event, entry in zip(raw, outcome.results, strict=True):
            if not isinstance(entry, Accepted):
                self._record_decision(event["uuid"], Reason(entry.code))

    def deliver_one(self) -> None:
        """Delivers the first signal of one group. The delivery may fail, and the signal may come again although it succeeded."""
        if not self.queue.available:
            return
        group = self.random.choice(self.queue.available)
        first = self.queue.groups[group][0]
        self.queue.in_flight.add(group)
        try:
            self._match(first)
        except (UnavailableError, FunctionKilledError):
            self.redelivered.add(first)
        else:
            self._delete(group, first)
        finally:
            self.queue.in_flight.discard(group)

    def _match(self, queue_message: QueueMessage) -> None:
        signal = from_wire(exact_json.loads(queue_message.body))
        if self.random.random() < 0.2:
            self.matcher.clear_caches()
        self.matcher.match(signal, self.received, redelivered=queue_message in self.redelivered, group=queue_message.group)

    def _delete(self, group: str, queue_message: QueueMessage) -> None:
        """Deletes a processed message from the queue; with faults, sometimes only after another delivery."""
        if self.faults.fault_rate and self.random.random() < 0.1:
            self.redelivered.add(queue_message)
        else:
            self.queue.groups[group].pop(0)
            self.redelivered.discard(queue_message)

    def _record_decision(self, uuid: str, decision: Reason | None) -> None:
        """Records the decision about an event; a repeated event must get the same one."""
        assert self.decisions.setdefault(uuid, decision) == decision

    def rejected(self) -> dict[str, Reason]:
        """The reasons for which the intake or the matcher rejected events, by uuid."""
        at_match = {receipt.uuid: receipt.reason for receipt in self.matcher.receipts.stored.values() if receipt.reason is not None}
        at_intake = {uuid: reason for uuid, reason in self.decisions.items() if reason is not None}
        return at_match | at_intake

    def customer(self, identifier: Identifier) -> Customer | None:
        """The customer of an identifier."""
        return assemble(find_rows(self.matcher.customers, "w1", identifier), SCHEMA.primary_key)

    def current_ids(self, identifiers: Iterable[Identifier]) -> dict[str, str]:
        """The current customer id for each customer id that the customers of these identifiers have or had."""
        customers = [customer for customer in map(self.customer, identifiers) if customer is not None]
        return {past: customer.id for customer in customers for past in (customer.id, *customer.merged_ids)}

    def entered(self, identifiers: Iterable[Identifier]) -> dict[tuple[str, str, str], list[Run]]:
        """All runs that were ever entered, by current customer id, journey and value of the re-entry key."""
        current = self.current_ids(identifiers)
        receipts = self.matcher.receipts.stored.values()
        owners = {move.run: current[receipt.customer] for receipt in receipts for move in receipt.journeys if move.outcome == "entered"}
        runs: dict[tuple[str, str, str], list[Run]] = defaultdict(list)
        for run in self.matcher.runs.all:
            runs[owners[run.id], run.journey, run.key].append(run)
        return runs

    def shown_customer(self, identifier: Identifier) -> ExpectedCustomer | None:
        """The customer of an identifier in the form of the reference model."""
        customer = self.customer(identifier)
        if customer is None:
            return None
        return ExpectedCustomer(customer.primary, frozenset(customer.correlation_ids), customer.attributes, customer.tokens)
