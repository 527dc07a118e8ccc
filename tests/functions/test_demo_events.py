"""The files of events/ one after another, on tables with the demo workspace, as docs/deploy.md#the-consoles-test-button says."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from functions.ingest import app as ingest_app
from functions.local import seed
from functions.manage import app as manage_app
from functions.match import app as match_app
from functions.send import app as send_app
from tests.fakes.api_client import status_and_json
from tests.fakes.deployed import deployed
from tests.fakes.ingest_harness import SCHEMA, IngestHarness
from tests.fakes.match_harness import MatchHarness
from tests.fakes.telemetry import named_context
from waypost import wiring
from waypost.adapters.aws import client
from waypost.domain import signal_codec
from waypost.domain.intake.batch_parser import RequestContext, parse
from waypost.domain.journeys.journey import Journey
from waypost.domain.messages import send_request
from waypost.domain.signals import EventsArrived
from waypost.ingest.batch import ingest
from waypost.ingest.time_budget import TimeBudget
from waypost.telemetry import logger

FOLDER = Path(__file__).parents[2] / "events"
HANDLERS = {
    "ingest": ingest_app.lambda_handler,
    "match": match_app.lambda_handler,
    "send": send_app.lambda_handler,
    "manage": manage_app.lambda_handler,
}
SENDER = "waypost@example.com"
NO_FAILURES: dict[str, Any] = {"batchItemFailures": []}


def content(name: str) -> dict[str, Any]:
    """The event in a file of the folder."""
    event: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return event


def documented_batch() -> bytes:
    """The body of the request that the documentation shows."""
    return base64.b64decode(content("ingest-batch")["body"])


def signals(name: str) -> list[EventsArrived]:
    """The signals in the records of a file."""
    read = [signal_codec.from_body(record["body"]) for record in content(name)["Records"]]
    return [signal for signal in read if isinstance(signal, EventsArrived)]


def messages_to_send(name: str) -> list[str]:
    """The ids of the messages that the records of a file name."""
    return [send_request.from_text(record["body"]).message for record in content(name)["Records"]]


def test_the_signal_holds_the_events_of_the_documented_batch() -> None:
    """`match-signal.json` is the signal that the intake makes of `ingest-batch.json` while the customers table is unavailable.

    The facts are then in the signal, so the matcher can create the customer by itself.
    """
    [signal] = signals("match-signal")
    intake = IngestHarness()
    intake.customers.down = True
    context = RequestContext(seed.WORKSPACE, SCHEMA, signal.received_at, "request-1")
    ingest(parse(json.loads(documented_batch()), context), context, intake.dependencies, TimeBudget(intake.clock, intake.lookups))
    assert intake.signals.arrived == [signal]
    assert signal.received_at.timestamp() * 1000 == content("ingest-batch")["requestContext"]["requestTimeEpoch"]


@pytest.mark.parametrize(("signal_file", "message_file"), [("match-signal", "send-message"), ("match-groups", "send-batch")])
def test_the_records_to_send_name_the_messages_of_the_signals(signal_file: str, message_file: str) -> None:
    """The demo journey sends for the signals of one file the messages that the records of the other file name."""
    matcher = MatchHarness()
    matcher.workspaces.schemas[seed.WORKSPACE] = SCHEMA
    matcher.journeys.publish(Journey.model_validate(seed.WELCOME), workspace=seed.WORKSPACE)
    for signal in signals(signal_file):
        matcher.match(signal)
    assert [message for _, message, _ in matcher.send_queue.records] == messages_to_send(message_file)


@pytest.mark.parametrize(("name", "member"), [("ingest-android-push-opened", "messageID"), ("ingest-ios-push-opened", "messageId")])
def test_reports_of_phones_are_about_the_message_of_the_demo(name: str, member: str) -> None:
    """The events of an opened message name the message of `send-message.json`."""
    raw = base64.b64decode(content(name)["body"])
    body = json.loads(gzip.decompress(raw) if "ios" in name else raw)
    assert [event["payload"][member] for event in body["batch"]] == messages_to_send("send-message")


def press(name: str) -> Any:
    """What the function of a file returns for it; for a request, the status and the JSON body."""
    response: Any = HANDLERS[name.split("-", maxsplit=1)[0]](content(name), named_context("function-1"))
    return status_and_json(response) if "statusCode" in response else response


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Tables and queues with nothing but the demo workspace, as the command line creates it. No function consumes the queues."""
    with deployed(monkeypatch):
        monkeypatch.setenv("SENDER_ADDRESS", SENDER)
        monkeypatch.setenv("WAYPOST_SNAPSHOT_SECONDS", "0")  # so that the test need not wait until `entriesFrom`, as a person has to
        client("sesv2").create_email_identity(EmailIdentity=SENDER)
        wiring.workspace_administration().create_workspace("Demo", seed.ADMIN_KEY, wiring.now(), seed.WORKSPACE)
        yield


def log_texts(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The texts of the log lines since the last call."""
    texts = [json.loads(logger.registered_handler.format(record))["message"] for record in caplog.records]
    caplog.clear()
    return texts


def body_on(url: str) -> str:
    """The body of the only message on a queue."""
    [message] = client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    return str(message["Body"])


@pytest.mark.usefixtures("stack")
def test_each_file_does_something_that_one_can_see(caplog: pytest.LogCaptureFixture) -> None:
    """The files of management set up the workspace, then each of the four functions takes the documented batch one step further.

    The customer, the receipt and the message can be read at the end, the message with one attempt although its record came twice.
    """
    assert [press(f"manage-{name}")[0] for name in ("save-schema", "add-key", "save-journey", "publish-journey")] == [200, 201, 201, 200]
    status, accepted = press("ingest-batch")
    assert (status, accepted["accepted"]) == (201, 2)
    queued = signal_codec.from_body(body_on(wiring.signals_queue().url))
    assert [result["uuid"] for result in accepted["results"]] == [event.uuid for event in signals("match-signal")[0].events]
    assert queued.name == signals("match-signal")[0].name

    caplog.clear()
    assert press("match-signal") == NO_FAILURES
    assert log_texts(caplog) == ["entered", "matched"]
    assert body_on(wiring.send_queue().url) == content("send-message")["Records"][0]["body"]

    assert press("send-message") == NO_FAILURES
    assert log_texts(caplog) == ["sent"]
    assert press("send-message") == NO_FAILURES

    status, customer = press("manage-find-customer")
    assert (status, customer["attributes"]["first_name"]) == (200, "Ada")
    status, receipt = press("manage-read-receipt")
    assert (status, receipt["messages"]) == (200, messages_to_send("send-message"))
    status, message = press("manage-read-message")
    assert (status, message["status"], len(message["attempts"])) == (200, "sent", 1)


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize(("name", "status"), [("send-report-bounced", "bounced"), ("send-report-clicked", "clicked")])
def test_a_report_changes_the_message(name: str, status: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the e-mail was sent, a report of SES from the reports queue gives it the status that the file is named after."""
    monkeypatch.setenv("REPORTS_QUEUE_URL", "https://sqs.example.com/" + content(name)["Records"][0]["eventSourceARN"].rpartition(":")[2])
    for file in ("manage-save-schema", "manage-save-journey", "manage-publish-journey", "match-signal", "send-message"):
        press(file)
    assert press(name) == NO_FAILURES
    assert press("manage-read-message")[1]["status"] == status


@pytest.mark.usefixtures("stack")
def test_a_second_press_sends_no_second_message(caplog: pytest.LogCaptureFixture) -> None:
    """A repeated `match-signal.json` is accepted, and its log line counts two duplicates."""
    for name in ("save-schema", "save-journey", "publish-journey"):
        press(f"manage-{name}")
    press("match-signal")
    caplog.clear()
    assert press("match-signal") == NO_FAILURES
    [line] = [json.loads(logger.registered_handler.format(record)) for record in caplog.records]
    assert (line["message"], line["matched"], line["duplicates"]) == ("matched", 0, 2)
