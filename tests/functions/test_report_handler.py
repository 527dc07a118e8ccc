"""The Lambda handler of the reports queue: what it does with each record, what it returns to SQS, and what it logs."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from functions.send import app
from tests.fakes.messages import (
    FakeDeadLetters,
    FakeLastMessages,
    FakeMessages,
    FakeSendQueue,
    FakeSignals,
    FakeSuppressions,
    pending_message,
)
from tests.fakes.send_harness import OneJourney
from tests.fakes.ses_events import ses_event
from tests.fakes.telemetry import counts, named_context
from waypost import wiring
from waypost.domain.errors import UnavailableError
from waypost.domain.messages.message import MessageStatus
from waypost.domain.messages.suppression import SuppressionCause
from waypost.inbound_texts import InboundDependencies
from waypost.provider_reports import ProviderReportDependencies

QUEUE = "waypost-ReportsQueue-A1"
URL = f"https://sqs.eu-west-1.amazonaws.com/123456789012/{QUEUE}"
TEXT = {"originationNumber": "+4915112345678", "inboundMessageId": "in-1"}
ARN = f"arn:aws:sqs:eu-west-1:123456789012:{QUEUE}"


class PostponingReports(FakeSendQueue):
    """The reports queue, which records which records were postponed, and by how many seconds."""

    def __init__(self) -> None:
        self.postponed: list[tuple[str, int]] = []

    def postpone(self, receipt_handle: str, seconds: int) -> None:
        self.postponed.append((receipt_handle, seconds))


class Reporting:
    """The fakes that the handler finds in place of AWS, with two sent messages."""

    def __init__(self) -> None:
        self.messages, self.suppressions, self.queue = FakeMessages(), FakeSuppressions(), PostponingReports()
        for name in ("msg_1", "msg_2"):
            self.messages.add(pending_message(id=name, status=MessageStatus.SENT, token="t1", to="ada@example.com"))

    def dependencies(self) -> ProviderReportDependencies:
        return ProviderReportDependencies(self.messages, OneJourney(), self.suppressions, FakeSignals(), FakeDeadLetters())

    def status(self, message: str) -> MessageStatus:
        return self.messages.stored["w1", message].status


@pytest.fixture
def reporting(monkeypatch: pytest.MonkeyPatch) -> Reporting:
    """The fakes, which `wiring` returns."""
    fakes = Reporting()
    monkeypatch.setenv("REPORTS_QUEUE_URL", URL)
    monkeypatch.setattr(wiring, "reporting", fakes.dependencies)
    monkeypatch.setattr(wiring, "reports_queue", lambda: fakes.queue)
    return fakes


def records(*bodies: Any, receives: int = 1, arn: str = ARN) -> dict[str, Any]:
    """An event of SQS with a record for each body."""
    return {
        "Records": [
            {
                "messageId": f"m-{number}",
                "receiptHandle": f"r-{number}",
                "body": body if isinstance(body, str) else json.dumps(body),
                "attributes": {"ApproximateReceiveCount": str(receives)},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": arn,
                "awsRegion": "eu-west-1",
            }
            for number, body in enumerate(bodies)
        ]
    }


def failed(response: Any) -> list[str]:
    """The ids of the records that the handler returned to the queue."""
    return [each["itemIdentifier"] for each in response["batchItemFailures"]]


def logged(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """The lines of the log with all of their fields."""
    return [vars(record) for record in caplog.records]


def test_each_record_of_a_batch_is_a_report(
    reporting: Reporting, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Reports of a batch change their messages, each is counted by its kind, and no line of the log names the receiver."""
    batch = records(ses_event("Bounce"), ses_event("Open", message="msg_2"), ses_event("Send"))
    assert failed(app.lambda_handler(batch, named_context("send"))) == []
    assert (reporting.status("msg_1"), reporting.status("msg_2")) == (MessageStatus.BOUNCED, MessageStatus.OPENED)
    assert counts(capsys) == {("MessagesReported", "bounced"): 1, ("MessagesReported", "opened"): 1}
    assert {line["message_id"] for line in logged(caplog)} == {"msg_1", "msg_2"}
    assert "ada@example.com" not in str(logged(caplog))
    assert "user unknown" not in str(logged(caplog))


def test_a_record_that_is_no_event_comes_back_and_the_others_do_not(reporting: Reporting) -> None:
    """An unreadable record returns to the queue after a pause, until SQS moves it to the dead-letter queue; the other report counts."""
    response = app.lambda_handler(records("no JSON", ses_event("Delivery"), receives=3), named_context("send"))
    assert failed(response) == ["m-0"]
    assert reporting.queue.postponed == [("r-0", 8)]
    assert reporting.status("msg_1") is MessageStatus.DELIVERED


def test_an_outage_returns_the_record(reporting: Reporting, caplog: pytest.LogCaptureFixture) -> None:
    """While the table of addresses is down, a bounce is not lost, and its message does not seem bounced without a suppression."""

    def down(workspace: str, channel: str, address: str, cause: SuppressionCause) -> None:
        raise UnavailableError("down")

    reporting.suppressions.add = down  # type: ignore[method-assign]
    response = app.lambda_handler(records(ses_event("Bounce"), receives=20), named_context("send"))
    assert failed(response) == ["m-0"]
    assert reporting.queue.postponed == [("r-0", 15 * 60)]
    assert reporting.status("msg_1") is MessageStatus.SENT
    assert "ada@example.com" not in str(logged(caplog))


def test_a_report_about_no_message_is_logged_and_gone(
    reporting: Reporting, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """The report of an erased customer's message is no error, and is not counted."""
    reporting.messages.stored.clear()
    assert failed(app.lambda_handler(records(ses_event("Bounce")), named_context("send"))) == []
    assert [line["msg"] for line in logged(caplog)] == ["report without message"]
    assert counts(capsys) == {}


def test_the_queue_of_a_record_says_what_it_is(reporting: Reporting, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record of the send queue is not read as a report, whatever it holds."""
    monkeypatch.setattr(wiring, "send_queue", lambda: reporting.queue)
    monkeypatch.setattr(wiring, "sending", lambda: pytest.fail("nothing to send"))
    response = app.lambda_handler(records(ses_event("Bounce"), arn=ARN.replace("Reports", "Send")), named_context("send"))
    assert failed(response) == ["m-0"]
    assert reporting.status("msg_1") is MessageStatus.SENT


def test_the_clock_of_the_function_is_used(reporting: Reporting, monkeypatch: pytest.MonkeyPatch) -> None:
    """A time of the provider in the future counts as the time of the function."""
    now = datetime.fromisoformat("2026-11-23T00:00:00+00:00")
    monkeypatch.setattr(wiring, "now", lambda: now)
    app.lambda_handler(records(ses_event("Bounce")), named_context("send"))
    [cause] = reporting.suppressions.held.values()
    assert cause.since == now


def test_a_text_of_a_customer_is_counted_and_not_logged(
    reporting: Reporting, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """A STOP suppresses the number; neither the number nor the words of a text are in the log."""
    last = FakeLastMessages({("sms", "+4915112345678", "w1"): "msg_1"})
    inbound = InboundDependencies(reporting.messages, OneJourney(), reporting.suppressions, last, FakeSignals())
    monkeypatch.setattr(wiring, "inbound", lambda: inbound)
    texts = [
        {"Type": "Notification", "Timestamp": "2026-11-23T05:17:13.000Z", "Message": json.dumps({**TEXT, "messageBody": words})}
        for words in ("STOP", "my secret")
    ]
    assert failed(app.lambda_handler(records(*texts), named_context("send"))) == []
    assert counts(capsys) == {("TextsReceived", "stop"): 1, ("TextsReceived", "none"): 1}
    assert ("w1", "sms", "+4915112345678") in reporting.suppressions.held
    assert not [line for line in map(str, logged(caplog)) if "4915112345678" in line or "secret" in line]


def test_an_invalid_number_is_suppressed_without_being_named(reporting: Reporting) -> None:
    """An event that names no number is about the receiver of its message, because a text has one only."""
    reporting.messages.add(pending_message(id="msg_3", channel="sms", status=MessageStatus.SENT, token="t1", to="+4915112345678"))
    detail = {
        "eventType": "TEXT_INVALID",
        "eventTimestamp": 1795411033000,
        "context": {"waypost-message": "msg_3", "waypost-workspace": "w1"},
    }
    assert failed(app.lambda_handler(records({"source": "aws.sms-voice", "detail": detail}), named_context("send"))) == []
    assert reporting.status("msg_3") is MessageStatus.BOUNCED
    assert reporting.suppressions.held["w1", "sms", "+4915112345678"].reason == "bounce"
