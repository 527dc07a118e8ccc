"""The intake's world in memory, and short ways to say what arrives."""

from __future__ import annotations

from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from tests.fakes.customers import FakeCustomers
from tests.fakes.rejected_events import FakeRejectedEvents
from tests.fakes.signals import FakeSignals
from waypost.cache.linked_ids import LinkedIdCache
from waypost.domain.customers.schema import PrimaryKey, Schema
from waypost.domain.intake.batch_parser import RequestContext, parse
from waypost.domain.intake.events import Accepted, Event, Rejected
from waypost.ingest.batch import IngestResult, ingest
from waypost.ingest.dependencies import IngestDependencies

NOW = datetime(2026, 11, 23, 5, 17, 13, 1000, tzinfo=UTC)
SCHEMA = Schema(primary_key=PrimaryKey(name="email", type="Email"))
ADA = "ada@example.com"


def request_context(**changes: Any) -> RequestContext:
    """A batch that arrives now in the workspace w1, whose customers are named by e-mail address."""
    return replace(RequestContext("w1", SCHEMA, NOW, "request-1"), **changes)


def wire(event: Any = "bought", **fields: Any) -> dict[str, Any]:
    """An event as callers send it; a field that is `...` is left out."""
    written = {"correlationKey": "_id", "correlationValue": "device-1", "event": event} | fields
    return {name: value for name, value in written.items() if value is not ...}


def identify(primary: Any = ADA, value: Any = "device-1", at: Any = "2026-11-23T05:00:00Z", **payload: Any) -> dict[str, Any]:
    """An `$identify`; more arguments are attributes."""
    return wire("$identify", correlationValue=value, timestamp=at, payload={"distinct_id": primary, **payload})


def entry_of(raw: Any, **changes: Any) -> Accepted | Rejected:
    """What becomes of one event in a batch of its own."""
    return parse({"batch": [raw]}, request_context(**changes)).results[0]


def accepted(raw: Any, **changes: Any) -> Accepted:
    """One event that is accepted, with its warnings."""
    entry = entry_of(raw, **changes)
    assert isinstance(entry, Accepted), entry
    return entry


def event_of(raw: Any, **changes: Any) -> Event:
    """One event that is accepted."""
    return accepted(raw, **changes).event


def rejected(raw: Any, **changes: Any) -> tuple[str, str]:
    """Code and pointer of one event that is refused."""
    entry = entry_of(raw, **changes)
    assert isinstance(entry, Rejected), entry
    return entry.code, entry.pointer


def warned(raw: Any, **changes: Any) -> set[str]:
    """The codes of an accepted event's warnings, but for `not-repeatable`."""
    return {warning.code for warning in accepted(raw, **changes).warnings} - {"not-repeatable"}


@dataclass
class Clock:
    """Seconds since the request came; a pause takes a quarter of a second without waiting for it."""

    seconds: float = 0

    def __call__(self) -> float:
        return self.seconds

    def pause(self) -> None:
        """A pause between two attempts."""
        self.seconds += 0.25


@dataclass
class Intake:
    """The use case on fakes."""

    customers: FakeCustomers = field(default_factory=FakeCustomers)
    signals: FakeSignals = field(default_factory=FakeSignals)
    rejected: FakeRejectedEvents = field(default_factory=FakeRejectedEvents)
    linked: LinkedIdCache = field(default_factory=LinkedIdCache)
    clock: Clock = field(default_factory=Clock)
    executor: Executor = field(default_factory=lambda: ThreadPoolExecutor(1))

    def post(self, *events: Any, bare: bool = False, **envelope: Any) -> IngestResult:
        """Takes a batch (or, if `bare`, one event) as the door does."""
        here = request_context(bare=bare)
        body = events[0] if bare else {"batch": list(events), **envelope}
        world = IngestDependencies(self.customers, self.signals, self.rejected, self.linked, self.executor, self.clock.pause)
        return ingest(parse(body, here), here, world, self.clock)

    def forget_calls(self) -> None:
        """Starts counting calls anew."""
        self.customers.calls.clear()
        self.signals.calls.clear()
        self.signals.queue_messages.clear()


def codes(outcome: IngestResult) -> list[str]:
    """`accepted`, or the code of the refusal, for each event."""
    return ["accepted" if isinstance(entry, Accepted) else entry.code for entry in outcome.results]
