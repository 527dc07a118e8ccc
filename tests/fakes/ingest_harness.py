"""The intake on fakes, and functions for events as clients send them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from tests.fakes.customers import FakeCustomers
from tests.fakes.rejected_events import FakeRejectedEvents
from tests.fakes.signals import FakeSignals
from waypost.cache.linked_ids import LinkedIdCache
from waypost.domain.customers.schema import PrimaryKey, Schema
from waypost.domain.intake.batch_parser import RequestContext, parse
from waypost.domain.intake.events import Accepted, Event, IntakeResult, Rejected
from waypost.ingest.batch import IngestResult, ingest
from waypost.ingest.dependencies import IngestDependencies
from waypost.ingest.time_budget import TimeBudget

NOW = datetime(2026, 11, 23, 5, 17, 13, 1000, tzinfo=UTC)
SCHEMA = Schema(primary_key=PrimaryKey(name="email", type="Email"))
ADA = "ada@example.com"

T = TypeVar("T")


def request_context(**changes: Any) -> RequestContext:
    """The context of a request that arrives now in the workspace w1, whose primary key is an e-mail address."""
    return replace(RequestContext("w1", SCHEMA, NOW, "request-1"), **changes)


def wire(event: Any = "bought", **fields: Any) -> dict[str, Any]:
    """An event as clients send it; a field with the value `...` is left out."""
    event_fields = {"correlationKey": "_id", "correlationValue": "device-1", "event": event} | fields
    return {name: value for name, value in event_fields.items() if value is not ...}


def identify(primary: Any = ADA, value: Any = "device-1", at: Any = "2026-11-23T05:00:00Z", **payload: Any) -> dict[str, Any]:
    """An `$identify`; further arguments are attributes."""
    return wire("$identify", correlationValue=value, timestamp=at, payload={"distinct_id": primary, **payload})


def result_of(raw: Any, **changes: Any) -> IntakeResult:
    """The result of parsing one event, in a batch of its own."""
    return parse({"batch": [raw]}, request_context(**changes)).results[0]


def accepted(raw: Any, **changes: Any) -> Accepted:
    """The result of an event that must be accepted."""
    result = result_of(raw, **changes)
    assert isinstance(result, Accepted), result
    return result


def event_of(raw: Any, **changes: Any) -> Event:
    """The parsed event of an event that must be accepted."""
    return accepted(raw, **changes).event


def rejected(raw: Any, **changes: Any) -> tuple[str, str]:
    """Code and pointer of an event that must be rejected."""
    result = result_of(raw, **changes)
    assert isinstance(result, Rejected), result
    return result.code, result.pointer


def warning_codes(raw: Any, **changes: Any) -> set[str]:
    """The codes of the warnings of an event that must be accepted, without `not-repeatable`."""
    return {warning.code for warning in accepted(raw, **changes).warnings} - {"not-repeatable"}


@dataclass
class RequestClock:
    """Seconds since the request arrived. They pass only in pauses, of a quarter of a second each."""

    seconds: float = 0

    def __call__(self) -> float:
        return self.seconds

    def pause(self) -> None:
        """The pause between two attempts to send."""
        self.seconds += 0.25


class VirtualFuture(Future[T]):
    """The future of a `VirtualExecutor`: waiting for it lets the time pass on the clock."""

    def __init__(self, clock: RequestClock, done_at: float) -> None:
        super().__init__()
        self.clock, self.done_at = clock, done_at

    def result(self, timeout: float | None = None) -> T:
        """The result, at the time at which the work is done."""
        if timeout is not None and self.done_at > self.clock.seconds + timeout:
            self.clock.seconds += timeout
            raise TimeoutError
        self.clock.seconds = max(self.clock.seconds, self.done_at)
        return super().result(0)


@dataclass
class VirtualExecutor(Executor):
    """A pool of threads whose work takes time on a clock only: as long as the work itself moves the clock forward.

    Work that finds no free thread starts when one is free. All work is done at once in real time, also the work that a caller gives up.
    """

    clock: RequestClock
    threads: int = 10
    free_at: list[float] = field(default_factory=list)

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Does the work, and sets the clock back to the time of the call."""
        submitted_at = self.clock.seconds
        busy = [each for each in self.free_at if each > submitted_at]
        self.clock.seconds = sorted(busy)[-self.threads] if len(busy) >= self.threads else submitted_at
        done = _outcome(fn, *args, **kwargs)
        future = VirtualFuture[T](self.clock, self.clock.seconds)
        self.free_at = [*busy, self.clock.seconds]
        self.clock.seconds = submitted_at
        done(future)
        return future


def _outcome(fn: Callable[..., T], *args: Any, **kwargs: Any) -> Callable[[Future[T]], None]:
    """Calls a function; returns what sets a future to its result or to its exception."""
    try:
        result = fn(*args, **kwargs)
    except Exception as error:  # noqa: BLE001 - the future raises it
        raised = error
        return lambda future: future.set_exception(raised)
    return lambda future: future.set_result(result)


@dataclass
class IngestHarness:
    """The use case on fakes. All dependencies may be replaced."""

    customers: FakeCustomers = field(default_factory=FakeCustomers)
    signals: FakeSignals = field(default_factory=FakeSignals)
    rejected: FakeRejectedEvents = field(default_factory=FakeRejectedEvents)
    linked: LinkedIdCache = field(default_factory=LinkedIdCache)
    clock: RequestClock = field(default_factory=RequestClock)
    lookups: Executor = field(default_factory=lambda: ThreadPoolExecutor(2))
    identifying: Executor = field(default_factory=lambda: ThreadPoolExecutor(1))
    sending: Executor = field(default_factory=lambda: ThreadPoolExecutor(1))

    def post(self, *events: Any, bare: bool = False, **envelope: Any) -> IngestResult:
        """Ingests a batch (or, if `bare`, one event) as the handler does."""
        context = request_context(bare=bare)
        body = events[0] if bare else {"batch": list(events), **envelope}
        return ingest(parse(body, context), context, self.dependencies, self.budget)

    @property
    def dependencies(self) -> IngestDependencies:
        """The fakes as the use case gets them."""
        pools = (self.lookups, self.identifying, self.sending)
        return IngestDependencies(self.customers, self.signals, self.rejected, self.linked, *pools, self.clock.pause)

    @property
    def budget(self) -> TimeBudget:
        """The time budget of a request that arrived at second 0 of the clock."""
        return TimeBudget(self.clock, self.lookups)

    def use_virtual_threads(self) -> None:
        """Makes all calls on virtual threads, so that calls that take or hang for seconds take no time of the test."""
        self.lookups, self.identifying, self.sending = (VirtualExecutor(self.clock, threads) for threads in (32, 10, 10))

    def clear_calls(self) -> None:
        """Empties the lists of calls and the queue."""
        self.customers.calls.clear()
        self.signals.calls.clear()
        self.signals.queue_messages.clear()


def codes(ingested: IngestResult) -> list[str]:
    """`accepted`, or the code of the error, for each event of a batch."""
    return ["accepted" if isinstance(result, Accepted) else result.code for result in ingested.results]
