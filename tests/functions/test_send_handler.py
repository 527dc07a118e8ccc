"""The Lambda handler of the send queue: which records it returns to SQS, and what it logs."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from functions.send import app
from tests.fakes.messages import FakeSendQueue, FakeStartedAttempts, pending_message
from tests.fakes.send_harness import EmailWorkspaces, OneJourney, SendHarness, one_customer
from tests.fakes.telemetry import counts, named_context
from waypost import wiring
from waypost.cache.workspace_cache import Schemas
from waypost.domain.errors import UnavailableError
from waypost.domain.messages import send_request
from waypost.domain.messages.message import Message, MessageStatus, PreparedMessage, ProviderResponse
from waypost.telemetry import logger

EVENTS = Path(__file__).parents[2] / "events"


def sqs_event(name: str) -> dict[str, Any]:
    """The event of SQS in this file of the folder `events`."""
    event: dict[str, Any] = json.loads((EVENTS / f"send-{name}.json").read_text())
    return event


BODY = sqs_event("message")["Records"][0]["body"]
WORKSPACE, MESSAGE, _ = send_request.from_text(BODY)
BATCH = [send_request.from_text(record["body"]).message for record in sqs_event("batch")["Records"]]
"""The messages that the three records of `send-batch.json` name."""


@dataclass
class PostponingSendQueue(FakeSendQueue):
    """A send queue that also records which received records were postponed, and by how many seconds."""

    postponed: list[tuple[str, int]] = field(default_factory=list)

    def postpone(self, receipt_handle: str, seconds: int) -> None:
        self.postponed.append((receipt_handle, seconds))


@pytest.fixture
def started() -> FakeStartedAttempts:
    """The attempts that started and did not end."""
    return FakeStartedAttempts()


@pytest.fixture
def harness(monkeypatch: pytest.MonkeyPatch, started: FakeStartedAttempts) -> SendHarness:
    """A harness with the pending e-mails that the files name, which the handler finds in place of AWS."""
    harness = SendHarness(
        customers=one_customer(WORKSPACE),
        journeys=OneJourney(workspace=WORKSPACE),
        queue=PostponingSendQueue(),
        schemas=Schemas(EmailWorkspaces(WORKSPACE)),
    )
    for message in (MESSAGE, *BATCH):
        harness.messages.add(pending_message(workspace=WORKSPACE, id=message))
    monkeypatch.setattr(wiring, "sending", harness.dependencies)
    monkeypatch.setattr(wiring, "send_queue", lambda: harness.queue)
    monkeypatch.setattr(wiring, "dead_letters", lambda: harness.dead)
    monkeypatch.setattr(wiring, "started_attempts", lambda: started)
    return harness


def status_of(harness: SendHarness) -> MessageStatus:
    """The status of the message that `send-message.json` names."""
    message = harness.messages.get(WORKSPACE, MESSAGE)
    assert message is not None
    return message.status


def call(event: dict[str, Any]) -> list[str]:
    """Calls the handler; the ids of the records that return to the queue."""
    response = app.lambda_handler(event, named_context("send-1"))
    return [str(failure["itemIdentifier"]) for failure in response["batchItemFailures"]]


def log_lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """The log lines in the form in which CloudWatch gets them."""
    return [json.loads(logger.registered_handler.format(record)) for record in caplog.records]


def test_a_record_sends_its_message(harness: SendHarness, caplog: pytest.LogCaptureFixture) -> None:
    """A record that succeeds does not return to the queue, and is logged in one line with ids and without personal data."""
    assert call(sqs_event("message")) == []
    assert status_of(harness) is MessageStatus.SENT
    [line] = log_lines(caplog)
    expected = {"workspace": WORKSPACE, "message_id": MESSAGE, "journey": "welcome", "step": "hello", "channel": "email", "attempt": 1}
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
    assert sorted(message.id for message, _ in harness.channel.calls) == sorted(BATCH)


def test_a_record_returns_soon_when_a_table_is_unavailable(harness: SendHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record that meets an unavailable table returns to the queue after 2 seconds, and the other records of its batch are done."""
    find = harness.messages.get

    def get(workspace: str, message: str) -> Any:
        if message == BATCH[1]:
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
    assert status_of(harness) is MessageStatus.SENT


def test_a_record_that_raises_is_retried_four_times_before_it_is_parked(harness: SendHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record at which the code fails returns to the queue, so that a deployment can correct the code, and is parked at receive five."""
    monkeypatch.setattr(harness.templates, "render", lambda *_, **__: 1 / 0)
    event = sqs_event("message")
    assert len(call(event)) == 1
    assert not harness.dead.parked
    event["Records"][0]["attributes"]["ApproximateReceiveCount"] = "5"
    assert call(event) == []
    [parked] = harness.dead.parked.values()
    assert (parked.workspace, parked.subject, parked.body, parked.reason) == (WORKSPACE, MESSAGE, BODY, "poison")


class ProcessEnd(BaseException):
    """The end of the process, by a time-out or for want of memory: no code of ours runs after it."""


def end_process(*_: Any, **__: Any) -> Any:
    """A dependency that ends the process at this message whenever it is called."""
    raise ProcessEnd


def test_a_message_that_ends_the_process_is_given_up_after_three_attempts(harness: SendHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the tenth receive three ends of the process are enough: the message is failed and parked, and its run gets the outcome."""
    harness.messages.stored[WORKSPACE, MESSAGE] = pending_message(workspace=WORKSPACE, id=MESSAGE, awaited=True)
    monkeypatch.setattr(type(harness.templates), "render", end_process)
    event = sqs_event("message")
    for receive in range(10, 13):
        event["Records"][0]["attributes"]["ApproximateReceiveCount"] = str(receive)
        with pytest.raises(ProcessEnd):
            call(event)
    assert call(event) == []
    assert status_of(harness) is MessageStatus.FAILED
    assert [each.subject for each in harness.dead.parked.values()] == [MESSAGE]
    assert len(harness.signals.queue_messages) == 1


def test_a_suspect_record_is_worked_on_alone(harness: SendHarness, monkeypatch: pytest.MonkeyPatch, started: FakeStartedAttempts) -> None:
    """The records of other messages are done before it starts, and only its own row blames a record for the end of the process."""
    event = sqs_event("batch")
    for record in event["Records"][:2]:
        record["attributes"]["ApproximateReceiveCount"] = "10"
    sent: list[int] = []

    def render(*_: Any, **__: Any) -> Any:
        sent.append(len(harness.channel.calls))
        if started.starts:
            raise ProcessEnd
        return {"subject": "Hi", "text": "Hi", "to": "ada@example.com"}

    monkeypatch.setattr(harness.templates, "render", render)
    with pytest.raises(ProcessEnd):
        call(event)
    assert sent == [0, 1]
    assert started.starts == {event["Records"][0]["messageId"]: 1}


@pytest.mark.parametrize(("receive", "seconds"), [(6, 64), (12, 900), (500, 900)])
def test_an_outage_is_retried_after_longer_and_longer_pauses(
    harness: SendHarness, monkeypatch: pytest.MonkeyPatch, started: FakeStartedAttempts, receive: int, seconds: int
) -> None:
    """A record that meets an outage returns after 2, 4, 8 seconds and so on up to 15 minutes, and is not blamed for it."""
    monkeypatch.setattr(harness.messages, "get", lambda *_: (_ for _ in ()).throw(UnavailableError("AccessDeniedException")))
    event = sqs_event("message")
    event["Records"][0]["attributes"]["ApproximateReceiveCount"] = str(receive)
    assert len(call(event)) == 1
    assert isinstance(harness.queue, PostponingSendQueue)
    assert [each for _, each in harness.queue.postponed] == [seconds]
    assert (started.starts, harness.dead.parked) == ({}, {})


def always_raise(*_: Any, **__: Any) -> Any:
    """A dependency that fails at this message whenever it is called."""
    raise ZeroDivisionError


@pytest.mark.parametrize(
    ("dependency", "method"),
    [
        ("schemas", "of"),
        ("customers", "by_primary_key"),
        ("journeys", "pointer"),
        ("journeys", "version"),
        ("templates", "render"),
        ("channel", "prepare"),
        ("settings", "read"),
        ("messages", "keep_rendered"),
        ("channel", "call_provider"),
    ],
)
def test_whatever_raises_the_message_ends_and_its_run_goes_on(
    harness: SendHarness, monkeypatch: pytest.MonkeyPatch, dependency: str, method: str
) -> None:
    """Whichever step of sending raises at each receive, the message is settled at the fifth, and the run that waits gets the outcome."""
    harness.messages.stored[WORKSPACE, MESSAGE] = pending_message(workspace=WORKSPACE, id=MESSAGE, awaited=True)
    owner = getattr(harness, dependency)
    monkeypatch.setattr(type(owner), method, always_raise)
    event = sqs_event("message")
    for receive in range(1, 6):
        event["Records"][0]["attributes"]["ApproximateReceiveCount"] = str(receive)
        call(event)
    message = harness.messages.get(WORKSPACE, MESSAGE)
    assert message is not None
    assert message.is_settled
    assert message.attempts
    assert len(harness.signals.queue_messages) >= 1
    expected = "unknown" if method == "call_provider" else "failed"
    assert message.status == expected
    assert [parked.reason for parked in harness.dead.parked.values()] == ([] if expected == "unknown" else ["poison"])


def test_a_message_that_cannot_be_settled_is_parked_as_its_record(harness: SendHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the row of a message cannot even be read, its record is kept as a dead letter."""
    monkeypatch.setattr(type(harness.messages), "get", always_raise)
    event = sqs_event("message")
    event["Records"][0]["attributes"]["ApproximateReceiveCount"] = "5"
    assert call(event) == []
    [parked] = harness.dead.parked.values()
    assert (parked.workspace, parked.subject, parked.body, parked.reason) == (WORKSPACE, MESSAGE, BODY, "poison")


def test_a_record_that_is_given_up_while_the_table_is_down_returns(harness: SendHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a message cannot be settled because a table is unavailable, its record returns to the queue, and nothing is parked."""
    monkeypatch.setattr(type(harness.templates), "render", always_raise)
    monkeypatch.setattr(type(harness.messages), "save", lambda *_: (_ for _ in ()).throw(UnavailableError("down")))
    event = sqs_event("message")
    event["Records"][0]["attributes"]["ApproximateReceiveCount"] = "5"
    assert len(call(event)) == 1
    assert not harness.dead.parked


def test_a_record_that_changes_nothing_is_not_logged(harness: SendHarness, caplog: pytest.LogCaptureFixture) -> None:
    """A redelivered record of a message that was sent writes no log line."""
    call(sqs_event("message"))
    caplog.clear()
    assert call(sqs_event("message")) == []
    assert log_lines(caplog) == []


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        ("sent", {("MessagesSent", ""): 1}),
        ("failed", {("MessagesFailed", ""): 1, ("Parked", ""): 1}),
        ("unknown", {("MessagesUnknown", ""): 1}),
    ],
)
def test_each_settled_message_is_counted_once(
    harness: SendHarness, capsys: pytest.CaptureFixture[str], outcome: Any, expected: dict[tuple[str, str], int]
) -> None:
    """A message counts when it is settled, and a repeated record of it counts nothing."""
    harness.channel.responses = [ProviderResponse(outcome, "")]
    call(sqs_event("message"))
    call(sqs_event("message"))
    assert counts(capsys) == expected


def test_due_messages_are_sent_skipped_failed_unknown_or_pending(harness: SendHarness, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a run without faults of AWS, the metrics and the messages that are still pending add up to the messages that were due."""
    due = [pending_message(workspace=WORKSPACE, id=f"msg_{number}") for number in range(12)]
    outcomes: list[Any] = ["sent", "failed", "unknown", "refused"]
    harness.channel.responses = [ProviderResponse(outcomes[number % 4], "") for number in range(10)]
    for message in due:
        harness.messages.add(message)
    event = sqs_event("message")
    for message in due:
        if message.id == "msg_10":
            harness.customers.rows.clear()
        record = {**event["Records"][0], "body": send_request.to_text(send_request.SendRequest(WORKSPACE, message.id))}
        assert call({"Records": [record]}) == []
        stored = harness.messages.get(WORKSPACE, message.id)
        if stored is not None and stored.is_settled:
            assert call({"Records": [record]}) == []  # a repeated record counts nothing
    pending = sum(not message.is_settled for message in map(harness.messages.get, [WORKSPACE] * 12, [each.id for each in due]) if message)
    counted = counts(capsys)
    assert counted == {
        ("MessagesSent", ""): 3,
        ("MessagesFailed", ""): 3,
        ("Parked", ""): 3,
        ("MessagesUnknown", ""): 2,
        ("MessagesSkipped", "erased"): 2,
    }
    assert sum(number for (name, _), number in counted.items() if name != "Parked") + pending == len(due)


def test_skipped_messages_are_counted_by_reason(harness: SendHarness, capsys: pytest.CaptureFixture[str]) -> None:
    """The metric of skipped messages has the reason as a dimension."""
    harness.customers.rows.clear()
    call(sqs_event("batch"))
    assert counts(capsys) == {("MessagesSkipped", "erased"): 3}


def test_a_failure_is_logged_with_its_reason(harness: SendHarness, caplog: pytest.LogCaptureFixture) -> None:
    """The log line of a failure has the reason of the closed list, and not the text of the provider, which may hold an address."""
    harness.channel.responses = [ProviderResponse("failed", "MessageRejected: ada@example.com is not verified")]
    call(sqs_event("message"))
    [line] = log_lines(caplog)
    assert (line["message"], line["reason"]) == ("failed", "rejected")
    assert "ada@example.com" not in json.dumps(line)
