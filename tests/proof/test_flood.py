"""A flood of events while functions are killed, queues stand still and providers fail: at the end everything accepted is accounted for.

It runs on the local stack over HTTP. The load is bounded: the short form posts for 10 seconds, the full one for 90 (WAYPOST_PROOF=full).
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

import httpx
import pytest

from functions.local.stack import Stack, running
from tests.proof.counted import IS_FULL, count
from tests.stories.killing import kill_workers, short_visibility_timeout
from tests.stories.workspace import Workspace, identify, mailing, trigger
from waypost.domain.values import durations

SECONDS: Final = 90.0 if IS_FULL else 10.0
CLIENTS: Final = 4
MOST_BATCHES: Final = 1_500 if IS_FULL else 50
LEAST_EVENTS: Final = 500 if IS_FULL else 50
"""On a busy machine, clients go on after the time until so many events are accepted; the disturbances end with the time."""
SEED: Final = int(os.environ.get("WAYPOST_PROOF_SEED") or 20_261_127)
QUEUES: Final = ("SignalsQueue", "SendQueue")
KILLED: Final = ("IngestFunction", "MatchFunction", "SendFunction")
PLANS: Final[Sequence[dict[str, Any]]] = (
    {"error": "TooManyRequestsException"},
    {"error": "MessageRejected"},
    {"error": "InternalFailure", "status": 500},
    {"error": "InternalFailure", "status": 500, "accept": True},
    {"hang": 1.0},
    {"reset": True},
    {"reset": True, "accept": True},
    {"truncate": True},
)
"""What SES answers now and then: it refuses, fails with and without having accepted the e-mail, hangs, and breaks the connection off."""


@dataclass
class Flood:
    """What clients have sent, and what the intake has answered."""

    workspace: Workspace
    end: float
    accepted: dict[str, str] = field(default_factory=dict)
    orders: set[str] = field(default_factory=set)
    rejected: int = 0
    batches: int = 0
    attempts: Counter[int] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def post(self, client: int) -> None:
        """Posts mixed batches until the time or the number of batches is used up. A batch is repeated until it gets an answer."""
        chance = random.Random(SEED + client)
        while (time.monotonic() < self.end or len(self.accepted) < LEAST_EVENTS) and self.batches < MOST_BATCHES:
            with self.lock:
                self.batches += 1
                number = self.batches
            events = self.batch(chance, number)
            response = self.until_answered(events)
            with self.lock:
                self.note(events, response.json()["results"])

    def batch(self, chance: random.Random, number: int) -> list[dict[str, Any]]:
        """Some events of a few devices: identifications, devices that join a customer, merges, triggers, repeats, and refused ones."""
        person = chance.randrange(40)
        address, phone, tablet = self.workspace.email(f"p{person}"), f"phone-{person}", f"tablet-{person}"
        kinds: list[Callable[[], list[dict[str, Any]]]] = [
            lambda: [identify(phone, address, visits=number)],
            lambda: [trigger(tablet, "ordered", number=number), identify(tablet, address)],  # what the tablet did joins the customer
            lambda: [trigger(phone, "ordered", number=number)],
            lambda: [trigger(phone, "seen", page=page) for page in range(chance.randrange(4))],
            lambda: [trigger(f"{phone}-{number}", "ordered", number=number), identify(f"{phone}-{number}", address)],
            lambda: [trigger(f"stranger-{number}", "seen")],
            lambda: [identify(phone, "no address")],
            lambda: [{"event": 5}],
        ]
        events = [event for kind in chance.choices(kinds, k=8) for event in kind()]
        return [event | {"uuid": f"f-{number}-{index}"} for index, event in enumerate(events)]

    def until_answered(self, events: Sequence[dict[str, Any]]) -> httpx.Response:
        """The first answer that says what became of all events."""
        while True:
            try:
                response = self.workspace.send(*events)
            except httpx.HTTPError:
                response = None
            with self.lock:
                self.attempts[response.status_code if response is not None else 0] += 1
            if response is not None and response.status_code in (201, 207, 422) and not _is_retryable(response):
                return response
            time.sleep(0.2)

    def note(self, events: Sequence[dict[str, Any]], results: Sequence[dict[str, Any]]) -> None:
        """Remembers what was accepted."""
        for event, result in zip(events, results, strict=True):
            if result["status"] == "accepted":
                self.accepted[event["uuid"]] = event["correlationValue"]
                self.orders |= {event["uuid"]} if event["event"] == "ordered" else set()
            else:
                self.rejected += 1


def _is_retryable(response: httpx.Response) -> bool:
    return any((result.get("error") or {}).get("retryable") for result in response.json()["results"])


@contextmanager
def until_the_end(end: float, disturb: Callable[[random.Random], None], pause: float) -> Iterator[None]:
    """Disturbs again and again until the end, in a thread; `pause` is in seconds. What it raises fails the test."""
    chance, errors = random.Random(SEED), []

    def run() -> None:
        try:
            while time.monotonic() < end:
                disturb(chance)
                time.sleep(pause)
        except Exception as error:  # noqa: BLE001 - it is raised in the thread of the test
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    yield
    thread.join()
    if errors:
        raise errors[0]


def kill_one(stack: Stack, killed: Counter[str]) -> Callable[[random.Random], None]:
    """Kills the processes of one function."""

    def disturb(chance: random.Random) -> None:
        function = chance.choice(KILLED)
        killed[function] += kill_workers(stack, function)

    return disturb


def stop_a_queue(stack: Stack, stopped: Counter[str]) -> Callable[[random.Random], None]:
    """Stops the consumer of a queue for some seconds."""
    client = stack.cloud.client("lambda")
    mappings = client.list_event_source_mappings()["EventSourceMappings"]

    def disturb(chance: random.Random) -> None:
        mapping = chance.choice(mappings)
        client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
        time.sleep(chance.uniform(0.5, 2.5))
        client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)
        stopped[mapping["EventSourceArn"]] += 1

    return disturb


def plan_failures(stack: Stack, planned: Counter[str]) -> Callable[[random.Random], None]:
    """Plans a failure of SES for its next call."""

    def disturb(chance: random.Random) -> None:
        plan = chance.choice(PLANS)
        stack.plan_responses("SendEmail", [plan])
        planned[str(plan)] += 1

    return disturb


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """A stack of its own, whose clock the test advances."""
    with running() as made:
        yield made


def all_items(workspace: Workspace, path: str) -> list[dict[str, Any]]:
    """All items of a list."""
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = workspace.get(f"{path}{'&' if '?' in path else '?'}limit=200{cursor}")
        found += page["items"]
        if page["next"] is None:
            return found
        cursor = f"&cursor={quote(page['next'])}"


def settle(stack: Stack, workspace: Workspace) -> None:
    """Lets everything come to its end: retries for 30 hours, leases of killed workers, and parked records, which are redriven once."""
    assert stack.settle(), stack.left()
    stack.advance(durations.parse("PT10M"))
    workspace.post("/api/dead-letters/redrive")
    assert stack.settle(), stack.left()
    for _ in range(3):
        stack.advance(durations.parse("PT10H"))
    assert stack.settle(), stack.left()


def test_everything_accepted_is_accounted_for(stack: Stack) -> None:
    """Each accepted event is recorded exactly once, each order has one message, and no message reached the provider twice."""
    workspace = Workspace.create(stack)
    workspace.publish(mailing("welcome", "ordered", reentry={"mode": "always"}))
    flood = Flood(workspace, time.monotonic() + SECONDS)
    killed, stopped, planned = Counter[str](), Counter[str](), Counter[str]()
    with ExitStack() as disturbed:
        for queue in QUEUES:
            disturbed.enter_context(short_visibility_timeout(stack, queue))
        disturbed.enter_context(until_the_end(flood.end, kill_one(stack, killed), 3.0))
        disturbed.enter_context(until_the_end(flood.end, stop_a_queue(stack, stopped), 2.0))
        disturbed.enter_context(until_the_end(flood.end, plan_failures(stack, planned), 0.4))
        with ThreadPoolExecutor(CLIENTS) as clients:
            list(clients.map(flood.post, range(CLIENTS)))
        assert stack.settle(), stack.left()
    assert killed.total(), "no process was killed"
    assert stopped, "no queue was stopped"
    settle(stack, workspace)
    assert len(flood.accepted) >= LEAST_EVENTS, flood.attempts
    assert flood.rejected
    check_events(flood)
    check_messages(flood, stack)
    for name, number in (
        ("accepted events", len(flood.accepted)),
        ("killed processes", killed.total()),
        ("planned failures of the provider", planned.total()),
    ):
        count(f"flood: {name}", number)


def check_events(flood: Flood) -> None:
    """Each accepted event is on exactly one page of the log, in the timeline of the customer to whom its device belongs."""
    listed = [item for item in all_items(flood.workspace, "/api/events?status=accepted") if item["event"] != "$message"]
    recorded = Counter(item["uuid"] for item in listed)
    assert {uuid: number for uuid, number in recorded.items() if number != 1} == {}
    assert set(flood.accepted) - set(recorded) == set()
    read = flood.workspace.get
    current = {customer: read(f"/api/customers/{customer}")["id"] for customer in {item["customer"] for item in listed}}
    owners = {item["uuid"]: current[item["customer"]] for item in listed}
    ids = {device: read(f"/api/customers?correlationId={device}")["id"] for device in set(flood.accepted.values())}
    assert {uuid: owners[uuid] for uuid, device in flood.accepted.items() if owners[uuid] != ids[device]} == {}


def check_messages(flood: Flood, stack: Stack) -> None:
    """Each order has one message, which the provider has got once, or not at all, or perhaps; every failed one is a dead letter.

    A device that orders before it is identified belongs to a customer without an address, whose message is skipped.
    """
    messages = all_items(flood.workspace, "/api/messages?content=false")
    mails = Counter(mail["tags"].get("waypost-message", "") for mail in stack.mails())
    statuses = Counter(message["status"] for message in messages)
    assert len(messages) == len(flood.orders), statuses
    expected = {"sent": {1}, "failed": {0}, "unknown": {0, 1}, "skipped": {0}}
    assert statuses.keys() <= expected.keys(), statuses
    assert {message["reason"] for message in messages if message["status"] == "skipped"} <= {"no-address"}
    assert [message for message in messages if mails[message["id"]] not in expected[message["status"]]] == []
    dead = all_items(flood.workspace, "/api/dead-letters")
    assert [each for each in dead if each["kind"] != "message"] == []
    failed = {message["id"] for message in messages if message["status"] == "failed"}
    assert {each["subject"] for each in dead} == failed
