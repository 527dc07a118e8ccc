"""Timers: what the scheduler and the delays queue are asked, and when."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from waypost.adapters.aws import client
from waypost.adapters.delays import SqsDelays
from waypost.adapters.scheduler import ScheduledTimers, Schedules, Target
from waypost.domain import signal_codec
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.errors import UnavailableError
from waypost.domain.runs.timers import Timer
from waypost.domain.signals import TimerDue

NOW = datetime(2026, 11, 23, 5, 17, 13, 1000, tzinfo=UTC)
DELAYS = "https://sqs.eu-west-1.amazonaws.com/123456789012/delays"
TARGET = Target("arn:aws:sqs:eu-west-1:1:signals.fifo", "arn:aws:iam::1:role/scheduler", "arn:aws:sqs:eu-west-1:1:dead")
TIMERS = ScheduledTimers(Schedules("timers"), TARGET, SqsDelays(DELAYS))


def timer(due: datetime) -> Timer:
    """A run's stay in a step until an instant."""
    return Timer("w1", "c_1", Identifier("primary", "ada@example.org"), "r_1", "bought", 1, 0, due)


@contextmanager
def answering(service: str) -> Iterator[Stubber]:
    """A service that answers as a test says, and was asked all of it."""
    with Stubber(client(service)) as stub:
        yield stub
        stub.assert_no_pending_responses()


@pytest.fixture(autouse=True)
def fresh_clients() -> Iterator[None]:
    """Clients of this test's own."""
    client.cache_clear()
    yield
    client.cache_clear()


def delayed(timer: Timer, seconds: int) -> dict[str, Any]:
    """The one message on the delays queue that a short timer is."""
    body = json.dumps([*signal_codec.to_queue_message(TimerDue(timer))], separators=(",", ":"))
    return {"QueueUrl": DELAYS, "MessageBody": body, "DelaySeconds": seconds}


@pytest.mark.parametrize(
    ("left", "seconds"),
    [(timedelta(seconds=5), 5), (timedelta(seconds=4.2), 5), (timedelta(minutes=15), 900), (timedelta(0), 0), (timedelta(hours=-1), 0)],
)
def test_a_short_timer_comes_to_the_second(left: timedelta, seconds: int) -> None:
    """Up to 15 minutes by a queue's delay, rounded up: never early. One that is overdue comes at once."""
    made = timer(NOW + left)
    with answering("sqs") as sqs:
        sqs.add_response("send_message", {}, delayed(made, seconds))
        TIMERS.arm(made, NOW)


def test_a_delayed_signal_finds_its_customer_s_group() -> None:
    """What the delays queue carries is the parcel for the signals queue: group, name for deduplication, body."""
    queue_message = signal_codec.to_queue_message(TimerDue(timer(NOW)))
    assert signal_codec.from_delays_record(delayed(timer(NOW), 0)["MessageBody"]) == queue_message
    assert queue_message.group == "c_1"


def schedule(timer: Timer, at: str) -> dict[str, Any]:
    """The one-time schedule that a long timer is."""
    return {
        "Name": timer.name,
        "GroupName": "timers",
        "ClientToken": timer.name,
        "ScheduleExpression": f"at({at})",
        "ScheduleExpressionTimezone": "UTC",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "ActionAfterCompletion": "DELETE",
        "Target": {
            "Arn": TARGET.queue,
            "RoleArn": TARGET.role,
            "Input": json.dumps(signal_codec.to_wire(TimerDue(timer)), separators=(",", ":")),
            "SqsParameters": {"MessageGroupId": "c_1"},
            "DeadLetterConfig": {"Arn": TARGET.dead_letters},
        },
    }


@pytest.mark.parametrize(
    ("due", "at"),
    [
        (NOW + timedelta(minutes=15, milliseconds=1), "2026-11-23T05:33:00"),
        (datetime(2026, 11, 26, 5, 17, tzinfo=UTC), "2026-11-26T05:17:00"),
        (datetime(2026, 11, 26, 5, 17, 0, 1000, tzinfo=UTC), "2026-11-26T05:18:00"),
        (datetime.fromisoformat("2027-01-01T00:59:30+01:00"), "2027-01-01T00:00:00"),
    ],
)
def test_a_long_timer_is_a_schedule_at_the_next_full_minute(due: datetime, at: str) -> None:
    """The scheduler fires within a minute, so the minute begins no earlier than the timer is due; it deletes itself."""
    made = timer(due)
    with answering("scheduler") as scheduler:
        scheduler.add_response("create_schedule", {"ScheduleArn": "arn"}, schedule(made, at))
        TIMERS.arm(made, NOW)


def test_arming_twice_is_arming_once() -> None:
    """The schedule has the timer's name, and one that is there already is what was asked for."""
    with answering("scheduler") as scheduler:
        scheduler.add_client_error("create_schedule", "ConflictException")
        TIMERS.arm(timer(NOW + timedelta(days=3)), NOW)


@pytest.mark.parametrize("code", ["ResourceNotFoundException", "ThrottlingException", "InternalServerException"])
def test_a_timer_that_cannot_be_taken_back_does_no_harm(code: str) -> None:
    """It has come already, or it will come and find its step left."""
    with answering("scheduler") as scheduler:
        scheduler.add_client_error("delete_schedule", code, http_status_code=500 if code.startswith("Internal") else 400)
        TIMERS.disarm("t_1")


def test_taking_back_names_the_timer() -> None:
    """By its own name in the group of timers."""
    with answering("scheduler") as scheduler:
        scheduler.add_response("delete_schedule", {}, {"Name": "t_1", "GroupName": "timers", "ClientToken": "t_1"})
        TIMERS.disarm("t_1")


@pytest.mark.parametrize("code", ["ThrottlingException", "ServiceQuotaExceededException"])
def test_a_timer_that_cannot_be_made_comes_back(code: str) -> None:
    """A throttled or full scheduler is a world that is down: the signal is taken again later, and pays again what it owes."""
    with answering("scheduler") as scheduler:
        scheduler.add_client_error("create_schedule", code, http_status_code=400)
        with pytest.raises(UnavailableError):
            TIMERS.arm(timer(NOW + timedelta(days=3)), NOW)


def test_a_schedule_that_is_wrong_is_not_hidden() -> None:
    """A role that cannot be used is our own fault: it must be seen, not retried for ever."""
    with answering("scheduler") as scheduler:
        scheduler.add_client_error("create_schedule", "ValidationException", http_status_code=400)
        with pytest.raises(ClientError, match="ValidationException"):
            TIMERS.arm(timer(NOW + timedelta(days=3)), NOW)
