"""The send queue's door: what SQS is told of each record, and what is logged."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.send import app
from tests.fakes.messages import FakeSendQueue, pending_message
from tests.fakes.send_harness import SendHarness
from waypost import wiring
from waypost.domain.errors import UnavailableError
from waypost.domain.messages.message import MessageStatus, ProviderResponse
from waypost.telemetry import logger

EVENTS = Path(__file__).parents[2] / "events"


@dataclass
class PatientQueue(FakeSendQueue):
    """A send queue that remembers which records were put off, and for how long."""

    postponed: list[tuple[str, int]] = field(default_factory=list)

    def postpone(self, receipt_handle: str, seconds: int) -> None:
        self.postponed.append((receipt_handle, seconds))


@pytest.fixture
def context(monkeypatch: pytest.MonkeyPatch) -> SendHarness:
    """Three e-mails are owed, and the door finds the fakes where it looks for AWS."""
    made = SendHarness(queue=PatientQueue())
    for number in (1, 2, 3):
        made.messages.owe(pending_message(id=f"msg_{number}"))
    monkeypatch.setattr(wiring, "sending", made.world)
    monkeypatch.setattr(wiring, "send_queue", lambda: made.queue)
    monkeypatch.setattr(wiring, "dead_letters", lambda: made.dead)
    return made


def records(name: str) -> dict[str, Any]:
    """What SQS would send, from the folder of events."""
    read: dict[str, Any] = json.loads((EVENTS / f"send-{name}.json").read_text())
    return read


def call(batch: dict[str, Any]) -> list[str]:
    """The ids of the records that go back to the queue."""
    answer = app.lambda_handler(batch, LambdaContext())
    return [str(failure["itemIdentifier"]) for failure in answer["batchItemFailures"]]


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """What was logged, as CloudWatch gets it."""
    return [json.loads(logger.registered_handler.format(record)) for record in caplog.records]


def test_a_record_sends_its_message(context: SendHarness, caplog: pytest.LogCaptureFixture) -> None:
    """SQS may forget the record, and one line tells what happened, to which message, and nothing about whom."""
    assert call(records("message")) == []
    assert context.message.status is MessageStatus.SENT
    [line] = lines(caplog)
    told = {"workspace": "w1", "message_id": "msg_1", "journey": "welcome", "step": "hello", "channel": "email", "attempt": 1}
    assert line["message"] == "sent"
    assert told.items() <= line.items()
    assert "ada@example.com" not in json.dumps(line)


def test_the_records_of_a_batch_do_not_wait_for_each_other(context: SendHarness) -> None:
    """All three are sent in one call."""
    assert call(records("batch")) == []
    assert sorted(message.id for message, _ in context.channel.calls) == ["msg_1", "msg_2", "msg_3"]


def test_a_world_that_is_down_sends_the_record_back_and_soon(context: SendHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not after the queue's whole visibility timeout; the other records are done."""
    find = context.messages.get

    def get(workspace: str, message: str) -> Any:
        if message == "msg_2":
            raise UnavailableError("throttled")
        return find(workspace, message)

    monkeypatch.setattr(context.messages, "get", get)
    batch = records("batch")
    assert call(batch) == [batch["Records"][1]["messageId"]]
    assert isinstance(context.queue, PatientQueue)
    assert context.queue.postponed == [(batch["Records"][1]["receiptHandle"], 2)]
    assert len(context.channel.calls) == 2


def test_when_all_fail_all_go_back(context: SendHarness) -> None:
    """And the function itself does not fail, so that the failures are counted one by one."""
    context.messages.get = lambda *_: (_ for _ in ()).throw(UnavailableError("down"))  # type: ignore[method-assign]
    batch = records("batch")
    assert call(batch) == [record["messageId"] for record in batch["Records"]]


def test_poison_is_parked_at_the_fifth_receive_and_blocks_nobody(context: SendHarness) -> None:
    """A record that cannot be read goes to the dead letters; its neighbour is sent."""
    assert call(records("poison")) == []
    [parked] = context.dead.parked.values()
    assert (parked.workspace, parked.body, parked.reason) == ("unknown", "not a message", "poison")
    assert context.message.status is MessageStatus.SENT


def test_poison_gets_four_more_chances_before(context: SendHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake of ours may be mended by a deployment in the meantime."""
    monkeypatch.setattr(context.templates, "render", lambda *_, **__: 1 / 0)
    batch = records("message")
    assert len(call(batch)) == 1
    assert not context.dead.parked
    batch["Records"][0]["attributes"]["ApproximateReceiveCount"] = "5"
    assert call(batch) == []
    [parked] = context.dead.parked.values()
    assert (parked.workspace, parked.subject, parked.body) == ("w1", "msg_1", '{"workspace":"w1","message":"msg_1"}')
    assert context.message.status is MessageStatus.PENDING


def test_a_record_that_changes_nothing_is_not_logged(context: SendHarness, caplog: pytest.LogCaptureFixture) -> None:
    """Redeliveries are SQS's business."""
    call(records("message"))
    caplog.clear()
    assert call(records("message")) == []
    assert lines(caplog) == []


def test_a_failure_is_logged_with_its_reason(context: SendHarness, caplog: pytest.LogCaptureFixture) -> None:
    """The closed list's word, not the provider's text, which may hold an address."""
    context.channel.answers = [ProviderResponse("failed", "MessageRejected: ada@example.com is not verified")]
    call(records("message"))
    [line] = lines(caplog)
    assert (line["message"], line["reason"]) == ("failed", "rejected")
    assert "ada@example.com" not in json.dumps(line)
