"""To which customer an event belongs in the end: its page, its receipt and its runs, whatever the intake knew when it came."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import pytest

from tests.fakes.ingest_harness import ADA, identify, wire
from tests.fakes.journeys import journey
from tests.fakes.match_harness import SCHEMA, InlineExecutor, MatchHarness, arrived
from tests.fakes.messages import NOW, FakeMessages
from tests.fakes.rejected_events import FakeRejectedEvents
from waypost.cache.linked_ids import LinkedIdCache
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.intake.batch_parser import RequestContext, parse
from waypost.domain.messages.message import Message, PreparedMessage
from waypost.domain.runs.run import RunStatus
from waypost.domain.signal_codec import from_wire, to_queue_message
from waypost.domain.signals import QueueMessage, TimerDue
from waypost.domain.values import exact_json
from waypost.ingest.batch import ingest
from waypost.ingest.dependencies import IngestDependencies
from waypost.ingest.time_budget import TimeBudget
from waypost.manage import timeline
from waypost.manage.requests import TimelineQuery
from waypost.manage.timeline import TimelineSources

END = {"id": "end", "type": "exit"}
WAITS = journey(
    "waits",
    "signed_up",
    [
        {"id": "wait", "type": "waitUntil", "branches": [{"event": "purchase", "next": "end"}], "timeout": {"after": "P3D", "next": "end"}},
        END,
    ],
)
RECEIVED = NOW + timedelta(days=1)


class NoMessages(FakeMessages):
    """The messages of a customer without messages."""

    def receivers(self, workspace: str, messages: object) -> dict[str, str]:
        return {}

    def all_rendered(self, workspace: str, messages: object) -> dict[str, PreparedMessage]:
        return {}

    def page(self, workspace: str, **_: object) -> tuple[list[Message], str | None]:
        return [], None


class Post(NamedTuple):
    """A request of a client, and whether the intake cannot read the customers table meanwhile."""

    events: Sequence[dict[str, Any]]
    table_down: bool = False


@dataclass
class Workspace:
    """Intake and matcher with a queue of message groups between them. Each request arrives `seconds` after the one before.

    If it is `known`, the person Ada exists already, with a phone.
    """

    known: bool = False
    log_all: bool = True
    seconds: int = 1
    groups: dict[str, list[QueueMessage]] = field(default_factory=dict)
    requests: int = 0

    def __post_init__(self) -> None:
        self.matcher = MatchHarness(log_all=self.log_all)
        self.matcher.workspaces.schemas["w1"] = SCHEMA
        self.matcher.journeys.publish(WAITS)
        if self.known:
            self.post([identify(value="phone")])
            self.deliver_all()
            self.matcher.log.pages.clear()
            self.matcher.receipts.stored.clear()

    @property
    def received(self) -> datetime:
        """When the latest request arrived."""
        return RECEIVED + timedelta(seconds=self.requests * self.seconds)

    def post(self, events: Sequence[dict[str, Any]], *, table_down: bool = False, historical: bool = False) -> None:
        """Posts a batch to an intake that has just started, while the customers table may be unavailable to it."""
        self.requests += 1
        request_context = RequestContext("w1", SCHEMA, self.received, f"request-{self.requests}")
        rejected, linked, threads = FakeRejectedEvents(), LinkedIdCache(), InlineExecutor()
        dependencies = IngestDependencies(self.matcher.customers, self, rejected, linked, threads, threads, threads, lambda: None)
        self.matcher.customers.down = table_down
        ingest(
            parse({"batch": list(events), "historical": historical}, request_context),
            request_context,
            dependencies,
            TimeBudget(lambda: 0.0, threads),
        )
        self.matcher.customers.down = False

    def send(self, queue_messages: Sequence[QueueMessage]) -> list[QueueMessage]:
        for each in queue_messages:
            self.groups.setdefault(each.group, []).append(each)
        return []

    def deliver(self, group: str) -> None:
        """Matches the first signal of a message group, and puts on the queue what the matcher sends."""
        first = self.groups[group].pop(0)
        self.matcher.signals.queue_messages.clear()
        self.matcher.match(from_wire(exact_json.loads(first.body)), self.received, group=group)
        self.send(self.matcher.signals.queue_messages)

    @property
    def waiting(self) -> list[str]:
        """The message groups that have a signal."""
        return [group for group, queue_messages in self.groups.items() if queue_messages]

    def deliver_all(self) -> None:
        """Matches all signals, the groups one after another."""
        while self.waiting:
            self.deliver(self.waiting[0])

    def timeline_of(self, primary: str = ADA) -> list[str]:
        """The uuids of the events in the timeline of a customer, sorted."""
        customer = self.matcher.customers.customer(primary)
        sources = TimelineSources(self.matcher.log, self.matcher.receipts, NoMessages(), [])
        found = timeline.page(sources, customer, TimelineQuery(limit=200), self.received)
        return sorted(entry.event.uuid for entry in found.items if entry.kind == "event" and entry.event)


def histories(posts: Sequence[Post], *, known: bool, log_all: bool = True, seconds: int = 1) -> Iterator[Workspace]:
    """A workspace for each order in which the requests may be accepted and the signals of the message groups be matched in between."""
    chosen: list[int] = []
    while True:
        workspace, left = Workspace(known, log_all, seconds), list(posts)
        options: list[int] = []
        while left or workspace.waiting:
            steps: list[Post | str] = [*left[:1], *workspace.waiting]
            if len(chosen) == len(options):
                chosen.append(0)
            step = steps[chosen[len(options)]]
            options.append(len(steps))
            if isinstance(step, str):
                workspace.deliver(step)
            else:
                left.pop(0)
                workspace.post(step.events, table_down=step.table_down)
        yield workspace
        # The next history: the last choice that has another option takes it, and the choices behind it are made from the first option on.
        while chosen and chosen[-1] + 1 == options[len(chosen) - 1]:
            chosen.pop()
        if not chosen:
            return
        chosen[-1] += 1


def batches_of(number: int, names: Sequence[str]) -> list[list[dict[str, Any]]]:
    """Batches with one event of each of these names, from one device."""
    return [[wire(name, uuid=f"{batch}-{place}") for place, name in enumerate(names)] for batch in range(number)]


@pytest.mark.parametrize("down", [None, "all", "events", "identify"], ids=["up", "all down", "down for events", "down for the identify"])
@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("known", [False, True], ids=["of a new person", "of a known person"])
def test_each_event_is_once_in_the_timeline_whatever_the_order(known: bool, place: int, down: str | None) -> None:
    """Events of a device come before and after the event that names its user. Each is once in the history of that customer, who exists."""
    batches = batches_of(3, ["opened", "signed_up", "purchase"])
    posts = [Post(batch, table_down=down in ("all", "events")) for batch in batches]
    posts.insert(place, Post([identify() | {"uuid": "i"}, wire("seen", uuid="s")], table_down=down in ("all", "identify")))
    number = 0
    for end in histories(posts, known=known):
        number += 1
        uuids = sorted(uuid for _, uuid in end.matcher.receipts.stored)
        assert len(uuids) == 11
        assert end.timeline_of() == uuids
        assert end.matcher.log.logged == uuids
        for page in end.matcher.log.pages.values():
            assert end.matcher.customers.find_by_id("w1", page.customer) is not None
        for receipt in end.matcher.receipts.stored.values():
            assert end.matcher.customers.find_by_id("w1", receipt.customer) is not None
    assert number >= 14


SIGNED_UP = wire("signed_up", uuid="e1", timestamp="2026-11-23T05:00:01Z")
PURCHASE = wire("purchase", uuid="e2", timestamp="2026-11-23T05:00:02Z")
EARLIER_PURCHASE = PURCHASE | {"timestamp": "2026-11-23T05:00:00Z"}
PHONE = {"correlationValue": "phone"}
ONE_INSTANT = pytest.mark.parametrize("seconds", [1, 0], ids=["a second apart", "at one instant"])


def assert_run_has_ended(end: Workspace) -> None:
    """The event `e1` has started a run that a purchase has ended, and its receipt names the run."""
    [run] = end.matcher.runs.all
    assert (run.status, run.step) == (RunStatus.EXITED, "end")
    [outcome] = end.matcher.receipt("e1").journeys
    assert (outcome.journey, outcome.outcome, outcome.run) == ("waits", "entered", run.id)


@ONE_INSTANT
@pytest.mark.parametrize("log_all", [True, False], ids=["full log", "effects only"])
@pytest.mark.parametrize("down", [(), (0,), (1,), (2,), (0, 1, 2)], ids=str)
@pytest.mark.parametrize("place", range(3))
def test_no_run_waits_for_an_event_that_has_come_already(place: int, down: Sequence[int], log_all: bool, seconds: int) -> None:
    """A purchase that was accepted after the sign-up ends the wait of its run, also where it was matched before the sign-up."""
    posts = [[SIGNED_UP], [PURCHASE]]
    posts.insert(place, [identify() | {"uuid": "i"}])
    batches = [Post(events, table_down=number in down) for number, events in enumerate(posts)]
    for end in histories(batches, known=True, log_all=log_all, seconds=seconds):
        assert_run_has_ended(end)


@ONE_INSTANT
@pytest.mark.parametrize("log_all", [True, False], ids=["full log", "effects only"])
@pytest.mark.parametrize("down", [(), (0,), (1,), (0, 1)], ids=str)
@pytest.mark.parametrize("timed", [True, False], ids=["with times", "without times"])
@pytest.mark.parametrize("place", range(2))
def test_no_run_waits_for_a_later_event_of_its_batch(place: int, timed: bool, down: Sequence[int], log_all: bool, seconds: int) -> None:
    """A purchase of a known phone ends the wait of the sign-up before it in the batch, if the device of that turns out to be Ada's."""
    batch = [SIGNED_UP, PURCHASE | PHONE]
    posts = [batch if timed else [{**each, "timestamp": None} for each in batch]]
    posts.insert(place, [identify() | {"uuid": "i"}])
    batches = [Post(events, table_down=number in down) for number, events in enumerate(posts)]
    for end in histories(batches, known=True, log_all=log_all, seconds=seconds):
        if end.matcher.receipt("e1").customer == end.matcher.customers.customer(ADA).id:
            assert_run_has_ended(end)


def test_no_run_waits_for_a_later_event_of_its_batch_whose_customer_the_intake_could_not_read() -> None:
    """Ada's sign-up by her primary key starts a run that her phone's purchase ends, where both were accepted under ids of their own."""
    entry = SIGNED_UP | {"correlationKey": "email", "correlationValue": ADA}
    for end in histories([Post([entry, PURCHASE | PHONE], table_down=True)], known=True):
        assert_run_has_ended(end)


@ONE_INSTANT
@pytest.mark.parametrize("place", [0, 2])
def test_an_event_that_was_accepted_before_the_entry_ends_no_wait(place: int, seconds: int) -> None:
    """A purchase from before the sign-up leaves the run waiting, if both came before or both came after the `$identify`."""
    posts = [[EARLIER_PURCHASE], [SIGNED_UP]]
    posts.insert(place, [identify() | {"uuid": "i"}])
    for end in histories([Post(events) for events in posts], known=True, seconds=seconds):
        [run] = end.matcher.runs.all
        assert run.active


@pytest.mark.parametrize("entry", [SIGNED_UP, SIGNED_UP | {"timestamp": None}], ids=["with a time", "without a time"])
def test_an_earlier_event_of_the_batch_ends_no_wait_of_a_run_that_starts_late(entry: dict[str, Any]) -> None:
    """A phone's purchase that is older than the sign-up behind it in the batch leaves the run waiting, although it was matched before."""
    workspace = Workspace(known=True)
    workspace.post([EARLIER_PURCHASE | PHONE, entry])
    workspace.post([identify() | {"uuid": "i"}])
    known, late = workspace.waiting
    for group in (known, known, late):
        workspace.deliver(group)
    workspace.deliver_all()
    [run] = workspace.matcher.runs.all
    assert run.active


def test_an_earlier_part_of_a_large_batch_ends_no_wait_of_a_run_that_starts_late() -> None:
    """A batch of one device, too large for one signal, is matched in its order: a purchase in the first part ends no wait of the last."""
    workspace = Workspace(known=True)
    workspace.post([wire("purchase", uuid="e2"), *(wire("seen", uuid=f"s{place}") for place in range(100)), wire("signed_up", uuid="e1")])
    workspace.post([identify() | {"uuid": "i"}])
    workspace.deliver_all()
    [run] = workspace.matcher.runs.all
    assert run.active


def test_a_historical_event_ends_no_wait_of_a_run_that_starts_late() -> None:
    """Events of a historical batch move no run, neither when they are matched nor when an entry from another message group comes later."""
    workspace = Workspace(known=True)
    workspace.post([wire("signed_up", uuid="e1")])
    workspace.post([identify() | {"uuid": "i"}])
    workspace.post([wire("purchase", uuid="e2")], historical=True)
    late, *groups = workspace.waiting
    for group in (*groups, late):
        workspace.deliver(group)
    workspace.deliver_all()
    [run] = workspace.matcher.runs.all
    assert run.active


def test_a_device_of_an_erased_person_has_runs_of_its_own() -> None:
    """Two devices of an erased person are two customers: an event of one does not end the wait of the other."""
    workspace = Workspace()
    workspace.post([identify(value="phone"), identify(value="tablet")])
    workspace.deliver_all()
    known = workspace.matcher.customers.customer(ADA)
    erased_at = workspace.received
    names = [Identifier("primary", ADA), *(Identifier("correlation", each) for each in ("phone", "tablet"))]
    workspace.matcher.customers.add_tombstones("w1", names, erased_at)
    workspace.matcher.customers.remove(list(workspace.matcher.customers.rows))
    workspace.requests += 60
    # The intake had found the customer in its cache before the erasure.
    signal = arrived(
        wire("signed_up", correlationValue="phone", uuid="e1"),
        wire("purchase", correlationValue="tablet", uuid="e2"),
        at=workspace.received,
        customer=known.id,
        primary=known.primary,
        known=True,
    )
    workspace.send([to_queue_message(signal)])
    workspace.deliver_all()
    [run] = workspace.matcher.runs.all
    assert run.active
    receipts = [workspace.matcher.receipt(uuid) for uuid in ("e1", "e2")]
    assert len({known.id, *(receipt.customer for receipt in receipts)}) == 3
    assert {page.customer for page in workspace.matcher.log.pages.values() if page.received_at > erased_at} == {
        receipt.customer for receipt in receipts
    }


def test_the_identifier_of_an_event_decides_and_not_the_customer_in_its_signal() -> None:
    """A signal that names Ada for a device of Bob's starts a run of Bob's and none of Ada's."""
    workspace = Workspace()
    workspace.post([identify(value="phone"), identify("bob@example.com", value="tablet")])
    workspace.deliver_all()
    ada, bob = (workspace.matcher.customers.customer(each) for each in (ADA, "bob@example.com"))
    signed_up = wire("signed_up", correlationValue="tablet", uuid="e1")
    signal = arrived(signed_up, at=workspace.received, customer=ada.id, primary=ada.primary, known=True)
    workspace.send([to_queue_message(signal)])
    workspace.deliver_all()
    assert workspace.matcher.receipt("e1").customer == bob.id
    assert [customer for (_, customer), stored in workspace.matcher.runs.stored_runs.items() if stored.runs] == [bob.id]


def test_the_identifier_of_a_timer_decides_and_not_the_customer_in_its_signal() -> None:
    """A timer that names Ada with a device of Bob's ends no wait of Ada's, whose message would be written with Bob's attributes."""
    workspace = Workspace()
    workspace.post([identify(value="phone"), identify("bob@example.com", value="tablet"), wire("signed_up", correlationValue="phone")])
    workspace.deliver_all()
    [timer] = workspace.matcher.timers.armed.values()
    workspace.matcher.match(TimerDue(replace(timer, lookup_id=Identifier("correlation", "tablet"))), timer.due)
    [run] = workspace.matcher.runs.all
    assert run.active
    workspace.matcher.match(TimerDue(timer), timer.due)
    [run] = workspace.matcher.runs.all
    assert not run.active
