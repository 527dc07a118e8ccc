"""Records of the delays queue in the match function: each moves to the signals queue, and its run does not change before that."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.match import app
from tests.fakes.telemetry import named_context, newer_format_count
from waypost import wiring
from waypost.domain import signal_codec
from waypost.domain.signals import QueueMessage, TimerDue

BATCH = json.loads((Path(__file__).parents[2] / "events" / "match-delayed.json").read_text())


@dataclass
class FakeQueues:
    """The signals queue, with the message groups that it refuses, and the delays queue."""

    sent: list[QueueMessage] = field(default_factory=list)
    refuses: set[str] = field(default_factory=set)
    postponed: list[tuple[str, int]] = field(default_factory=list)

    def send(self, queue_messages: Sequence[QueueMessage]) -> list[QueueMessage]:
        refused = [each for each in queue_messages if each.group in self.refuses]
        self.sent += [each for each in queue_messages if each not in refused]
        return refused

    def postpone(self, receipt_handle: str, seconds: int) -> None:
        self.postponed.append((receipt_handle, seconds))


@pytest.fixture
def queues(monkeypatch: pytest.MonkeyPatch) -> FakeQueues:
    """Both queues in the wiring, and nothing else: a call of the matcher would fail."""
    made = FakeQueues()
    monkeypatch.setattr(wiring, "signals_queue", lambda: made)
    monkeypatch.setattr(wiring, "delays_queue", lambda: made)
    return made


def failures(batch: dict[str, Any], context: LambdaContext | None = None) -> list[str]:
    """The ids of the records that return to the delays queue."""
    response = app.lambda_handler(batch, context or LambdaContext())
    return [str(each["itemIdentifier"]) for each in response["batchItemFailures"]]


def test_a_delayed_signal_moves_to_the_group_of_its_customer(queues: FakeQueues) -> None:
    """It keeps its deduplication id, so that a record that is delivered twice is one signal."""
    assert failures(BATCH) == []
    assert [(queue_message.group, queue_message.name) for queue_message in queues.sent] == [("c_1", "t_1"), ("c_2", "t_2")]
    assert isinstance(signal_codec.from_body(queues.sent[0].body), TimerDue)


def test_a_record_that_the_signals_queue_refuses_is_retried_soon(queues: FakeQueues) -> None:
    """Only that record returns, and after seconds: after the visibility timeout of six minutes its timer would be late."""
    queues.refuses.add("c_1")
    assert failures(BATCH) == ["delayed-1"]
    assert queues.postponed == [("handle-1", 2)]
    assert [queue_message.group for queue_message in queues.sent] == ["c_2"]


def test_an_unreadable_record_goes_to_the_dead_letter_queue(queues: FakeQueues) -> None:
    """It fails alone at every receive, without a shorter pause, until SQS moves it."""
    first, second = BATCH["Records"]
    assert failures({"Records": [first | {"body": "nonsense"}, second]}) == ["delayed-1"]
    assert queues.postponed == []
    assert [queue_message.group for queue_message in queues.sent] == ["c_2"]


def test_a_record_of_a_newer_format_stays_on_the_queue(queues: FakeQueues, capsys: pytest.CaptureFixture[str]) -> None:
    """It is retried after seconds and counted in the metric of the alarm, and the other record moves on."""
    first, second = BATCH["Records"]
    newer = first | {"body": '{"format":2,"group":"c_1"}'}
    assert failures({"Records": [newer, second]}, named_context("match-1")) == ["delayed-1"]
    assert queues.postponed == [("handle-1", 2)]
    assert [queue_message.group for queue_message in queues.sent] == ["c_2"]
    assert newer_format_count(capsys, "match-1") == 1


def test_a_newer_signal_in_a_record_is_forwarded_unread(queues: FakeQueues) -> None:
    """The record is ours; whether this version understands the signal in it is decided when the signals queue delivers it."""
    [first, _] = BATCH["Records"]
    assert failures({"Records": [first | {"body": json.dumps(["c_1", "t_1", '{"format":2,"kind":"timer"}'])}]}) == []
    assert [queue_message.body for queue_message in queues.sent] == ['{"format":2,"kind":"timer"}']
