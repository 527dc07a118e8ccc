"""The delays queue's records at the matcher's door: each moves to the signals queue, and nothing happens to its run before its turn."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.match import app
from waypost import wiring
from waypost.domain import signals
from waypost.domain.signals import QueueMessage

BATCH = json.loads((Path(__file__).parents[2] / "events" / "match-delayed.json").read_text())


@dataclass
class Queues:
    """The signals queue, with the groups that it refuses, and the delays queue."""

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
def queues(monkeypatch: pytest.MonkeyPatch) -> Queues:
    """Both queues where the door looks for them, and nothing else: a matcher would fail."""
    made = Queues()
    monkeypatch.setattr(wiring, "signals_queue", lambda: made)
    monkeypatch.setattr(wiring, "delays_queue", lambda: made)
    return made


def failures(batch: dict[str, Any]) -> list[str]:
    """The ids of the records that go back to the delays queue."""
    return [str(each["itemIdentifier"]) for each in app.lambda_handler(batch, LambdaContext())["batchItemFailures"]]


def test_a_delayed_signal_moves_to_its_customer_s_group(queues: Queues) -> None:
    """With its own name, so that the same record twice is one signal."""
    assert failures(BATCH) == []
    assert [(queue_message.group, queue_message.name) for queue_message in queues.sent] == [("c_1", "t_1"), ("c_2", "t_2")]
    assert isinstance(signals.from_wire(json.loads(queues.sent[0].body)), signals.TimerDue)


def test_what_the_signals_queue_refuses_comes_again_soon(queues: Queues) -> None:
    """Only that record, and after seconds: six minutes would be a late timer."""
    queues.refuses.add("c_1")
    assert failures(BATCH) == ["delayed-1"]
    assert queues.postponed == [("handle-1", 2)]
    assert [queue_message.group for queue_message in queues.sent] == ["c_2"]


def test_what_nobody_can_read_stays_for_the_dead_letters(queues: Queues) -> None:
    """It fails alone, and the queue gives it up by itself."""
    first, second = BATCH["Records"]
    assert failures({"Records": [first | {"body": "nonsense"}, second]}) == ["delayed-1"]
    assert [queue_message.group for queue_message in queues.sent] == ["c_2"]
