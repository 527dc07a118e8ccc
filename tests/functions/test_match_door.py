"""The signals queue's door: what SQS is told of each record, when it comes again, what is parked, and what is logged."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.match import app
from tests.fakes.journeys import journey
from tests.fakes.match_harness import SCHEMA, MatchHarness
from tests.fakes.messages import FakeDeadLetters
from waypost import wiring
from waypost.domain.errors import UnavailableError
from waypost.domain.runs.changes import Commit
from waypost.domain.signals import EventsArrived
from waypost.telemetry import logger

EVENTS = Path(__file__).parents[2] / "events"


@dataclass
class PatientSignals:
    """A signals queue that remembers which records come again, and after how many seconds."""

    delayed: list[tuple[str, int]] = field(default_factory=list)
    down: bool = False

    def delay(self, receipts: Sequence[tuple[str, int]]) -> None:
        if self.down:
            raise UnavailableError("throttled")
        self.delayed += receipts


@dataclass
class Door:
    """The matcher's door with fakes behind it."""

    world: MatchHarness = field(default_factory=MatchHarness)
    queue: PatientSignals = field(default_factory=PatientSignals)
    dead: FakeDeadLetters = field(default_factory=FakeDeadLetters)

    def call(self, batch: dict[str, Any]) -> list[int]:
        """The places of the records that go back to the queue."""
        ids = [record["messageId"] for record in batch["Records"]]
        answer = app.lambda_handler(batch, LambdaContext())
        return [ids.index(failure["itemIdentifier"]) for failure in answer["batchItemFailures"]]

    @property
    def entered(self) -> set[str]:
        """The uuids of the events that opened a run."""
        return {uuid for (_, uuid), receipt in self.world.receipts.stored.items() if receipt.had_effect}

    def fail(self, uuid: str, error: Exception) -> None:
        """Makes the event of this uuid fail where it would be saved."""

        def before_commit(commit: Commit) -> None:
            if any(receipt.uuid == uuid for receipt in commit.receipts):
                raise error

        self.world.runs.before_commit = before_commit


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> Door:
    """A workspace whose journey every `signed_up` enters; the door finds the fakes where it looks for AWS."""
    made = Door()
    made.world.workspaces.schemas["w1"] = SCHEMA
    made.world.journeys.publish(journey(reentry={"mode": "always"}))
    monkeypatch.setattr(wiring, "matching", made.world.ports)
    monkeypatch.setattr(wiring, "signals_queue", lambda: made.queue)
    monkeypatch.setattr(wiring, "dead_letters", lambda: made.dead)
    return made


def records(name: str) -> dict[str, Any]:
    """What SQS would send, from the folder of events."""
    read: dict[str, Any] = json.loads((EVENTS / f"match-{name}.json").read_text())
    return read


def received(batch: dict[str, Any], times: int) -> dict[str, Any]:
    """The same records, received so many times."""
    for record in batch["Records"]:
        record["attributes"]["ApproximateReceiveCount"] = str(times)
    return batch


@pytest.mark.parametrize(("name", "uuids"), [("signal", {"e1"}), ("groups", {"a1", "a2", "b1", "b2", "c1"}), ("gzip", {"e0"})])
def test_records_are_carried_out(door: Door, name: str, uuids: set[str]) -> None:
    """Each event that the journey waits for has its run; nothing comes again, nothing is parked."""
    assert door.call(records(name)) == []
    assert door.entered == uuids
    assert (door.queue.delayed, door.dead.parked) == ([], {})


def test_a_failed_record_holds_back_its_group_alone(door: Door) -> None:
    """The later record of its group is reported untried, in order; other groups go on."""
    door.fail("b1", UnavailableError("throttled"))
    assert door.call(records("groups")) == [1, 3]
    assert door.entered == {"a1", "a2", "c1"}


def test_failed_records_come_again_soon(door: Door) -> None:
    """After 2, 4, 8 seconds and so on, a minute at most, in place of the queue's six minutes; also where the whole batch failed."""
    for times, seconds in ((1, 2), (3, 8), (5, 32), (6, 60), (500, 60)):
        door.queue.delayed.clear()
        door.fail("e1", UnavailableError("throttled"))
        assert door.call(received(records("signal"), times)) == [0]
        assert door.queue.delayed == [(records("signal")["Records"][0]["receiptHandle"], seconds)]


def test_records_that_are_done_stay_done_where_the_failed_ones_cannot_be_hurried(door: Door) -> None:
    """The answer to SQS is the same; the failed ones come when their visibility ends."""
    door.queue.down = True
    door.fail("b1", UnavailableError("throttled"))
    assert door.call(records("groups")) == [1, 3]


def test_an_outage_parks_nothing_however_long(door: Door) -> None:
    """A world that is down is no poison."""
    door.fail("e1", UnavailableError("down"))
    assert door.call(received(records("signal"), 500)) == [0]
    assert door.dead.parked == {}
    door.world.runs.before_commit = lambda _: None
    assert door.call(received(records("signal"), 501)) == []
    assert door.entered == {"e1"}


@pytest.mark.parametrize("times", [1, 4])
def test_poison_is_tried_again_four_times(door: Door, times: int) -> None:
    """It may be a bug that is being mended; its group waits, other groups go on."""
    door.fail("poison", ValueError("a bug"))
    assert door.call(received(records("poison"), times)) == [0, 1]
    assert door.entered == {"e0", "other"}
    assert door.dead.parked == {}


def test_at_the_fifth_receive_only_the_poisoned_event_is_parked(door: Door) -> None:
    """Its neighbours in the signal, the later record of its group, and other groups are carried out; nothing comes again."""
    door.fail("poison", ValueError("a bug"))
    assert door.call(records("poison")) == []
    assert door.entered == {"e0", "e2", "e3", "other"}
    [parked] = door.dead.parked.values()
    assert (parked.workspace, parked.kind, parked.reason) == ("w1", "signal", "ValueError")
    signal = wiring.signal_in(parked.body)
    assert isinstance(signal, EventsArrived)
    assert [event.uuid for event in signal.events] == ["poison"]
    assert door.world.log.logged == ["e0", "e2", "e3", "other"]


def test_a_parked_signal_can_be_carried_out_later(door: Door) -> None:
    """Its body is a record of the queue."""
    door.fail("poison", ValueError("a bug"))
    door.call(records("poison"))
    door.world.runs.before_commit = lambda _: None
    [parked] = door.dead.parked.values()
    record = records("signal")
    record["Records"][0]["body"] = parked.body
    assert door.call(record) == []
    assert "poison" in door.entered


def test_an_outage_while_poison_is_taken_apart_is_an_outage(door: Door) -> None:
    """Nothing is parked for it; the record comes again."""
    door.fail("poison", ValueError("a bug"))
    commit = door.world.runs.before_commit

    def both(asked: Commit) -> None:
        commit(asked)
        if any(receipt.uuid == "e2" for receipt in asked.receipts):
            raise UnavailableError("throttled")

    door.world.runs.before_commit = both
    assert door.call(records("poison")) == [0, 1]
    assert "e2" not in door.entered


def test_what_cannot_be_read_is_parked_at_once_and_blocks_nobody(door: Door) -> None:
    """Signals of an unknown kind and bodies that are no JSON, with the body as it came."""
    assert door.call(records("unreadable")) == []
    assert [(each.workspace, each.reason, each.body) for each in door.dead.parked.values()] == [
        ("unknown", "unreadable", '{"kind":"postcard"}'),
        ("unknown", "unreadable", "not JSON"),
    ]
    assert door.entered == {"e0"}


def test_a_record_that_was_received_before_pays_what_is_owed(door: Door) -> None:
    """The worker died between its save and the send queue."""
    door.world.wire.cut_at = door_cut(door)
    assert door.call(records("signal")) == [0]
    assert (door.world.queued, len(door.world.runs.pending_effects)) == (set(), 1)
    assert door.call(received(records("signal"), 2)) == []
    assert (len(door.world.queued), door.world.runs.pending_effects) == (1, [])


def door_cut(door: Door) -> int:
    """The place of the send queue's call among all calls of a signal."""
    calm = MatchHarness()
    calm.workspaces.schemas["w1"] = SCHEMA
    calm.journeys.publish(journey(reentry={"mode": "always"}))
    calm.match(wiring.signal_in(records("signal")["Records"][0]["body"]))
    return calm.wire.calls.index("FakeSendQueue.put")


def test_each_move_is_logged_once_without_personal_data(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    """A line for each entry with its journey and run, one for the signal; no address, no payload, no attribute."""
    door.call(records("signal"))
    lines = [json.loads(logger.registered_handler.format(record)) for record in caplog.records]
    assert [line["message"] for line in lines] == ["entered", "matched"]
    assert (lines[0]["journey"], lines[0]["event"], lines[0]["uuid"]) == ("welcome", "signed_up", "e1")
    assert lines[1]["events"] == ["$identify", "signed_up"]
    assert not any(word in json.dumps(lines) for word in ("ada@example.com", "Ada", "device-1", '"plan"'))


def test_what_happens_to_no_run_has_no_line_of_its_own(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    """However many journeys an event leaves alone and however many events there are: their receipts say all, the signal's line says why."""
    for name in ("gold", "silver"):
        rank = {"property": "payload.plan", "operator": "is equal to", "value": name}
        door.world.journeys.publish(journey(name, event="page_view", conditions={"all": [rank]}))
    batch = records("signal")
    signal = json.loads(batch["Records"][0]["body"])
    views = [{**signal["events"][-1], "event": "page_view", "uuid": f"v{number}", "payload": {}} for number in range(30)]
    batch["Records"][0]["body"] = json.dumps({**signal, "events": views})
    assert door.call(batch) == []
    [line] = [json.loads(logger.registered_handler.format(record)) for record in caplog.records]
    assert (line["events"], line["matched"], line["reasons"]) == (["page_view"] * 20, 30, ["conditions"])
    assert len(door.world.receipts.stored["w1", "v0"].journeys) == 2
