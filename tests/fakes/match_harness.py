"""The matcher's world in memory, with a wire that can be cut before and after every call of a port."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from tests.fakes.customers import FakeCustomers
from tests.fakes.journeys import FakeJourneys
from tests.fakes.log import FakeLog
from tests.fakes.messages import NOW, FakeMessages, FakeSendQueue
from tests.fakes.receipts import FakeReceipts
from tests.fakes.runs import FakeRuns
from tests.fakes.signals import FakeSignals
from tests.fakes.timers import FakeTimers
from tests.fakes.workspaces import FakeWorkspaces
from waypost.cache.workspace_cache import Snapshots
from waypost.domain.customers.schema import PrimaryKey, Schema
from waypost.domain.errors import UnavailableError
from waypost.domain.intake.batch_parser import RequestContext, parse
from waypost.domain.intake.events import Accepted
from waypost.domain.intake.receipts import Receipt
from waypost.domain.signals import EventsArrived, Signal
from waypost.domain.values.generated_ids import customer_id
from waypost.match.dependencies import MatchDependencies
from waypost.match.dispatch import match

T = TypeVar("T")

SCHEMA = Schema(primary_key=PrimaryKey(name="email", type="Email"))
EVERYBODY = customer_id("w1", "correlation", "device-1")
"""The id of the customer that the events of `arrived` are about, unless they say otherwise."""


def arrived(*raw: dict[str, Any], at: datetime = NOW, historical: bool = False, workspace: str = "w1", **known: Any) -> EventsArrived:
    """The signal that the intake makes of these events of one customer; without a uuid the n-th is `e<n>`."""
    filled = [{"correlationKey": "_id", "correlationValue": "device-1", "uuid": f"e{place}", **each} for place, each in enumerate(raw)]
    entries = parse({"batch": filled}, RequestContext(workspace, SCHEMA, at, "request-1")).results
    events = tuple(entry.event for entry in entries if isinstance(entry, Accepted))
    assert len(events) == len(entries)
    customer = customer_id(workspace, events[0].identifier.kind, events[0].identifier.value)
    return replace(EventsArrived(workspace, customer, None, known=False, received_at=at, historical=historical, events=events), **known)


class AtOnce(Executor):
    """Runs what is submitted at once, so that calls have an order."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except UnavailableError as error:
            future.set_exception(error)
        return future


@dataclass
class Wire:
    """Counts calls of ports, and cuts one of them once: before it, so that it never happened, or after it, so that its answer is lost."""

    cut_at: int | None = None
    after: bool = False
    calls: list[str] = field(default_factory=list)

    def through(self, name: str, call: Callable[..., Any], *args: Any) -> Any:
        place = len(self.calls)
        self.calls.append(name)
        if place == self.cut_at and not self.after:
            raise UnavailableError(f"cut before {name}")
        answer = call(*args)
        if place == self.cut_at:
            raise UnavailableError(f"cut after {name}")
        return answer


class Wired:
    """A port at the other end of a wire."""

    def __init__(self, port: object, wire: Wire) -> None:
        self._port, self._wire = port, wire

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._port, name)
        return lambda *args: self._wire.through(f"{type(self._port).__name__}.{name}", call, *args)


@dataclass
class MatchHarness:
    """Everything that the matcher works on."""

    wire: Wire = field(default_factory=Wire)
    log_all: bool = True
    customers: FakeCustomers = field(default_factory=FakeCustomers)
    workspaces: FakeWorkspaces = field(default_factory=FakeWorkspaces)
    journeys: FakeJourneys = field(default_factory=FakeJourneys)
    send_queue: FakeSendQueue = field(default_factory=FakeSendQueue)
    messages: FakeMessages = field(default_factory=FakeMessages)
    receipts: FakeReceipts = field(default_factory=FakeReceipts)
    signals: FakeSignals = field(default_factory=FakeSignals)
    timers: FakeTimers = field(default_factory=FakeTimers)

    def __post_init__(self) -> None:
        self.runs = FakeRuns(self.receipts, self.messages)
        self.log = FakeLog(self.receipts)
        self.snapshots = self._snapshots()

    def match(self, signal: Signal, now: datetime = NOW, *, redelivered: bool = False) -> list[Receipt]:
        """One delivery of a signal."""
        return match(signal, now, self.ports(), redelivered=redelivered)

    def deliver(self, signals: Sequence[Signal], now: datetime = NOW) -> int:
        """Delivers signals in order, each until it is done; how many deliveries failed."""
        failures = 0
        for signal in signals:
            redelivered = False
            while True:
                try:
                    self.match(signal, now, redelivered=redelivered)
                    break
                except UnavailableError:
                    failures += 1
                    redelivered = True
        return failures

    def forget(self) -> None:
        """Makes the next delivery meet a cold function."""
        self.snapshots = self._snapshots()

    def receipt(self, uuid: str = "e0") -> Receipt:
        """The receipt of an event of the workspace `w1`; it must be there."""
        return self.receipts.stored["w1", uuid]

    @property
    def queued(self) -> set[str]:
        """The messages that were put on the send queue at least once."""
        return {name for _, name, _ in self.send_queue.records}

    def _snapshots(self) -> Snapshots:
        return Snapshots(self._wired(self.journeys), self._wired(self.workspaces))

    def _wired(self, port: object) -> Any:
        return Wired(port, self.wire)

    def ports(self) -> MatchDependencies:
        """What the matcher is given."""
        names = ("customers", "runs", "receipts", "log", "messages", "send_queue", "signals", "timers")
        ports = {name: self._wired(getattr(self, name)) for name in names}
        return MatchDependencies(
            journeys=self._wired(self.journeys), snapshots=self.snapshots, executor=AtOnce(), log_all=self.log_all, **ports
        )
