"""What comes twice, what comes at the same time, and what comes back about a message."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.fakes.journeys import journey, message
from tests.fakes.match_harness import EVERYBODY, SCHEMA, MatchHarness, arrived
from tests.fakes.messages import NOW, pending_message
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.errors import UnavailableError
from waypost.domain.messages.delivery import with_claim
from waypost.domain.messages.message import Message, MessageStatus
from waypost.domain.reasons import Reason
from waypost.domain.runs.changes import Commit
from waypost.domain.runs.effects import SendMessage
from waypost.domain.runs.run import VersionRow
from waypost.domain.signals import EventsArrived, MessageSettled

SIGN_UP = {"event": "signed_up"}
LATER = NOW + timedelta(minutes=1)


@pytest.fixture
def world() -> MatchHarness:
    """A workspace whose journey may be entered by every event."""
    made = MatchHarness()
    made.workspaces.schemas["w1"] = SCHEMA
    made.journeys.publish(journey(reentry={"mode": "always"}))
    return made


def meanwhile(world: MatchHarness, signal: EventsArrived, before: Callable[[Commit], bool] = lambda _: True) -> None:
    """Lets another worker carry out this signal between our next read of a standing and our write."""

    def first(commit: Commit) -> None:
        if before(commit):
            world.runs.before_commit = lambda _: None
            world.match(signal)

    world.runs.before_commit = first


@pytest.mark.parametrize(
    "signals",
    [
        [arrived(SIGN_UP), arrived(SIGN_UP)],
        [arrived(SIGN_UP), arrived(SIGN_UP, at=LATER)],
        [arrived(SIGN_UP), arrived({"event": "other", "uuid": "x"}, SIGN_UP | {"uuid": "e0"}, at=LATER)],
        [arrived(SIGN_UP, SIGN_UP | {"uuid": "e0"})],
    ],
    ids=["the same signal", "the same batch again", "in another batch", "twice in one signal"],
)
def test_an_event_is_known_by_its_uuid(world: MatchHarness, signals: Sequence[EventsArrived]) -> None:
    """A duplicate changes nothing: one run, one message, the first receipt, once in the log."""
    for signal in signals:
        world.match(signal, signal.received_at)
    assert (len(world.runs.all), len(world.messages.stored), len(world.send_queue.records)) == (1, 1, 1)
    assert world.receipt().received_at == NOW
    assert world.log.logged.count("e0") == 1


def test_a_duplicate_answers_no_receipt_and_writes_nothing(world: MatchHarness) -> None:
    """The door tells of each event once."""
    world.match(arrived(SIGN_UP))
    world.wire.calls.clear()
    assert world.match(arrived(SIGN_UP, at=LATER), LATER) == []
    assert "FakeRuns.commit" not in world.wire.calls
    assert "FakeLog.write" not in world.wire.calls


def test_an_event_that_comes_twice_in_one_signal_has_one_receipt(world: MatchHarness) -> None:
    """Whether it moves anybody or not."""
    for name in ("signed_up", "page_view"):
        twice = [{"event": name, "uuid": name}] * 2
        assert [receipt.uuid for receipt in world.match(arrived(*twice))] == [name]


def test_a_duplicate_with_other_facts_changes_no_attribute(world: MatchHarness) -> None:
    """The first event of a uuid is the event."""
    for city in ("Paris", "Rome"):
        world.match(arrived({"event": "$identify", "payload": {"distinct_id": "ada@example.com", "city": city}}))
    assert world.customers.customer("ada@example.com").attributes["city"] == "Paris"


def test_an_event_is_forgotten_with_its_receipt(world: MatchHarness) -> None:
    """After 90 days the same uuid is a new event."""
    much_later = NOW + timedelta(days=90)
    world.match(arrived(SIGN_UP))
    world.match(arrived(SIGN_UP, at=much_later - timedelta(seconds=1)), much_later - timedelta(seconds=1))
    assert world.receipt().received_at == NOW
    world.match(arrived(SIGN_UP, at=much_later), much_later)
    assert world.receipt().received_at == much_later


def test_an_event_that_arrived_before_its_receipt_expired_is_done_after_it(world: MatchHarness) -> None:
    """The queue took its time; what counts is when the event arrived, so that it neither fails for ever nor counts twice."""
    world.match(arrived(SIGN_UP))
    day_90 = NOW + timedelta(days=90)
    world.match(arrived(SIGN_UP, at=day_90 - timedelta(seconds=5)), day_90 + timedelta(seconds=5))
    assert len(world.messages.stored) == 1


def test_a_gate_that_moved_in_between_is_read_again(world: MatchHarness) -> None:
    """Another worker saved a run of this customer after ours had read: both runs are there, both messages queued."""
    meanwhile(world, arrived(SIGN_UP | {"uuid": "x"}))
    world.match(arrived(SIGN_UP))
    assert {run.id for run in world.runs.all} == {move.run for uuid in ("e0", "x") for move in world.receipt(uuid).journeys}
    assert (len(world.runs.all), len(world.queued), world.runs.pending_effects) == (2, 2, [])


def test_a_rule_of_reentry_holds_against_a_worker_that_was_quicker(world: MatchHarness) -> None:
    """Both read a customer that had not entered; only one run is opened."""
    world.journeys.publish(journey())
    meanwhile(world, arrived(SIGN_UP | {"uuid": "x"}))
    world.match(arrived(SIGN_UP))
    assert [world.receipt(uuid).journeys[0].reason for uuid in ("x", "e0")] == [None, Reason.ALREADY_ENTERED]
    assert len(world.runs.all) == 1


def test_a_gate_that_never_stands_still_is_no_poison(world: MatchHarness) -> None:
    """The signal comes again later; nothing was saved twice."""

    def other(commit: Commit) -> None:
        customer_runs = world.runs.get("w1", EVERYBODY)
        world.runs.stored_runs["w1", EVERYBODY] = replace(customer_runs, version_row=VersionRow(commit.version_row.version + 1))

    world.runs.before_commit = other
    with pytest.raises(UnavailableError):
        world.match(arrived(SIGN_UP))
    world.runs.before_commit = lambda _: None
    world.match(arrived(SIGN_UP), redelivered=True)
    assert len(world.runs.all) == 1


def test_an_event_that_another_signal_took_meanwhile_is_that_signals(world: MatchHarness) -> None:
    """What this signal's earlier events owe is paid all the same."""
    elsewhere = arrived(SIGN_UP | {"correlationValue": "device-2", "uuid": "e1"})
    meanwhile(world, elsewhere, before=lambda commit: any(receipt.uuid == "e1" for receipt in commit.receipts))
    world.match(arrived(SIGN_UP, SIGN_UP))
    assert (len(world.runs.all), len(world.queued), world.runs.pending_effects) == (2, 2, [])
    assert world.receipt("e1").customer != EVERYBODY


def test_what_an_earlier_attempt_owes_is_paid_by_the_next_event_at_the_latest(world: MatchHarness) -> None:
    """The worker died after its save; before its own redelivery another signal of the customer comes by."""
    world.match(arrived(SIGN_UP))
    [first] = world.queued
    world.send_queue.records.clear()
    customer_runs = world.runs.get("w1", EVERYBODY)
    world.runs.stored_runs["w1", EVERYBODY] = replace(
        customer_runs, version_row=replace(customer_runs.version_row, pending_effects=(SendMessage(first),))
    )
    world.match(arrived(SIGN_UP | {"uuid": "x"}))
    assert (len(world.queued), first in world.queued, world.runs.pending_effects) == (2, True, [])


def test_only_events_with_effect_are_kept_where_a_stack_says_so() -> None:
    """No receipt, no page of the log, no write at all for what moved nothing."""
    world = MatchHarness(log_all=False)
    world.journeys.publish(journey())
    world.match(arrived({"event": "page_view"}, known=True))
    assert (world.receipts.stored, world.log.writes) == ({}, 0)
    world.match(arrived({"event": "page_view"}, SIGN_UP, {"event": "page_view"}))
    assert {uuid for _, uuid in world.receipts.stored} == {"e1"}
    assert world.log.logged == ["e1"]


def report(name: str, of: str = "msg_1", uuid: str = "r", field: str = "messageID", workspace: str = "w1") -> EventsArrived:
    """A delivery report from an app."""
    return arrived({"event": name, "source": "message", "payload": {field: of}, "uuid": uuid}, workspace=workspace)


@pytest.fixture
def sent(world: MatchHarness) -> Message:
    """A message that a provider was called for."""
    message = replace(with_claim(pending_message(), NOW, "t", "ada@example.com"), status=MessageStatus.SENT, lease=None)
    world.messages.add(message)
    return message


@pytest.mark.parametrize("field", ["messageID", "messageId"])
@pytest.mark.parametrize(
    ("names", "status"),
    [
        (["$delivered"], MessageStatus.DELIVERED),
        (["$delivered", "$opened", "$clicked"], MessageStatus.CLICKED),
        (["$clicked", "$opened", "$delivered"], MessageStatus.CLICKED),
        (["$opened", "$delivered", "$opened"], MessageStatus.OPENED),
        (["$exploded"], MessageStatus.SENT),
    ],
)
def test_reports_take_a_message_ever_further(
    world: MatchHarness, sent: Message, names: list[str], status: MessageStatus, field: str
) -> None:
    """In whatever order they come and however the SDK spells the field."""
    for place, name in enumerate(names):
        world.match(report(name, uuid=f"r{place}", field=field))
    assert world.messages.stored["w1", sent.id].status is status
    assert world.receipt("r0").reason is None


def test_a_report_of_no_message_says_so(world: MatchHarness) -> None:
    """Unknown, and no text at all."""
    for place, of in enumerate(["msg_2", 7, None, ["msg_1"]]):
        world.match(arrived({"event": "$opened", "source": "message", "payload": {"messageID": of}, "uuid": f"r{place}"}))
    assert {world.receipt(f"r{place}").reason for place in range(4)} == {Reason.NO_MESSAGE}


def test_another_workspaces_message_is_not_there(world: MatchHarness, sent: Message) -> None:
    """Whoever knows its id can neither see nor move it."""
    world.match(report("$opened", workspace="w2"))
    assert world.receipts.stored["w2", "r"].reason is Reason.NO_MESSAGE
    assert world.messages.stored["w1", sent.id] == sent


def test_a_report_opens_no_journey(world: MatchHarness, sent: Message) -> None:
    """Not even one that names it."""
    world.journeys.publish(journey(event="$opened"))
    world.match(report("$opened"))
    assert world.runs.all == []


def test_a_report_meets_a_sender_that_writes_at_the_same_time(world: MatchHarness) -> None:
    """The message is read again, and is delivered as well as recorded by its sender."""
    sending = with_claim(pending_message(), NOW, "t", "ada@example.com")
    world.messages.add(sending)

    def record(_: Message) -> None:
        world.messages.before_save = lambda _: None
        world.messages.save(replace(sending, status=MessageStatus.SENT, lease=None), sending)

    world.messages.before_save = record
    world.match(report("$delivered"))
    assert world.messages.stored["w1", "msg_1"].status is MessageStatus.DELIVERED


@pytest.mark.parametrize(("visit", "status"), [(2, "active"), (1, "exited")])
def test_an_outcome_moves_only_the_stay_that_it_is_about(world: MatchHarness, visit: int, status: str) -> None:
    """A run that stands on the same step for another message waits on."""
    world.journeys.publish(journey(steps=[message("hello", "end", onFailure="end"), {"id": "end", "type": "exit"}]))
    world.match(arrived(SIGN_UP))
    [run] = world.runs.all
    lookup_id = Identifier("correlation", "device-1")
    world.match(MessageSettled("w1", EVERYBODY, lookup_id, run.id, "hello", visit, "msg", MessageStatus.SENT))
    [after] = world.runs.all
    assert after.status.value == status


def test_runs_with_one_key_may_end_together_after_another_has_ended(world: MatchHarness) -> None:
    """The run that ended first makes room once, not once for each of the two; the customer's signals go on."""
    hour = [{"id": "rest", "type": "timeDelay", "delay": "PT1H", "next": "end"}, {"id": "end", "type": "exit"}]
    world.journeys.publish(journey(reentry={"mode": "always"}, steps=hour))
    for uuid, after in (("first", 0), ("second", 1), ("third", 1), ("an hour later", 60), ("a minute more", 61)):
        at = NOW + timedelta(minutes=after)
        world.match(arrived(SIGN_UP | {"uuid": uuid}, at=at), at)
    assert [run.reason for run in world.runs.all].count(Reason.FINISHED) == 3
