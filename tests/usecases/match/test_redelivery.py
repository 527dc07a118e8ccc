"""Events that come twice, workers that change the same customer at the same time, and delivery reports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.fakes.journeys import journey, message
from tests.fakes.match_harness import CUSTOMER, SCHEMA, MatchHarness, arrived
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
def harness() -> MatchHarness:
    """A workspace with a journey that every `signed_up` enters."""
    made = MatchHarness()
    made.workspaces.schemas["w1"] = SCHEMA
    made.journeys.publish(journey(reentry={"mode": "always"}))
    return made


def meanwhile(harness: MatchHarness, signal: EventsArrived, before: Callable[[Commit], bool] = lambda _: True) -> None:
    """Lets another worker match this signal between the next read of the runs and the save that follows."""

    def before_first_commit(commit: Commit) -> None:
        if before(commit):
            harness.runs.before_commit = lambda _: None
            harness.match(signal)

    harness.runs.before_commit = before_first_commit


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
def test_a_duplicate_event_changes_nothing(harness: MatchHarness, signals: Sequence[EventsArrived]) -> None:
    """A second event with the same uuid opens no run, creates and queues no message, keeps the first receipt, and is once in the log."""
    for signal in signals:
        harness.match(signal, signal.received_at)
    assert (len(harness.runs.all), len(harness.messages.stored), len(harness.send_queue.records)) == (1, 1, 1)
    assert harness.receipt().received_at == NOW
    assert harness.log.logged.count("e0") == 1


def test_a_duplicate_returns_no_receipt_and_writes_nothing(harness: MatchHarness) -> None:
    """The receipts that are returned, and logged, are those of new events only."""
    harness.match(arrived(SIGN_UP))
    harness.port_calls.calls.clear()
    assert harness.match(arrived(SIGN_UP, at=LATER), LATER) == []
    assert "FakeRuns.commit" not in harness.port_calls.calls
    assert "FakeLog.write" not in harness.port_calls.calls


def test_an_event_that_is_twice_in_one_signal_has_one_receipt(harness: MatchHarness) -> None:
    """That is so whether the event moves a run or not."""
    for name in ("signed_up", "page_view"):
        twice = [{"event": name, "uuid": name}] * 2
        assert [receipt.uuid for receipt in harness.match(arrived(*twice))] == [name]


def test_a_duplicate_with_other_attributes_changes_no_attribute(harness: MatchHarness) -> None:
    """The first event of a uuid counts; the attributes of a later one are not stored."""
    for city in ("Paris", "Rome"):
        harness.match(arrived({"event": "$identify", "payload": {"distinct_id": "ada@example.com", "city": city}}))
    assert harness.customers.customer("ada@example.com").attributes["city"] == "Paris"


def test_an_event_is_new_again_once_its_receipt_has_expired(harness: MatchHarness) -> None:
    """The same uuid is a duplicate until 90 days after its first receipt and a new event from then on."""
    much_later = NOW + timedelta(days=90)
    harness.match(arrived(SIGN_UP))
    harness.match(arrived(SIGN_UP, at=much_later - timedelta(seconds=1)), much_later - timedelta(seconds=1))
    assert harness.receipt().received_at == NOW
    harness.match(arrived(SIGN_UP, at=much_later), much_later)
    assert harness.receipt().received_at == much_later


def test_the_time_of_receipt_decides_whether_an_event_is_a_duplicate(harness: MatchHarness) -> None:
    """An event that was received before the receipt expired, and matched after it, neither fails for ever nor counts twice."""
    harness.match(arrived(SIGN_UP))
    day_90 = NOW + timedelta(days=90)
    harness.match(arrived(SIGN_UP, at=day_90 - timedelta(seconds=5)), day_90 + timedelta(seconds=5))
    assert len(harness.messages.stored) == 1


def test_runs_that_changed_in_between_are_read_again(harness: MatchHarness) -> None:
    """Both workers' runs exist with their messages, and no effect is left pending."""
    meanwhile(harness, arrived(SIGN_UP | {"uuid": "x"}))
    harness.match(arrived(SIGN_UP))
    assert {run.id for run in harness.runs.all} == {move.run for uuid in ("e0", "x") for move in harness.receipt(uuid).journeys}
    assert (len(harness.runs.all), len(harness.queued), harness.runs.pending_effects) == (2, 2, [])


def test_a_reentry_rule_holds_against_a_worker_that_was_quicker(harness: MatchHarness) -> None:
    """Two workers read a customer who had not entered; only one run is opened, and the other receipt says `already-entered`."""
    harness.journeys.publish(journey())
    meanwhile(harness, arrived(SIGN_UP | {"uuid": "x"}))
    harness.match(arrived(SIGN_UP))
    assert [harness.receipt(uuid).journeys[0].reason for uuid in ("x", "e0")] == [None, Reason.ALREADY_ENTERED]
    assert len(harness.runs.all) == 1


def test_runs_that_change_all_the_time_are_an_outage(harness: MatchHarness) -> None:
    """The signal is left to a later delivery, which opens the run once."""

    def change_version(commit: Commit) -> None:
        customer_runs = harness.runs.get("w1", CUSTOMER)
        harness.runs.stored_runs["w1", CUSTOMER] = replace(customer_runs, version_row=VersionRow(commit.version_row.version + 1))

    harness.runs.before_commit = change_version
    with pytest.raises(UnavailableError):
        harness.match(arrived(SIGN_UP))
    harness.runs.before_commit = lambda _: None
    harness.match(arrived(SIGN_UP), redelivered=True)
    assert len(harness.runs.all) == 1


def test_an_event_that_another_signal_processed_meanwhile_is_not_processed_again(harness: MatchHarness) -> None:
    """The receipt of the other signal stays, and the effects of the earlier events of this signal are executed all the same."""
    elsewhere = arrived(SIGN_UP | {"correlationValue": "device-2", "uuid": "e1"})
    meanwhile(harness, elsewhere, before=lambda commit: any(receipt.uuid == "e1" for receipt in commit.receipts))
    harness.match(arrived(SIGN_UP, SIGN_UP))
    assert (len(harness.runs.all), len(harness.queued), harness.runs.pending_effects) == (2, 2, [])
    assert harness.receipt("e1").customer != CUSTOMER


def test_pending_effects_are_executed_by_the_next_event_at_the_latest(harness: MatchHarness) -> None:
    """A worker died after its save; the next signal of the customer queues the message, even before the redelivery."""
    harness.match(arrived(SIGN_UP))
    [message_id] = harness.queued
    harness.send_queue.records.clear()
    customer_runs = harness.runs.get("w1", CUSTOMER)
    harness.runs.stored_runs["w1", CUSTOMER] = replace(
        customer_runs, version_row=replace(customer_runs.version_row, pending_effects=(SendMessage(message_id),))
    )
    harness.match(arrived(SIGN_UP | {"uuid": "x"}))
    assert (len(harness.queued), message_id in harness.queued, harness.runs.pending_effects) == (2, True, [])


def test_with_effects_only_events_without_effect_are_not_recorded() -> None:
    """With `EventLog=effects` an event that moves nothing has no receipt, no place in the log, and costs no write."""
    harness = MatchHarness(log_all=False)
    harness.journeys.publish(journey())
    harness.match(arrived({"event": "page_view"}, known=True))
    assert (harness.receipts.stored, harness.log.writes) == ({}, 0)
    harness.match(arrived({"event": "page_view"}, SIGN_UP, {"event": "page_view"}))
    assert {uuid for _, uuid in harness.receipts.stored} == {"e1"}
    assert harness.log.logged == ["e1"]


def test_with_effects_a_repeat_of_an_event_that_a_journey_names_is_a_duplicate() -> None:
    """An event that a published or paused journey names has a receipt even if it changed nothing: sent again, it opens no run."""
    harness = MatchHarness(log_all=False)
    harness.journeys.publish(journey(conditions={"property": "customer.plan", "operator": "is equal to", "value": "pro"}))
    harness.match(arrived(SIGN_UP))
    assert harness.receipt().journeys[0].reason is Reason.CONDITIONS
    harness.match(arrived({"event": "$set", "payload": {"plan": "pro"}, "uuid": "s"}))
    assert harness.match(arrived(SIGN_UP, at=LATER), LATER) == []
    assert harness.runs.all == []


@pytest.mark.parametrize("log_all", [True, False], ids=["full log", "effects only"])
def test_a_receipt_without_effect_never_replaces_one_with_an_effect(log_all: bool) -> None:
    """A uuid comes under two ids at the same time, and one event opens a run: its receipt stays, and the other event is on no page."""
    harness = MatchHarness(log_all=log_all)
    of_pro = {"property": "customer.plan", "operator": "is equal to", "value": "pro"}
    harness.journeys.publish(journey(conditions=of_pro))
    harness.match(arrived({"event": "$set", "payload": {"plan": "pro"}, "uuid": "s"}))
    harness.log.before_write = lambda: harness.match(arrived(SIGN_UP))
    harness.match(arrived(SIGN_UP | {"correlationValue": "device-2", "uuid": "e0"}, at=LATER), LATER)
    assert (harness.receipt().customer, harness.receipt().had_effect) == (CUSTOMER, True)
    assert harness.log.logged.count("e0") == 1


def test_an_event_from_before_an_erasure_is_not_logged_by_its_redelivery(harness: MatchHarness) -> None:
    """The page of a redelivered signal has no event that its receipt calls erased: its payload would outlive the erasure."""
    harness.customers.add_tombstones("w1", [Identifier("correlation", "device-1")], LATER)
    signal = arrived(SIGN_UP)
    harness.match(signal)
    harness.match(signal, redelivered=True)
    assert (harness.receipt().reason, harness.log.logged) == (Reason.ERASED, [])


def report(name: str, of: str = "msg_1", uuid: str = "r", field: str = "messageID", workspace: str = "w1") -> EventsArrived:
    """The signal of a delivery report that an app sends."""
    return arrived({"event": name, "source": "message", "payload": {field: of}, "uuid": uuid}, workspace=workspace)


@pytest.fixture
def sent(harness: MatchHarness) -> Message:
    """A message for which a provider was called."""
    message = replace(with_claim(pending_message(), NOW, "t", "ada@example.com"), status=MessageStatus.SENT, lease=None)
    harness.messages.add(message)
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
def test_reports_only_advance_a_message(harness: MatchHarness, sent: Message, names: list[str], status: MessageStatus, field: str) -> None:
    """A message takes the most advanced status that was reported, in whatever order reports come and however the SDK spells the field."""
    for place, name in enumerate(names):
        harness.match(report(name, uuid=f"r{place}", field=field))
    assert harness.messages.stored["w1", sent.id].status is status
    assert harness.receipt("r0").reason is None


def test_a_report_of_an_unknown_message_is_refused(harness: MatchHarness) -> None:
    """An unknown id, or a value that is no text, gets the reason `no-message`."""
    for place, of in enumerate(["msg_2", 7, None, ["msg_1"]]):
        harness.match(arrived({"event": "$opened", "source": "message", "payload": {"messageID": of}, "uuid": f"r{place}"}))
    assert {harness.receipt(f"r{place}").reason for place in range(4)} == {Reason.NO_MESSAGE}


def test_a_report_cannot_change_a_message_of_another_workspace(harness: MatchHarness, sent: Message) -> None:
    """A report with the id of another workspace's message gets `no-message`, and the message stays as it is."""
    harness.match(report("$opened", workspace="w2"))
    assert harness.receipts.stored["w2", "r"].reason is Reason.NO_MESSAGE
    assert harness.messages.stored["w1", sent.id] == sent


def test_a_report_enters_no_journey(harness: MatchHarness, sent: Message) -> None:
    """A journey whose entry names `$opened` is not entered by a delivery report."""
    harness.journeys.publish(journey(event="$opened"))
    harness.match(report("$opened"))
    assert harness.runs.all == []


def test_a_report_and_its_sender_may_write_at_the_same_time(harness: MatchHarness) -> None:
    """The message is read again after the sender's save, so it is delivered, and the sender's record is not lost."""
    sending = with_claim(pending_message(), NOW, "t", "ada@example.com")
    harness.messages.add(sending)

    def record(_: Message) -> None:
        harness.messages.before_save = lambda _: None
        harness.messages.save(replace(sending, status=MessageStatus.SENT, lease=None), sending)

    harness.messages.before_save = record
    harness.match(report("$delivered"))
    assert harness.messages.stored["w1", "msg_1"].status is MessageStatus.DELIVERED


@pytest.mark.parametrize(("visit", "status"), [(2, "active"), (1, "exited")])
def test_an_outcome_moves_only_the_visit_that_it_is_about(harness: MatchHarness, visit: int, status: str) -> None:
    """A run that waits in the same step for the message of another visit stays there."""
    harness.journeys.publish(journey(steps=[message("hello", "end", onFailure="end"), {"id": "end", "type": "exit"}]))
    harness.match(arrived(SIGN_UP))
    [run] = harness.runs.all
    lookup_id = Identifier("correlation", "device-1")
    harness.match(MessageSettled("w1", CUSTOMER, lookup_id, run.id, "hello", visit, "msg", MessageStatus.SENT))
    [after] = harness.runs.all
    assert after.status.value == status


def test_runs_of_one_key_may_end_together_after_another_has_ended(harness: MatchHarness) -> None:
    """Two runs that end in one transaction replace the earlier ended run once, so DynamoDB accepts the transaction."""
    hour = [{"id": "rest", "type": "timeDelay", "delay": "PT1H", "next": "end"}, {"id": "end", "type": "exit"}]
    harness.journeys.publish(journey(reentry={"mode": "always"}, steps=hour))
    for uuid, after in (("first", 0), ("second", 1), ("third", 1), ("an hour later", 60), ("a minute more", 61)):
        at = NOW + timedelta(minutes=after)
        harness.match(arrived(SIGN_UP | {"uuid": uuid}, at=at), at)
    assert [run.reason for run in harness.runs.all].count(Reason.FINISHED) == 3
