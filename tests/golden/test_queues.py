"""Requests to SQS and EventBridge Scheduler: they are written as the golden files hold them, and their bodies are read."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from datetime import timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from functions.send import app as send_app
from tests.fakes.deployed import deployed
from tests.fakes.manage import manage_dependencies
from tests.fakes.telemetry import named_context
from tests.golden.files import database, golden, load
from tests.golden.objects import LATER, NOW, PARKED, REPORTED, SIGNALS, TIMER
from waypost.adapters.aws import client
from waypost.adapters.scheduler import ScheduledTimers, Schedules, ScheduleTarget
from waypost.adapters.sqs import SqsDelays, SqsSendQueue, SqsSignals
from waypost.domain import signal_codec, signals
from waypost.domain.signal_codec import to_queue_message, unpacked
from waypost.domain.signals import TimerDue
from waypost.manage.dead_letters import redrive, redrive_all
from waypost.manage.time_limit import unlimited

TARGET = ScheduleTarget("arn:aws:sqs:eu-west-1:1:signals.fifo", "arn:aws:iam::1:role/scheduler", "arn:aws:sqs:eu-west-1:1:dead")
REQUESTS = frozenset({"SendMessage", "SendMessageBatch", "CreateSchedule", "DeleteSchedule"})


@contextmanager
def recorded() -> Iterator[list[Any]]:
    """Empty queues and a schedule group. The list receives the parameters of every request that adds to them or deletes from them."""
    requests: list[Any] = []

    def record(params: Any, model: Any, **_: Any) -> None:
        if model.name in REQUESTS:
            requests.append([model.name, deepcopy(params)])

    with mock_aws():
        boto3.setup_default_session()
        boto3.DEFAULT_SESSION.events.register("provide-client-params", record)
        client.cache_clear()
        client("sqs").create_queue(QueueName="signals.fifo", Attributes={"FifoQueue": "true", "ContentBasedDeduplication": "true"})
        client("sqs").create_queue(QueueName="delays")
        client("sqs").create_queue(QueueName="send")
        client("scheduler").create_schedule_group(Name="timers")
        yield requests
    client.cache_clear()
    boto3.DEFAULT_SESSION = None


def url(name: str) -> str:
    """The URL of a queue."""
    return f"https://sqs.eu-west-1.amazonaws.com/123456789012/{name}"


def comparable(requests: list[Any]) -> list[Any]:
    """Requests with their compressed bodies decompressed: builds of zlib compress the same text to different bytes."""
    copies = deepcopy(requests)
    for _, request in copies:
        for entry in request.get("Entries", ()):
            if not entry["MessageBody"].startswith(("{", "unreadable")):
                entry["MessageBody"] = ["gzip", gzip.decompress(base64.b64decode(entry["MessageBody"])).decode()]
    return copies


def bodies(name: str) -> list[str]:
    """The bodies of all entries in a golden file of requests, in order."""
    return [str(entry["MessageBody"]) for _, request in golden(name) for entry in request["Entries"]]


def test_signals_are_put_on_their_queue_as_they_were() -> None:
    """Each kind of signal is sent with its golden body, plain or compressed, message group and deduplication id."""
    with recorded() as requests:
        for signal in SIGNALS:
            assert SqsSignals(url("signals.fifo")).send([to_queue_message(signal)]) == []
    assert comparable(requests) == comparable(golden("signals"))


def test_signals_are_read_as_they_were() -> None:
    """Golden bodies are the signals that they were made from, and make the same JSON again."""
    found = [signal_codec.from_body(body) for body in bodies("signals")]
    assert found == list(SIGNALS)
    assert [to_queue_message(signal).body for signal in found] == [unpacked(body) for body in bodies("signals")]


def test_split_signals_are_written_as_they_were() -> None:
    """The parts of a signal whose events are taken one by one have their golden groups, names and bodies: they are what is parked."""
    written = [[*to_queue_message(part)] for part in signals.split(SIGNALS[0])]
    assert written == golden("signals-split")


def test_timers_are_created_as_they_were() -> None:
    """A short timer is a golden message on the delays queue, a long one a golden schedule, under the golden name."""
    with recorded() as requests:
        timers = ScheduledTimers(Schedules("timers"), TARGET, SqsDelays(url("delays")))
        timers.arm(TIMER, NOW)
        timers.arm(TIMER, LATER - timedelta(days=3))
        timers.disarm(TIMER.name)
    assert requests == golden("timers")


def test_timers_are_read_as_they_were() -> None:
    """A golden message of the delays queue and the input of a golden schedule are read as the timer."""
    [_, delayed], [_, schedule], _ = golden("timers")
    queue_message = signal_codec.from_delays_record(delayed["MessageBody"])
    assert queue_message == to_queue_message(TimerDue(TIMER))
    for body in (queue_message.body, schedule["Target"]["Input"]):
        assert signal_codec.from_body(body) == TimerDue(TIMER)


def test_messages_are_put_on_their_queue_as_they_were() -> None:
    """Messages are put on the send queue with golden bodies, groups and delays."""
    with recorded() as requests:
        SqsSendQueue(url("send")).put("w1", [("msg_1", timedelta(0)), ("msg_2", timedelta(seconds=90.5)), ("msg_3", timedelta(hours=12))])
    assert requests == golden("sends")


def test_a_claim_is_released_by_a_record_as_it_was() -> None:
    """A message whose claim has to be taken back is put on the send queue with its golden body."""
    with recorded() as requests:
        SqsSendQueue(url("send")).put_released("w1", "msg_1", "t1")
    assert requests == golden("sends-released")


@pytest.mark.parametrize("name", ["sends", "sends-released"])
def test_records_of_the_send_queue_are_read_as_they_were(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The handler reads golden bodies of the send queue: it reports none of them as failed."""
    records = [
        {"messageId": str(n), "receiptHandle": "h", "body": body, "attributes": {"ApproximateReceiveCount": "1"}, "eventSource": "aws:sqs"}
        for n, body in enumerate(bodies(name))
    ]
    with deployed(monkeypatch):
        assert send_app.lambda_handler({"Records": records}, named_context("send-1")) == {"batchItemFailures": []}


def test_parked_records_are_sent_again_as_they_were() -> None:
    """A golden parked record is sent again with its golden body, group (one of its own if it is unreadable) and deduplication id."""
    with recorded() as requests:
        stored = database()
        load(stored.dead.table, golden("dead-letters"))
        load(stored.messages.table, golden("messages"))
        queues = {"signals": SqsSignals(url("signals.fifo")), "send_queue": SqsSendQueue(url("send"))}
        dependencies = manage_dependencies(dead_letters=stored.dead, messages=stored.messages, **queues)
        for parked in (PARKED[0], PARKED[2]):
            redrive(dependencies, "w1", parked.position, LATER)
        redrive_all(dependencies, "unknown", None, LATER, unlimited)
    assert json.dumps(requests) == json.dumps(golden("redriven"))


def test_a_report_is_written_and_read_as_it_was() -> None:
    """The queue message of a report is the golden one, and its body is read."""
    assert [*to_queue_message(REPORTED)] == golden("signals-reported")
    assert signal_codec.from_body(golden("signals-reported")[2]) == REPORTED
