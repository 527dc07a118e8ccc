"""Intake and matcher over one set of fakes, in bad weather: calls fail, answers get lost, others come in between, signals come again."""

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
from tests.model.history_generator import Told
from tests.model.reference_model import Person
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


class Killed(BaseException):
    """The function is gone in the middle of its work."""


@dataclass
class FaultInjector(PortCalls):
    """What befalls calls of ports: they fail before or after, their caller dies, or somebody else's whole work fits in before."""

    random: Random = field(default_factory=Random)
    bad: float = 0.0
    meanwhile: Callable[[], None] = lambda: None
    depth: int = 0

    def make(self, name: str, call: Callable[..., Any], *args: Any) -> Any:
        luck = self.random.random() if self.bad else 1.0
        if luck >= self.bad:
            return call(*args)
        fate = self.random.randrange(6)
        if fate < 2:
            self._while_others_work()
            return call(*args)
        if fate % 2:
            call(*args)
        raise UnavailableError(name) if fate < 4 else Killed(name)

    def _while_others_work(self) -> None:
        if self.depth < 2:
            self.depth += 1
            self.meanwhile()
            self.depth -= 1


@dataclass
class Queue:
    """The signals queue: a group's signals one after another; the same name again is swallowed as long as it is remembered."""

    random: Random
    groups: dict[str, list[QueueMessage]] = field(default_factory=lambda: defaultdict(list))
    names: set[tuple[str, str]] = field(default_factory=set)
    taken: set[str] = field(default_factory=set)

    def send(self, queue_messages: Sequence[QueueMessage]) -> list[QueueMessage]:
        for each in queue_messages:
            if (each.group, each.name) not in self.names or self.random.random() < 0.3:
                self.groups[each.group].append(each)
            self.names.add((each.group, each.name))
        return []

    @property
    def waiting(self) -> list[str]:
        """The groups that somebody may work on now."""
        return sorted(group for group, queue_messages in self.groups.items() if queue_messages and group not in self.taken)


class SimulatedSystem:
    """A workspace from its first event on. `bad` is how probable it is that something befalls a call."""

    def __init__(self, random: Random, bad: float) -> None:
        self.random, self.bad = random, bad
        self.faults = FaultInjector(random=random, bad=bad, meanwhile=self.somebody_works)
        self.world = MatchHarness(port_calls=self.faults, journeys=FakeJourneys())
        self.world.journeys.publish(STANDS, ENDS, KEYED, WAITS)
        self.world.workspaces.schemas["w1"] = SCHEMA
        self.queue = Queue(random)
        self.linked = LinkedIdCache()
        self.received, self.requests = RECEIVED, 0
        self.again: set[QueueMessage] = set()
        self.verdicts: dict[str, Reason | None] = {}

    def live_through(self, batches: Sequence[Sequence[Told]]) -> None:
        """Posts all batches, with any number of signals matched in between; then the sun comes out and all is finished."""
        for batch in batches:
            self.post([told.wire for told in batch])
            for _ in range(self.random.choice((0, 1, 2, 4, 8))):
                self.somebody_works()
        self.finish()

    def finish(self) -> None:
        """Matches whatever is queued, with nothing in the way."""
        self.faults.bad = 0.0
        while self.queue.waiting:
            self.somebody_works()
        self.faults.bad = self.bad

    def let_timers_come(self, days: int) -> None:
        """Some days pass; what was to come by then comes, each timer twice."""
        self.received += timedelta(days=days)
        due = [timer for timer in self.world.timers.armed.values() if timer.due <= self.received]
        for timer in (*due, *due):
            self.queue.send([to_queue_message(TimerDue(timer))])
        while self.queue.waiting and self.random.random() < 0.9:
            self.somebody_works()
        self.finish()

    def post(self, raw: Sequence[Mapping[str, Any]]) -> None:
        """A client that posts until it is answered."""
        while True:
            try:
                self._post(raw)
                return
            except (UnavailableError, Killed):
                continue

    def _post(self, raw: Sequence[Mapping[str, Any]]) -> None:
        self.requests += 1
        request_context = RequestContext("w1", SCHEMA, self.received, f"request-{self.requests}")
        linked = self.linked if self.random.random() < 0.7 else LinkedIdCache()
        ports = InterceptedPort(self.world.customers, self.faults), InterceptedPort(self.queue, self.faults)
        seconds = iter(range(1000))
        intake = IngestDependencies(*ports, FakeRejectedEvents(), linked, InlineExecutor(), lambda: None)
        outcome = ingest(parse({"batch": list(raw)}, request_context), request_context, intake, lambda: next(seconds) / 100)
        for told, entry in zip(raw, outcome.results, strict=True):
            if not isinstance(entry, Accepted):
                self._judge(told["uuid"], Reason(entry.code))

    def somebody_works(self) -> None:
        """One delivery of one group's first signal, which may fail, and may come again though it did not."""
        if not self.queue.waiting:
            return
        group = self.random.choice(self.queue.waiting)
        first = self.queue.groups[group][0]
        self.queue.taken.add(group)
        try:
            self._match(first)
        except (UnavailableError, Killed):
            self.again.add(first)
        else:
            self._done(group, first)
        finally:
            self.queue.taken.discard(group)

    def _match(self, queue_message: QueueMessage) -> None:
        signal = from_wire(exact_json.loads(queue_message.body))
        if self.random.random() < 0.2:
            self.world.clear_caches()
        self.world.match(signal, self.received, redelivered=queue_message in self.again)

    def _done(self, group: str, queue_message: QueueMessage) -> None:
        if self.faults.bad and self.random.random() < 0.1:
            self.again.add(queue_message)
        else:
            self.queue.groups[group].pop(0)
            self.again.discard(queue_message)

    def _judge(self, uuid: str, verdict: Reason | None) -> None:
        """What was decided about an event stays decided."""
        assert self.verdicts.setdefault(uuid, verdict) == verdict

    def refused(self) -> dict[str, Reason]:
        """Why events were refused, at the intake or by the matcher."""
        late = {receipt.uuid: receipt.reason for receipt in self.world.receipts.stored.values() if receipt.reason is not None}
        at_once = {uuid: reason for uuid, reason in self.verdicts.items() if reason is not None}
        return late | at_once

    def customer(self, name: Identifier) -> Customer | None:
        """The customer behind an identifier."""
        return assemble(find_rows(self.world.customers, "w1", name), SCHEMA.primary_key)

    def everybody(self, names: Iterable[Identifier]) -> dict[str, str]:
        """All ids of ours that these people have or had, each with the one that it is now."""
        found = [customer for customer in map(self.customer, names) if customer is not None]
        return {once: customer.id for customer in found for once in (customer.id, *customer.merged_ids)}

    def entered(self, names: Iterable[Identifier]) -> dict[tuple[str, str, str], list[Run]]:
        """All runs there ever were, by whose they are now, journey and key."""
        now = self.everybody(names)
        receipts = self.world.receipts.stored.values()
        owners = {move.run: now[receipt.customer] for receipt in receipts for move in receipt.journeys if move.outcome == "entered"}
        runs: dict[tuple[str, str, str], list[Run]] = defaultdict(list)
        for run in self.world.runs.all:
            runs[owners[run.id], run.journey, run.key].append(run)
        return runs

    def person(self, name: Identifier) -> Person | None:
        """The same without our id."""
        found = self.customer(name)
        return Person(found.primary, frozenset(found.correlation_ids), found.attributes, found.tokens) if found else None
