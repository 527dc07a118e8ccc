"""A worker that dies at any point of a signal: what the redelivery leaves is what an undisturbed delivery leaves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.fakes.journeys import journey, message, messages_in_a_row
from tests.fakes.match_harness import EVERYBODY, SCHEMA, MatchHarness, Wire, arrived
from tests.fakes.messages import NOW, FakeMessages, FakeSendQueue, pending_message
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.journeys.journey import Journey
from waypost.domain.journeys.triggers import Trigger
from waypost.domain.messages.delivery import with_claim
from waypost.domain.messages.message import MessageStatus
from waypost.domain.runs.run import RunStatus
from waypost.domain.runs.timers import Timer
from waypost.domain.signals import EventsArrived, MessageSettled, Signal, TimerDue
from waypost.domain.values.generated_ids import run_id


@dataclass
class SendsAtOnce(FakeSendQueue):
    """A send queue with a sender behind it that claims every pending message as soon as it is asked to."""

    messages: FakeMessages = field(default_factory=FakeMessages)
    claims: list[str] = field(default_factory=list)

    def put(self, workspace: str, messages: Sequence[tuple[str, timedelta]]) -> None:
        super().put(workspace, messages)
        for name, _ in messages:
            pending = self.messages.stored[workspace, name]
            if pending.status is MessageStatus.PENDING:
                self.claims.append(name)
                self.messages.stored[workspace, name] = with_claim(pending, pending.due, "t", "ada@example.com")


Signals = Sequence[Signal]
SIGN_UP = {"event": "signed_up"}
STANDS = journey("stands", steps=[message("hello", "bye", onFailure="end"), message("bye", "end"), {"id": "end", "type": "exit"}])


WAITS = journey(
    "waits",
    steps=[
        {
            "id": "wait",
            "type": "waitUntil",
            "branches": [{"event": "purchase", "next": "rest"}],
            "timeout": {"after": "PT0.5S", "next": "rest"},
        },
        {"id": "rest", "type": "timeDelay", "delay": "P1D", "next": "bye"},
        message("bye", "end"),
        {"id": "end", "type": "exit"},
    ],
).model_copy(update={"exit": (Trigger(event="unsubscribed"),)})


def absorbed() -> list[EventsArrived]:
    """A device that was a customer of its own, then Ada's; what follows still travels under the old id."""
    name = {"event": "$identify", "payload": {"distinct_id": "ada@example.com"}}
    first = arrived({"event": "$set", "payload": {"city": "Paris"}, "uuid": "s0"}, SIGN_UP | {"uuid": "s1"})
    phone = arrived(name | {"correlationValue": "phone", "uuid": "i1"})
    return [first, phone, arrived(name | {"uuid": "i2"}), arrived(SIGN_UP)]


def signals_of(case: str) -> Signals:
    """What arrives in this case, in order."""
    cases: dict[str, Signals] = {
        "one entry": [arrived(SIGN_UP)],
        "several events": [arrived({"event": "page_view"}, SIGN_UP, {"event": "$set", "payload": {"a": 1}}, SIGN_UP)],
        "identify, then trigger": [arrived({"event": "$identify", "payload": {"distinct_id": "ada@example.com"}}, SIGN_UP)],
        "twice": [arrived(SIGN_UP), arrived(SIGN_UP)],
        "report": [arrived({"event": "$opened", "source": "message", "payload": {"messageID": "msg_1"}})],
        "absorbed": absorbed(),
        "a wait and its event": [arrived(SIGN_UP), arrived({"event": "purchase", "uuid": "b1"})],
        "a wait and its timer": [arrived(SIGN_UP), TimerDue(stay(NOW + timedelta(seconds=0.5)))],
        "a wait and its exit": [arrived(SIGN_UP), arrived({"event": "unsubscribed", "uuid": "u1"})],
    }
    return cases[case]


def stay(due: datetime) -> Timer:
    """The timer of the run that `SIGN_UP` opens in `WAITS`."""
    run = run_id("w1", "waits", "", "e0")
    return Timer("w1", EVERYBODY, Identifier("correlation", "device-1"), run, "wait", 1, 0, due)


def world_of(*journeys: Journey, wire: Wire | None = None, log_all: bool = True) -> MatchHarness:
    """A world with these journeys and one message that was sent earlier."""
    made = MatchHarness(wire=wire or Wire(), log_all=log_all)
    made.workspaces.schemas["w1"] = SCHEMA
    made.journeys.publish(*journeys)
    made.messages.add(with_claim(pending_message(), pending_message().due, "t", "ada@example.com"))
    return made


def left_by(world: MatchHarness) -> dict[str, Any]:
    """Everything that anyone can see afterwards."""
    return {
        "runs": {
            place: sorted(customer_runs.runs, key=lambda run: run.id)
            for place, customer_runs in world.runs.stored_runs.items()
            if customer_runs.runs
        },
        "past": sorted(run.id for run in world.runs.past),
        "messages": world.messages.stored,
        "queued": world.queued,
        "pending effects": world.runs.pending_effects,
        "timers": world.timers.armed,
        "receipts": world.receipts.stored,
        "log": world.log.pages,
        "customers": {key: (row.customer, row.facts, row.linked_to) for key, row in world.customers.rows.items()},
    }


def assert_every_cut_heals(build: Callable[[Wire], MatchHarness], signals: Signals, now: datetime = NOW) -> None:
    """Cuts the wire before and after each call in turn, delivers again until all is done, and compares."""
    calm = build(Wire())
    calm.deliver(signals, now)
    expected = left_by(calm)
    assert expected["pending effects"] == []
    for cut_at in range(len(calm.wire.calls)):
        for after in (False, True):
            world = build(Wire(cut_at, after))
            assert world.deliver(signals, now) == 1
            assert left_by(world) == expected, f"cut {'after' if after else 'before'} {world.wire.calls[cut_at]}, call {cut_at}"


@pytest.mark.parametrize("case", ["a wait and its event", "a wait and its timer", "a wait and its exit"])
def test_a_crash_loses_no_timer_and_arms_none_twice(case: str) -> None:
    """Each stay that has an end has its timer, and no other has one."""
    assert_every_cut_heals(lambda wire: world_of(WAITS, wire=wire), signals_of(case), NOW + timedelta(seconds=1))


@pytest.mark.parametrize("log_all", [True, False], ids=["full log", "effects only"])
@pytest.mark.parametrize("case", ["one entry", "several events", "identify, then trigger", "twice", "report", "absorbed"])
def test_a_crash_at_any_call_changes_nothing_in_the_end(case: str, log_all: bool) -> None:
    """Exactly one run and one message for each entry, everything queued at least once and nothing owed, receipts and log complete."""
    three = journey("first"), journey("always", reentry={"mode": "always"}), STANDS
    assert_every_cut_heals(lambda wire: world_of(*three, wire=wire, log_all=log_all), signals_of(case))


def test_sixty_journeys_on_one_event_heal_as_well() -> None:
    """They do not fit into one transaction; a crash between two of them loses and doubles nothing."""
    many = [journey(f"j{place}") for place in range(60)]
    world = world_of(*many)
    world.deliver([arrived(SIGN_UP)])
    assert world.runs.commits > 1
    assert (len(world.runs.all), len(world.queued), len(world.receipt().journeys)) == (60, 60, 60)
    assert_every_cut_heals(lambda wire: world_of(*many, wire=wire), [arrived(SIGN_UP)])


def test_ninety_five_messages_in_a_row_heal_as_well() -> None:
    """One run owes all of them, in order."""
    long = messages_in_a_row(95)
    world = world_of(long)
    world.deliver([arrived(SIGN_UP)])
    assert [name for _, name, _ in world.send_queue.records] == list(world.receipt().messages)
    assert len(world.queued) == 95
    assert_every_cut_heals(lambda wire: world_of(long, wire=wire), [arrived(SIGN_UP)])


def test_a_message_that_was_sent_before_the_crash_is_not_owed_anew() -> None:
    """Of sixty journeys some runs were saved and their messages sent when the worker died: none is sent a second time."""
    many = [journey(f"j{place}") for place in range(60)]
    calm = world_of(*many)
    calm.deliver([arrived(SIGN_UP)])
    for cut_at in range(len(calm.wire.calls)):
        world = world_of(*many, wire=Wire(cut_at, after=True))
        sender = world.send_queue = SendsAtOnce(messages=world.messages)
        assert world.deliver([arrived(SIGN_UP)]) == 1
        assert sorted(sender.claims) == sorted(calm.queued)


@pytest.mark.parametrize("status", [MessageStatus.SENT, MessageStatus.FAILED])
def test_a_settled_message_moves_its_run_once_whatever_crashes(status: MessageStatus) -> None:
    """The run that stood on it goes on by `next` or `onFailure`, and a signal that comes again finds it gone."""
    lookup_id = Identifier("correlation", "device-1")

    def entered(wire: Wire) -> MatchHarness:
        world = world_of(STANDS)
        world.deliver([arrived(SIGN_UP)])
        world.wire.calls.clear()
        world.wire.cut_at, world.wire.after = wire.cut_at, wire.after
        return world

    [run] = entered(Wire()).runs.all
    settled = MessageSettled("w1", EVERYBODY, lookup_id, run.id, "hello", 1, "msg", status)
    world = entered(Wire())
    world.deliver([settled, settled])
    [gone] = world.runs.all
    assert (gone.status, len(world.queued)) == (RunStatus.EXITED, 2 if status is MessageStatus.SENT else 1)
    assert_every_cut_heals(entered, [settled, settled])
