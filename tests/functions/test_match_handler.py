"""Records of the signals queue in the match function: the response to SQS, when a record is retried or parked, and what is logged."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from functions.match import app
from tests.fakes.journeys import journey
from tests.fakes.match_harness import SCHEMA, MatchHarness
from tests.fakes.messages import NOW, FakeDeadLetters, FakeStartedAttempts
from tests.fakes.telemetry import counts, metric_count, named_context, newer_format_count
from waypost import wiring
from waypost.domain import signal_codec
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.errors import UnavailableError
from waypost.domain.runs.changes import Commit
from waypost.domain.signals import EventsArrived
from waypost.telemetry import logger

EVENTS = Path(__file__).parents[2] / "events"


def records(name: str) -> dict[str, Any]:
    """A batch as SQS sends it, from the folder of example events."""
    read: dict[str, Any] = json.loads((EVENTS / f"match-{name}.json").read_text())
    return read


SIGNAL = json.loads(records("signal")["Records"][0]["body"])
WORKSPACE, TRIGGER = SIGNAL["workspace"], SIGNAL["events"][1]["uuid"]
"""The workspace of all files, and the uuid of the event of `match-signal.json` that enters the journey."""


@dataclass
class FakeVisibility:
    """A signals queue that records which messages become visible again, and after how many seconds."""

    delayed: list[tuple[str, int]] = field(default_factory=list)
    error: Exception | None = None

    def delay(self, receipts: Sequence[tuple[str, int]]) -> None:
        if self.error is not None:
            raise self.error
        self.delayed += receipts


@dataclass
class MatchFunction:
    """The match function on fakes."""

    harness: MatchHarness = field(default_factory=MatchHarness)
    queue: FakeVisibility = field(default_factory=FakeVisibility)
    dead: FakeDeadLetters = field(default_factory=FakeDeadLetters)
    started: FakeStartedAttempts = field(default_factory=FakeStartedAttempts)

    def invoke(self, batch: dict[str, Any]) -> list[int]:
        """The positions of the records that return to the queue."""
        ids = [record["messageId"] for record in batch["Records"]]
        response = app.lambda_handler(batch, named_context("match-1"))
        return [ids.index(failure["itemIdentifier"]) for failure in response["batchItemFailures"]]

    @property
    def entered(self) -> set[str]:
        """The uuids of the events that opened a run."""
        return {uuid for (_, uuid), receipt in self.harness.receipts.stored.items() if receipt.had_effect}

    def fail(self, uuid: str, error: BaseException) -> None:
        """Makes the commit of the event of this uuid fail."""

        def before_commit(commit: Commit) -> None:
            if any(receipt.uuid == uuid for receipt in commit.receipts):
                raise error

        self.harness.runs.before_commit = before_commit


def harness_with_journey() -> MatchHarness:
    """A workspace whose journey every `trigger_some_message` enters."""
    made = MatchHarness()
    made.workspaces.schemas[WORKSPACE] = SCHEMA
    made.journeys.publish(journey(event="trigger_some_message", reentry={"mode": "always"}), workspace=WORKSPACE)
    return made


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> MatchFunction:
    """The function in a workspace whose journey every `trigger_some_message` enters; the wiring holds fakes in place of AWS."""
    made = MatchFunction(harness_with_journey())
    monkeypatch.setattr(wiring, "matching", made.harness.ports)
    monkeypatch.setattr(wiring, "signals_queue", lambda: made.queue)
    monkeypatch.setattr(wiring, "dead_letters", lambda: made.dead)
    monkeypatch.setattr(wiring, "started_attempts", lambda: made.started)
    return made


def received(batch: dict[str, Any], times: int) -> dict[str, Any]:
    """The same records at a later receive."""
    for record in batch["Records"]:
        record["attributes"]["ApproximateReceiveCount"] = str(times)
    return batch


def log_lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """The log lines as CloudWatch gets them."""
    return [json.loads(logger.registered_handler.format(record)) for record in caplog.records]


@pytest.mark.parametrize(("name", "uuids"), [("signal", {TRIGGER}), ("groups", {"a1", "a2", "b1", "b2", "c1"}), ("gzip", {"d1"})])
def test_every_record_of_a_batch_is_matched(function: MatchFunction, name: str, uuids: set[str]) -> None:
    """Each event that the journey waits for opens a run; no record is retried and none is parked."""
    assert function.invoke(records(name)) == []
    assert function.entered == uuids
    assert (function.queue.delayed, function.dead.parked) == ([], {})


def test_a_failed_record_holds_back_its_group_alone(function: MatchFunction) -> None:
    """The later record of its message group is reported without an attempt; the records of other groups are matched."""
    function.fail("b1", UnavailableError("throttled"))
    assert function.invoke(records("groups")) == [1, 3]
    assert function.entered == {"a1", "a2", "c1"}


@pytest.mark.parametrize(("times", "seconds"), [(1, 2), (3, 8), (5, 32), (6, 64), (9, 512), (10, 900), (500, 900)])
def test_an_outage_is_retried_after_longer_and_longer_pauses(function: MatchFunction, times: int, seconds: int) -> None:
    """A record that met an outage becomes visible after 2, 4, 8 seconds and so on up to 15 minutes, even if the whole batch fails."""
    function.fail(TRIGGER, UnavailableError("throttled"))
    assert function.invoke(received(records("signal"), times)) == [0]
    assert function.queue.delayed == [(records("signal")["Records"][0]["receiptHandle"], seconds)]


@pytest.mark.parametrize("error", [UnavailableError("throttled"), ValueError("refused")])
def test_finished_records_stay_finished_if_the_visibility_cannot_be_changed(function: MatchFunction, error: Exception) -> None:
    """The response to SQS is the same; the failed records become visible when their visibility timeout ends."""
    function.queue.error = error
    function.fail("b1", UnavailableError("throttled"))
    assert function.invoke(records("groups")) == [1, 3]


def test_an_outage_parks_nothing_however_long_it_lasts(function: MatchFunction) -> None:
    """A signal that meets an unavailable dependency 500 times is not parked, and is matched once the outage ends."""
    function.fail(TRIGGER, UnavailableError("down"))
    assert function.invoke(received(records("signal"), 500)) == [0]
    assert function.dead.parked == {}
    function.harness.runs.before_commit = lambda _: None
    assert function.invoke(received(records("signal"), 501)) == []
    assert function.entered == {TRIGGER}


@pytest.mark.parametrize(("times", "seconds"), [(1, 2), (4, 16)])
def test_a_poisoned_record_and_those_behind_it_are_retried_within_a_minute(function: MatchFunction, times: int, seconds: int) -> None:
    """The pause of an outage is for records that met one: a record behind another one becomes visible as soon as that one may."""
    function.fail("poison", ValueError("a bug"))
    function.invoke(received(records("poison"), times))
    assert {each for _, each in function.queue.delayed} == {seconds}


class ProcessEnd(BaseException):
    """The end of the process, by a time-out or for want of memory: no code of ours runs after it."""


def test_a_record_that_ends_the_process_is_parked_after_three_attempts(function: MatchFunction) -> None:
    """From the tenth receive three ends of the process are enough: the record is parked with its reason and is not tried again."""
    function.fail(TRIGGER, ProcessEnd())
    for times in range(1, 13):
        with pytest.raises(ProcessEnd):
            function.invoke(received(records("signal"), times))
    assert function.dead.parked == {}
    assert function.invoke(received(records("signal"), 13)) == []
    [parked] = function.dead.parked.values()
    assert (parked.workspace, parked.kind, parked.reason) == (WORKSPACE, "signal", "process-ended")
    assert signal_codec.from_body(parked.body) == signal_codec.from_body(records("signal")["Records"][0]["body"])


def test_an_outage_is_no_end_of_the_process(function: MatchFunction) -> None:
    """Outages between ends of the process set the count back: only attempts in a row without any end park a record."""
    for times in range(10, 30, 2):
        function.fail(TRIGGER, ProcessEnd())
        with pytest.raises(ProcessEnd):
            function.invoke(received(records("signal"), times))
        function.fail(TRIGGER, UnavailableError("down"))
        assert function.invoke(received(records("signal"), times + 1)) == [0]
    assert (function.dead.parked, function.started.starts) == ({}, {})


def test_usual_records_write_no_row_for_their_attempt(function: MatchFunction, monkeypatch: pytest.MonkeyPatch) -> None:
    """The row costs two calls: a record of fewer than ten receives has none."""
    monkeypatch.setattr(wiring, "started_attempts", lambda: pytest.fail("a usual record was counted"))
    assert function.invoke(received(records("signal"), 9)) == []


def test_a_suspect_record_gets_most_of_the_time_of_an_invocation(function: MatchFunction, monkeypatch: pytest.MonkeyPatch) -> None:
    """Late in an invocation it is not started: it might run out of time that other records used, and be blamed for it."""
    seconds = iter(range(0, 1000, 16))
    monkeypatch.setattr(app, "time", SimpleNamespace(monotonic=lambda: next(seconds)))
    assert function.invoke(received(records("signal"), 500)) == [0]
    assert (function.entered, function.started.starts) == (set(), {})
    assert [each for _, each in function.queue.delayed] == [60]


@pytest.mark.parametrize("times", [1, 4])
def test_a_poisoned_signal_is_retried_four_times(function: MatchFunction, times: int) -> None:
    """Until the fifth receive a deployment may repair the fault: the group waits, other groups go on, nothing is parked."""
    function.fail("poison", ValueError("a bug"))
    assert function.invoke(received(records("poison"), times)) == [0, 1]
    assert function.entered == {"e0", "other"}
    assert function.dead.parked == {}


def test_at_the_fifth_receive_only_the_poisoned_event_is_parked(function: MatchFunction) -> None:
    """The other events of the signal, the later record of its group and other groups are matched, and no record is retried."""
    function.fail("poison", ValueError("a bug"))
    assert function.invoke(records("poison")) == []
    assert function.entered == {"e0", "e2", "e3", "other"}
    [parked] = function.dead.parked.values()
    assert (parked.workspace, parked.kind, parked.reason) == (WORKSPACE, "signal", "ValueError")
    signal = signal_codec.from_body(parked.body)
    assert isinstance(signal, EventsArrived)
    assert [event.uuid for event in signal.events] == ["poison"]
    assert function.harness.log.logged == ["e0", "e2", "e3", "other"]


def test_a_parked_signal_can_be_matched_later(function: MatchFunction) -> None:
    """The body of a parked signal is a body of the queue, so a redrive only has to send it."""
    function.fail("poison", ValueError("a bug"))
    function.invoke(records("poison"))
    function.harness.runs.before_commit = lambda _: None
    [parked] = function.dead.parked.values()
    batch = records("signal")
    group = signal_codec.from_body(parked.body).customer
    batch["Records"][0] |= {"body": parked.body, "attributes": batch["Records"][0]["attributes"] | {"MessageGroupId": group}}
    assert function.invoke(batch) == []
    assert "poison" in function.entered


def test_an_outage_while_a_poisoned_signal_is_split_parks_no_event_for_it(function: MatchFunction) -> None:
    """An event that meets an outage is not parked; its record is retried."""
    function.fail("poison", ValueError("a bug"))
    fail_poison = function.harness.runs.before_commit

    def fail_both(commit: Commit) -> None:
        fail_poison(commit)
        if any(receipt.uuid == "e2" for receipt in commit.receipts):
            raise UnavailableError("throttled")

    function.harness.runs.before_commit = fail_both
    assert function.invoke(records("poison")) == [0, 1]
    assert "e2" not in function.entered


def test_an_unreadable_record_is_parked_at_once_and_blocks_no_other(function: MatchFunction) -> None:
    """A body that is no signal of any version is parked as it is, and the next record is matched."""
    assert function.invoke(records("unreadable")) == []
    assert [(each.workspace, each.reason, each.body) for each in function.dead.parked.values()] == [
        ("unknown", "unreadable", '{"kind":"events"}'),
        ("unknown", "unreadable", "not JSON"),
    ]
    assert function.entered == {"g0"}


@pytest.mark.parametrize("is_compressed", [False, True])
def test_an_unreadable_record_is_listed_in_the_workspace_that_it_names(
    function: MatchFunction, capsys: pytest.CaptureFixture[str], *, is_compressed: bool
) -> None:
    """The people of the workspace find it among their dead letters, and the metric of the alarm counts it."""
    body = json.dumps({"kind": "events", "workspace": WORKSPACE, "events": [{}, {}]})
    batch = records("signal")
    batch["Records"][0]["body"] = signal_codec.compressed(body) if is_compressed else body
    assert function.invoke(batch) == []
    assert [(each.workspace, each.reason) for each in function.dead.parked.values()] == [(WORKSPACE, "unreadable")]
    assert counts(capsys) == {("Parked", ""): 1, ("EventsParked", ""): 2}


def one_record(events: Sequence[dict[str, Any]], group: str = SIGNAL["customer"], **changed: Any) -> dict[str, Any]:
    """A batch of one record at its fifth receive, with these events in this message group."""
    batch = received(records("signal"), 5)
    batch["Records"][0]["body"] = json.dumps({**SIGNAL, "events": list(events), **changed})
    batch["Records"][0]["attributes"]["MessageGroupId"] = group
    return batch


@pytest.mark.parametrize("log_all", [True, False])
def test_accepted_events_are_recorded_duplicates_dropped_or_parked(
    function: MatchFunction, capsys: pytest.CaptureFixture[str], *, log_all: bool
) -> None:
    """Of a run without faults of AWS, the metrics add up to the accepted events: none is lost and none is counted twice."""
    function.harness.log_all = log_all
    trigger = SIGNAL["events"][1]
    gone = Identifier("correlation", "device-9")
    function.harness.customers.add_tombstones(WORKSPACE, [gone], NOW)
    function.fail("bad", ValueError("a bug"))
    batches = [
        one_record(SIGNAL["events"]),
        one_record(SIGNAL["events"]),
        one_record([{**trigger, "uuid": "u1"}] * 3),
        one_record([{**trigger, "uuid": "u2"}, {**trigger, "uuid": "bad"}, {**trigger, "uuid": "u3"}]),
        one_record([{**trigger, "uuid": "u4", "id": list(gone)}, {**trigger, "uuid": "u5"}]),
        one_record([{**trigger, "uuid": "u6"}, {**trigger, "uuid": "u6"}, {**trigger, "uuid": "u7"}], group="c_another"),
        one_record([{**trigger, "uuid": "u8"}], kind="events", receivedAt=7),
    ]
    accepted = sum(len(json.loads(batch["Records"][0]["body"])["events"]) for batch in batches)
    totals: Counter[str] = Counter()
    for batch in batches:
        assert function.invoke(batch) == []
        for each in function.harness.signals.queue_messages:
            moved = one_record([], group=each.group)
            moved["Records"][0]["body"] = each.body
            assert function.invoke(moved) == []
        function.harness.signals.queue_messages.clear()
    for (name, _), number in counts(capsys).items():
        totals[name] += number
    names = ("EventsRecorded", "EventsDuplicate", "EventsDropped", "EventsParked")
    assert sum(totals[name] for name in names) == accepted
    assert (totals["EventsDropped"], totals["EventsParked"], totals["Parked"]) == (1, 2, 2)
    assert totals["EventsDuplicate"] >= 5


def test_each_event_of_a_signal_is_counted_once(function: MatchFunction, capsys: pytest.CaptureFixture[str]) -> None:
    """A signal that is delivered twice counts its events as recorded, then as duplicates; a parked event counts as parked.

    Of the poisoned signal, the event before the poison was saved by the attempt that failed, and counts as a duplicate.
    """
    function.invoke(records("signal"))
    assert counts(capsys) == {("EventsRecorded", ""): 2}
    function.invoke(records("signal"))
    assert counts(capsys) == {("EventsDuplicate", ""): 2}
    function.fail("poison", ValueError("a bug"))
    function.invoke(records("poison"))
    assert counts(capsys) == {("EventsRecorded", ""): 3, ("EventsDuplicate", ""): 1, ("Parked", ""): 1, ("EventsParked", ""): 1}


@pytest.mark.parametrize("times", [1, 5, 999])
@pytest.mark.parametrize("change", [{"kind": "postcard"}, {"format": 2}, {"brand_new": 1}], ids=["kind", "format", "key"])
def test_a_signal_of_a_newer_version_stays_on_the_queue(
    function: MatchFunction, change: dict[str, Any], times: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is never parked and never half understood: it is retried within a minute, and the metric of the alarm counts each receive."""
    batch = received(records("signal"), times)
    body = json.loads(batch["Records"][0]["body"])
    batch["Records"][0]["body"] = json.dumps({**body, **change})
    assert function.invoke(batch) == [0]
    assert (function.entered, function.dead.parked) == (set(), {})
    assert [seconds for _, seconds in function.queue.delayed] == [min(2**times, 60)]
    assert newer_format_count(capsys, "match-1") == 1


def test_an_unreadable_journey_is_logged_and_counted_and_stops_no_signal(
    function: MatchFunction, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Each signal of the workspace is processed, and says in the log and in the metric of the alarm that there is such a journey."""
    function.harness.journeys.publish(journey("broken"), workspace=WORKSPACE)
    del function.harness.journeys.published[WORKSPACE, "broken", 1]
    assert function.invoke(records("signal")) == []
    assert function.entered
    assert metric_count(capsys, "UnreadableJourneys", "match-1") == 1
    [line] = [line for line in log_lines(caplog) if line["message"] == "unreadable journey"]
    assert (line["workspace"], line["journeys"]) == (WORKSPACE, ["broken"])


def test_a_signal_of_a_newer_version_holds_back_its_group_alone(function: MatchFunction) -> None:
    """The later record of its customer waits behind it, in order; other customers go on."""
    batch = records("groups")
    body = json.loads(batch["Records"][1]["body"])
    batch["Records"][1]["body"] = json.dumps({**body, "format": 2})
    assert function.invoke(batch) == [1, 3]
    assert function.entered == {"a1", "a2", "c1"}


def test_a_redelivered_record_executes_pending_effects(function: MatchFunction) -> None:
    """A worker that dies between its save and the send queue leaves the message as a pending effect; the redelivery sends it."""
    function.harness.port_calls.fail_at = position_of_send_call()
    assert function.invoke(records("signal")) == [0]
    assert (function.harness.queued, len(function.harness.runs.pending_effects)) == (set(), 1)
    assert function.invoke(received(records("signal"), 2)) == []
    assert (len(function.harness.queued), function.harness.runs.pending_effects) == (1, [])


def position_of_send_call() -> int:
    """The position of the call of the send queue among all port calls of a signal."""
    undisturbed = harness_with_journey()
    undisturbed.match(signal_codec.from_body(records("signal")["Records"][0]["body"]))
    return undisturbed.port_calls.calls.index("FakeSendQueue.put")


def test_each_move_is_logged_once_without_personal_data(function: MatchFunction, caplog: pytest.LogCaptureFixture) -> None:
    """An entry has one line with its journey and run, the signal has one line, and no line holds an address, a payload or an attribute."""
    function.invoke(records("signal"))
    lines = log_lines(caplog)
    assert [line["message"] for line in lines] == ["entered", "matched"]
    assert (lines[0]["journey"], lines[0]["event"], lines[0]["uuid"]) == ("welcome", "trigger_some_message", TRIGGER)
    assert lines[1]["events"] == ["$identify", "trigger_some_message"]
    assert not any(word in json.dumps(lines) for word in ("example@youremail.com", "Ada", "device-1", '"some_value"'))


def test_events_without_effect_have_no_log_line_of_their_own(function: MatchFunction, caplog: pytest.LogCaptureFixture) -> None:
    """Thirty events that no run is moved by are one line with their reasons, while the receipt of each names the journeys."""
    for name in ("gold", "silver"):
        rank = {"property": "payload.plan", "operator": "is equal to", "value": name}
        function.harness.journeys.publish(journey(name, event="page_view", conditions={"all": [rank]}), workspace=WORKSPACE)
    batch = records("signal")
    signal = json.loads(batch["Records"][0]["body"])
    views = [{**signal["events"][-1], "event": "page_view", "uuid": f"v{number}", "payload": {}} for number in range(30)]
    batch["Records"][0]["body"] = json.dumps({**signal, "events": views})
    assert function.invoke(batch) == []
    [line] = log_lines(caplog)
    assert (line["events"], line["matched"], line["reasons"]) == (["page_view"] * 20, 30, ["conditions"])
    assert len(function.harness.receipts.stored[WORKSPACE, "v0"].journeys) == 2


def test_a_batch_is_one_write_of_numbers(function: MatchFunction) -> None:
    """The five entries of a batch, of three customers, are added to the numbers of their journey together."""
    assert function.invoke(records("groups")) == []
    [counts] = function.harness.counters.stored.values()
    assert (counts.entered, function.harness.counters.writes) == (5, 1)


def test_numbers_that_cannot_be_written_fail_no_record(
    function: MatchFunction, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The records are processed, and the failure is one line of the log."""

    def add(*_: object) -> None:
        raise UnavailableError("throttled")

    monkeypatch.setattr(function.harness.counters, "add", add)
    assert function.invoke(records("groups")) == []
    assert function.entered == {"a1", "a2", "b1", "b2", "c1"}
    assert [line["level"] for line in log_lines(caplog) if line["message"] == "not counted"] == ["WARNING"]


def test_the_time_of_a_record_is_on_the_clock_of_the_local_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that was advanced by three days also advances the time at which the queue accepted a record."""
    clock_file = tmp_path / "clock"
    clock_file.write_text(repr(3 * 86400.0))
    record = records("signal")["Records"][0]
    plain = app._queue_record(SQSRecord(record)).sent_at
    monkeypatch.setenv("WAYPOST_CLOCK_FILE", str(clock_file))
    advanced = app._queue_record(SQSRecord(record)).sent_at
    assert plain is not None
    assert advanced == plain + timedelta(days=3)
