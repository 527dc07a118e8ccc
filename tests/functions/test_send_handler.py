"""The Lambda handler of the send queue: which records it returns to SQS, and what it logs."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.send import app
from tests.fakes.messages import FakeSendQueue, pending_message
from tests.fakes.send_harness import SendHarness
from waypost import wiring
from waypost.domain.errors import UnavailableError
from waypost.domain.messages.message import Message, MessageStatus, PreparedMessage, ProviderResponse
from waypost.telemetry import logger

EVENTS = Path(__file__).parents[2] / "events"


@dataclass
class PostponingSendQueue(FakeSendQueue):
    """A send queue that also records which received records were postponed, and by how many seconds."""

    postponed: list[tuple[str, int]] = field(default_factory=list)

    def postpone(self, receipt_handle: str, seconds: int) -> None:
        self.postponed.append((receipt_handle, seconds))


@pytest.fixture
def harness(monkeypatch: pytest.MonkeyPatch) -> SendHarness:
    """A harness with three pending e-mails, which the handler finds in place of AWS."""
    harness = SendHarness(queue=PostponingSendQueue())
    for number in (1, 2, 3):
        harness.messages.add(pending_message(id=f"msg_{number}"))
    monkeypatch.setattr(wiring, "sending", harness.dependencies)
    monkeypatch.setattr(wiring, "send_queue", lambda: harness.queue)
    monkeypatch.setattr(wiring, "dead_letters", lambda: harness.dead)
    return harness


def sqs_event(name: str) -> dict[str, Any]:
    """The event of SQS in this file of the folder `events`."""
    event: dict[str, Any] = json.loads((EVENTS / f"send-{name}.json").read_text())
    return event


def call(event: dict[str, Any]) -> list[str]:
    """Calls the handler; the ids of the records that return to the queue."""
    response = app.lambda_handler(event, LambdaContext())
    return [str(failure["itemIdentifier"]) for failure in response["batchItemFailures"]]


def log_lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """The log lines in the form in which CloudWatch gets them."""
    return [json.loads(logger.registered_handler.format(record)) for record in caplog.records]


def test_a_record_sends_its_message(harness: SendHarness, caplog: pytest.LogCaptureFixture) -> None:
    """A record that succeeds does not return to the queue, and is logged in one line with ids and without personal data."""
    assert call(sqs_event("message")) == []
    assert harness.message.status is MessageStatus.SENT
    [line] = log_lines(caplog)
    expected = {"workspace": "w1", "message_id": "msg_1", "journey": "welcome", "step": "hello", "channel": "email", "attempt": 1}
    assert line["message"] == "sent"
    assert expected.items() <= line.items()
    assert "ada@example.com" not in json.dumps(line)


def test_the_records_of_a_batch_are_sent_in_parallel(harness: SendHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """The calls of the providers for the three records of a batch run at the same time, and all three messages are sent."""
    all_three_called = threading.Barrier(3, timeout=5)
    call_provider = harness.channel.call_provider

    def call_with_the_others(message: Message, prepared: PreparedMessage, now: datetime) -> ProviderResponse:
        all_three_called.wait()
        return call_provider(message, prepared, now)

    monkeypatch.setattr(harness.channel, "call_provider", call_with_the_others)
    assert call(sqs_event("batch")) == []
    assert sorted(message.id for message, _ in harness.channel.calls) == ["msg_1", "msg_2", "msg_3"]


def test_a_record_returns_soon_when_a_table_is_unavailable(harness: SendHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record that meets an unavailable table returns to the queue after 2 seconds, and the other records of its batch are done."""
    find = harness.messages.get

    def get(workspace: str, message: str) -> Any:
        if message == "msg_2":
            raise UnavailableError("throttled")
        return find(workspace, message)

    monkeypatch.setattr(harness.messages, "get", get)
    event = sqs_event("batch")
    assert call(event) == [event["Records"][1]["messageId"]]
    assert isinstance(harness.queue, PostponingSendQueue)
    assert harness.queue.postponed == [(event["Records"][1]["receiptHandle"], 2)]
    assert len(harness.channel.calls) == 2


def test_when_all_records_fail_all_return_to_the_queue(harness: SendHarness) -> None:
    """If all records of a batch fail, the handler returns all of them, and does not raise."""
    harness.messages.get = lambda *_: (_ for _ in ()).throw(UnavailableError("down"))  # type: ignore[method-assign]
    event = sqs_event("batch")
    assert call(event) == [record["messageId"] for record in event["Records"]]


def test_an_unreadable_record_is_parked_at_its_fifth_receive(harness: SendHarness) -> None:
    """A record that cannot be read is parked as a dead letter at its fifth receive, and the other record of its batch is sent."""
    assert call(sqs_event("poison")) == []
    [parked] = harness.dead.parked.values()
    assert (parked.workspace, parked.body, parked.reason) == ("unknown", "not a message", "poison")
    assert harness.message.status is MessageStatus.SENT


def test_a_record_that_raises_is_retried_four_times_before_it_is_parked(harness: SendHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record at which the code fails returns to the queue, so that a deployment can correct the code, and is parked at receive five."""
    monkeypatch.setattr(harness.templates, "render", lambda *_, **__: 1 / 0)
    event = sqs_event("message")
    assert len(call(event)) == 1
    assert not harness.dead.parked
    event["Records"][0]["attributes"]["ApproximateReceiveCount"] = "5"
    assert call(event) == []
    [parked] = harness.dead.parked.values()
    assert (parked.workspace, parked.subject, parked.body) == ("w1", "msg_1", '{"workspace":"w1","message":"msg_1"}')
    assert harness.message.status is MessageStatus.PENDING


def test_a_record_that_changes_nothing_is_not_logged(harness: SendHarness, caplog: pytest.LogCaptureFixture) -> None:
    """A redelivered record of a message that was sent writes no log line."""
    call(sqs_event("message"))
    caplog.clear()
    assert call(sqs_event("message")) == []
    assert log_lines(caplog) == []


def test_a_failure_is_logged_with_its_reason(harness: SendHarness, caplog: pytest.LogCaptureFixture) -> None:
    """The log line of a failure has the reason of the closed list, and not the text of the provider, which may hold an address."""
    harness.channel.responses = [ProviderResponse("failed", "MessageRejected: ada@example.com is not verified")]
    call(sqs_event("message"))
    [line] = log_lines(caplog)
    assert (line["message"], line["reason"]) == ("failed", "rejected")
    assert "ada@example.com" not in json.dumps(line)
