"""The matcher on fakes in memory, of which every port call can be made to fail, before or after it takes effect."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from tests.fakes.consents import FakeConsentHistory
from tests.fakes.customers import FakeCustomers
from tests.fakes.journey_counters import FakeJourneyCounters
from tests.fakes.journeys import FakeJourneys
from tests.fakes.log import FakeLog
from tests.fakes.messages import NOW, FakeMessages, FakeOptOuts, FakeSendQueue
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
from waypost.domain.signal_codec import from_wire
from waypost.domain.signals import EventsArrived, Signal
from waypost.domain.values import exact_json
from waypost.domain.values.generated_ids import customer_id
from waypost.erasure import ErasureDependencies
from waypost.match.dependencies import MatchDependencies
from waypost.match.dispatch import match
from waypost.match.journey_counting import CountBuffer

T = TypeVar("T")

SCHEMA = Schema(primary_key=PrimaryKey(name="email", type="Email"))
CUSTOMER = customer_id("w1", "correlation", "device-1")
"""The id of the customer of the events of `arrived`, unless they name another."""


def arrived(*raw: dict[str, Any], at: datetime = NOW, historical: bool = False, workspace: str = "w1", **known: Any) -> EventsArrived:
    """The signal that the intake makes of these events of one customer. An event without a uuid gets `e<position>`."""
    filled = [{"correlationKey": "_id", "correlationValue": "device-1", "uuid": f"e{place}", **each} for place, each in enumerate(raw)]
    entries = parse({"batch": filled}, RequestContext(workspace, SCHEMA, at, "request-1")).results
    events = tuple(entry.event for entry in entries if isinstance(entry, Accepted))
    assert len(events) == len(entries)
    customer = customer_id(workspace, events[0].identifier.kind, events[0].identifier.value)
    return replace(EventsArrived(workspace, customer, None, known=False, received_at=at, historical=historical, events=events), **known)


class Finished(Future[T]):
    """A future that has ended, without the lock of other futures: no thread waits for it, and the random histories make 250,000 of them."""

    def __init__(self, outcome: T | UnavailableError) -> None:
        self._outcome = outcome

    def result(self, timeout: float | None = None) -> T:
        if isinstance(self._outcome, UnavailableError):
            raise self._outcome
        return self._outcome


class InlineExecutor(Executor):
    """Runs what is submitted before it returns, so that port calls have one order."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        try:
            return Finished(fn(*args, **kwargs))
        except UnavailableError as error:
            return Finished(error)


def _no_erasure() -> ErasureDependencies:
    raise AssertionError("no signal here is of an erasure")


@dataclass
class PortCalls:
    """Records port calls and makes the one at position `fail_at` fail once.

    It fails before it takes effect, or `after` it, so that only its result is lost.
    """

    fail_at: int | None = None
    after: bool = False
    calls: list[str] = field(default_factory=list)

    def make(self, name: str, call: Callable[..., Any], *args: Any) -> Any:
        """Makes a call, unless it is the one that fails before it takes effect."""
        position = len(self.calls)
        self.calls.append(name)
        if position == self.fail_at and not self.after:
            raise UnavailableError(f"failed before {name}")
        result = call(*args)
        if position == self.fail_at:
            raise UnavailableError(f"failed after {name}")
        return result


class InterceptedPort:
    """A port whose calls go through `PortCalls`."""

    def __init__(self, port: object, port_calls: PortCalls) -> None:
        self._port, self._port_calls = port, port_calls

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._port, name)
        return lambda *args: self._port_calls.make(f"{type(self._port).__name__}.{name}", call, *args)


@dataclass
class MatchHarness:
    """A matcher with all of its dependencies."""

    port_calls: PortCalls = field(default_factory=PortCalls)
    log_all: bool = True
    customers: FakeCustomers = field(default_factory=FakeCustomers)
    workspaces: FakeWorkspaces = field(default_factory=FakeWorkspaces)
    journeys: FakeJourneys = field(default_factory=FakeJourneys)
    send_queue: FakeSendQueue = field(default_factory=FakeSendQueue)
    messages: FakeMessages = field(default_factory=FakeMessages)
    receipts: FakeReceipts = field(default_factory=FakeReceipts)
    signals: FakeSignals = field(default_factory=FakeSignals)
    timers: FakeTimers = field(default_factory=FakeTimers)
    opt_outs: FakeOptOuts = field(default_factory=FakeOptOuts)
    consents: FakeConsentHistory = field(default_factory=FakeConsentHistory)
    counters: FakeJourneyCounters = field(default_factory=FakeJourneyCounters)
    counted: CountBuffer = field(default_factory=CountBuffer)

    def __post_init__(self) -> None:
        self.runs = FakeRuns(self.receipts, self.messages)
        self.log = FakeLog(self.receipts)
        self.snapshots = self._snapshots()

    def match(
        self,
        signal: Signal,
        now: datetime = NOW,
        *,
        redelivered: bool = False,
        group: str | None = None,
        accepted_at: datetime | None = None,
    ) -> list[Receipt]:
        """One delivery of a signal, in the message group of the customer that it names or in another one."""
        return match(signal, now, self.ports(), redelivered=redelivered, group=group, accepted_at=accepted_at)

    def deliver(self, signals: Sequence[Signal], now: datetime = NOW) -> int:
        """Delivers signals in order, each until it succeeds, then those that they moved to other groups. Returns the failed deliveries."""
        failures = 0
        left: list[tuple[Signal, str | None]] = [(signal, None) for signal in signals]
        for signal, group in left:
            redelivered = False
            while True:
                try:
                    self.match(signal, now, redelivered=redelivered, group=group)
                    break
                except UnavailableError:
                    failures += 1
                    redelivered = True
            left += [(from_wire(exact_json.loads(each.body)), each.group) for each in self.signals.queue_messages]
            self.signals.queue_messages.clear()
        return failures

    def clear_caches(self) -> None:
        """Makes the next delivery run in a function that has just started."""
        self.snapshots = self._snapshots()

    def receipt(self, uuid: str = "e0") -> Receipt:
        """The receipt of an event of the workspace `w1`, which must exist."""
        return self.receipts.stored["w1", uuid]

    @property
    def queued(self) -> set[str]:
        """The messages that were put on the send queue at least once."""
        return {name for _, name, _ in self.send_queue.records}

    def _snapshots(self) -> Snapshots:
        return Snapshots(self._intercepted(self.journeys), self._intercepted(self.workspaces))

    def _intercepted(self, port: object) -> Any:
        return InterceptedPort(port, self.port_calls)

    def ports(self) -> MatchDependencies:
        """The dependencies of the matcher."""
        names = ("customers", "runs", "receipts", "log", "messages", "send_queue", "signals", "timers", "consents", "opt_outs", "counters")
        ports = {name: self._intercepted(getattr(self, name)) for name in names}
        return MatchDependencies(
            journeys=self._intercepted(self.journeys),
            snapshots=self.snapshots,
            executor=InlineExecutor(),
            erasing=_no_erasure,
            counted=self.counted,
            log_all=self.log_all,
            **ports,
        )
