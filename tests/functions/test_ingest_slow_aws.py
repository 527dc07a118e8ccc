"""The ingest function while AWS is slow or hangs: it answers within 10 seconds, and 503 only if the queue accepts nothing.

The calls take their time on a virtual clock, except in the last test (docs/events.md#when-aws-is-slow).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.ingest import app
from tests.fakes.customers import FakeCustomers
from tests.fakes.ingest_harness import NOW, SCHEMA, IngestHarness, identify, wire
from tests.fakes.keys import TEXT, FakeKeys, stored
from tests.fakes.workspaces import FakeWorkspaces
from waypost import wiring
from waypost.cache.workspace_cache import Schemas
from waypost.domain.errors import UnavailableError
from waypost.domain.values import exact_json
from waypost.web.authentication import Authenticator

HANGING = 7.0
"""The seconds after which a call to DynamoDB fails that gets no answer."""
HANGING_QUEUE = 3.0
"""The same for a call to SQS."""


@dataclass
class SlowPort:
    """A port each of whose calls takes `seconds`: those of these names, or all. `hangs`: then it fails. `made` counts the calls."""

    port: Any
    spend: Callable[[float], None]
    seconds: float = 0
    hangs: bool = False
    calls: frozenset[str] | None = None
    made: int = 0

    def __getattr__(self, name: str) -> Any:
        call = getattr(self.port, name)

        def slow(*args: Any) -> Any:
            self.made += 1
            if self.calls is None or name in self.calls:
                self.spend(self.seconds)
                if self.hangs:
                    raise UnavailableError("no answer")
            return call(*args)

        return slow


@dataclass
class Function:
    """A warm ingest function on ports that can be slow, and its clock."""

    harness: IngestHarness
    keys: SlowPort
    workspaces: SlowPort
    customers: SlowPort
    rejected: SlowPort
    signals: SlowPort
    age: timedelta = field(default=timedelta(0))

    def slow_down(self, *ports: SlowPort, seconds: float) -> None:
        """From here on each call of these ports takes this long."""
        for port in ports:
            port.seconds = seconds

    def hang(self, *ports: SlowPort, seconds: float = HANGING) -> None:
        """From here on each call of these ports hangs and fails after this long."""
        for port in ports:
            port.seconds, port.hangs = seconds, True

    def post(self, *events: Any, key: str = TEXT) -> tuple[int, float]:
        """The status of the answer to a batch, and the seconds that it took."""
        started = self.harness.clock.seconds
        headers = {"Authorization": f"Api-Key {key}", "Content-Type": "application/json"}
        event = {"httpMethod": "POST", "path": "/events/batch", "headers": headers, "requestContext": {"requestId": "r-1"}}
        status = app.lambda_handler(event | {"body": exact_json.dumps({"batch": events})}, LambdaContext())["statusCode"]
        return status, self.harness.clock.seconds - started


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> Function:
    """A function that has read its key and schema, just now."""
    harness = IngestHarness()
    harness.use_virtual_threads()

    def spend(seconds: float) -> None:
        harness.clock.seconds += seconds

    def slow(port: Any) -> SlowPort:
        return SlowPort(port, spend)

    keys = FakeKeys()
    keys.add(stored(last_used_on=f"{NOW:%Y-%m-%d}"))
    function = Function(
        harness, slow(keys), slow(FakeWorkspaces({"w1": SCHEMA})), slow(harness.customers), slow(harness.rejected), slow(harness.signals)
    )
    harness.customers, harness.rejected, harness.signals = function.customers, function.rejected, function.signals  # type: ignore[assignment]
    authenticator, schemas = Authenticator(function.keys), Schemas(function.workspaces)
    monkeypatch.setattr("functions.ingest.app.time", SimpleNamespace(monotonic=harness.clock))
    monkeypatch.setattr(wiring, "now", lambda: NOW + function.age + timedelta(seconds=harness.clock.seconds))
    monkeypatch.setattr(wiring, "authenticator", lambda: authenticator)
    monkeypatch.setattr(wiring, "schemas", lambda: schemas)
    monkeypatch.setattr(wiring, "intake", lambda: harness.dependencies)
    assert function.post(wire()) == (201, 0)
    return function


def queued(function: Function) -> int:
    """How many events are on the queue, without that of the fixture."""
    return sum(len(signal.events) for signal in function.signals.port.arrived) - 1


def new_customers(number: int) -> list[dict[str, Any]]:
    """The first `$identify` of so many customers."""
    return [identify(f"p{n}@example.com", value=f"device-{n}") for n in range(number)]


def test_with_old_caches_and_all_tables_hanging_a_batch_is_accepted(function: Function) -> None:
    """Key and schema cost a second together, then the ones in memory count: the healthy queue takes the events, in 4.5 seconds."""
    function.age = timedelta(seconds=61)
    function.hang(function.keys, function.workspaces, function.customers, function.rejected)
    assert function.post(wire(), *new_customers(20)) == (201, 4.5)
    assert queued(function) == 21


def test_the_next_request_does_not_wait_for_a_hanging_table_again(function: Function) -> None:
    """For five seconds after a failed read of the key and the schema, the ones in memory are used without a read."""
    function.age = timedelta(seconds=61)
    function.hang(function.keys, function.workspaces)
    assert function.post(wire()) == (201, 1)
    assert [function.post(wire()) for _ in range(3)] == [(201, 0)] * 3


def test_a_key_that_was_never_read_is_unavailable_while_its_table_hangs(function: Function) -> None:
    """The one other reason for 503, after six seconds: nobody knows whose events these are."""
    function.hang(function.keys)
    assert function.post(wire(), key="a-key-that-this-instance-never-read") == (503, 6)
    assert queued(function) == 0


def test_a_key_that_was_never_read_may_take_longer_than_a_second(function: Function) -> None:
    """A new instance, whose first reads take 2.4 seconds each, accepts events: 503 would lose them."""
    function.keys.port.add(stored("a-key-of-another-workspace", id="k_2", workspace="w2"))
    function.slow_down(function.keys, function.workspaces, function.customers, seconds=2.4)
    status, seconds = function.post(wire(), key="a-key-of-another-workspace")
    assert (status, queued(function)) == (201, 1)
    assert seconds < 10


def test_a_key_is_good_although_the_record_of_its_use_hangs(function: Function) -> None:
    """A keys table that is read but takes no writes costs a request at most the second of the key."""
    function.keys.calls = frozenset({"used"})
    function.hang(function.keys)
    function.age = timedelta(days=1)
    assert function.post(wire()) == (201, 1)


def test_sending_does_not_wait_behind_identifications(function: Function) -> None:
    """11 new customers and a customers table whose calls take 2.4 seconds: the ten threads are busy for longer, and 201 comes first."""
    function.slow_down(function.customers, seconds=2.4)
    assert function.post(*new_customers(11)) == (201, 4.5)
    assert queued(function) == 11


def test_the_calls_of_one_identification_end_with_the_time_for_them(function: Function) -> None:
    """A first `$identify` takes three calls; of those that take 2.4 seconds the third would start after 4.5 seconds and is not made."""
    function.slow_down(function.customers, seconds=2.4)
    function.customers.port.calls.clear()
    function.post(*new_customers(1))
    assert function.customers.port.calls == ["update_if_newer", "tombstones"]


def test_a_request_after_one_whose_identifications_hang_is_not_delayed(function: Function) -> None:
    """A request without identifications takes no time while ten calls of the request before it still hang."""
    function.customers.calls = frozenset({"update_if_newer"})
    function.hang(function.customers, seconds=60)
    assert function.post(*new_customers(20)) == (201, 4.5)
    function.age = timedelta(seconds=61)  # the key and the schema are read as well
    assert function.post(wire()) == (201, 0)
    assert function.post(wire(), "bad") == (207, 0)


def test_the_queue_always_has_two_seconds(function: Function) -> None:
    """Where the first read of a schema took 5.9 seconds, a queue that refuses messages until second 7.6 still gets them."""
    function.slow_down(function.workspaces, seconds=5.9)
    function.keys.port.add(stored("a-key-of-another-workspace", id="k_2", workspace="w2"))
    start = function.harness.clock.seconds
    function.signals.port.refuses = lambda *_: function.harness.clock.seconds < start + 7.6
    status, seconds = function.post(wire(), key="a-key-of-another-workspace")
    assert status == 201
    assert 7.6 <= seconds < 10


def test_a_queue_that_hangs_is_given_up_within_ten_seconds(function: Function) -> None:
    """With all tables and the queue hanging, the answer is 503 before the tenth second; each message of the 20 customers was tried."""
    function.age = timedelta(seconds=61)
    function.hang(function.keys, function.workspaces, function.customers)
    function.hang(function.signals, seconds=HANGING_QUEUE)
    function.signals.made = 0
    status, seconds = function.post(*new_customers(20))
    assert (status, function.signals.made) == (503, 2)
    assert seconds < 10


def test_a_message_that_hangs_does_not_hide_those_that_were_sent(function: Function) -> None:
    """Of 20 customers, the second call to the queue hangs for as long as it likes: its events are `not-stored`, the others accepted."""
    sent = function.signals.port.send

    def send(messages: Any) -> Any:
        if len(function.signals.port.calls) % 2 == 1:
            function.harness.clock.seconds += 60
        return sent(messages)

    function.signals.port.send = send
    status, seconds = function.post(*(wire(correlationValue=f"device-{n}") for n in range(20)))
    assert status == 207
    assert seconds < 10


def test_eleven_new_customers_on_real_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """With real threads and calls that really take 2.4 seconds, 11 new customers are accepted within 10 seconds."""
    with ThreadPoolExecutor(32) as lookups, ThreadPoolExecutor(10) as identifying, ThreadPoolExecutor(10) as sending:
        harness = IngestHarness(lookups=lookups, identifying=identifying, sending=sending)
        harness.customers = SlowPort(FakeCustomers(), time.sleep, 2.4)  # type: ignore[assignment]
        authenticator = Authenticator(FakeKeys({stored().hash: stored()}))
        schemas = Schemas(FakeWorkspaces({"w1": SCHEMA}))
        monkeypatch.setattr(wiring, "authenticator", lambda: authenticator)
        monkeypatch.setattr(wiring, "schemas", lambda: schemas)
        monkeypatch.setattr(wiring, "intake", lambda: harness.dependencies)
        started = time.monotonic()
        headers = {"Authorization": f"Api-Key {TEXT}"}
        body = exact_json.dumps({"batch": new_customers(11)})
        context = LambdaContext()
        context._aws_request_id = "r-1"
        response = app.lambda_handler({"httpMethod": "POST", "path": "/events/batch", "headers": headers, "body": body}, context)
        seconds = time.monotonic() - started
    assert (response["statusCode"], len(harness.signals.queue_messages)) == (201, 11)
    assert seconds < 10
