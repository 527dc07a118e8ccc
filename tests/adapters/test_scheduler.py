"""Timers: what is requested of EventBridge Scheduler and of the delays queue, and when."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st

from waypost.adapters.aws import client
from waypost.adapters.scheduler import ScheduledTimers, Schedules, ScheduleTarget
from waypost.adapters.sqs import SqsDelays
from waypost.domain import signal_codec
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.errors import UnavailableError
from waypost.domain.runs.timers import Timer
from waypost.domain.signals import TimerDue

NOW = datetime(2026, 11, 23, 5, 17, 13, 1000, tzinfo=UTC)
DELAYS = "https://sqs.eu-west-1.amazonaws.com/123456789012/delays"
TARGET = ScheduleTarget("arn:aws:sqs:eu-west-1:1:signals.fifo", "arn:aws:iam::1:role/scheduler", "arn:aws:sqs:eu-west-1:1:dead")
TIMERS = ScheduledTimers(Schedules("timers"), TARGET, SqsDelays(DELAYS))


def timer(due: datetime) -> Timer:
    """A timer that ends the wait of a run in a step."""
    return Timer("w1", "c_1", Identifier("primary", "ada@example.org"), "r_1", "bought", 1, 0, due)


@contextmanager
def stubbed(service: str) -> Iterator[Stubber]:
    """The client of a service with the responses that a test adds; every one of them must be used."""
    with Stubber(client(service)) as stub:
        yield stub
        stub.assert_no_pending_responses()


@pytest.fixture(autouse=True)
def new_clients() -> Iterator[None]:
    """Clients of this test's own."""
    client.cache_clear()
    yield
    client.cache_clear()


def delayed_request(timer: Timer, seconds: int) -> dict[str, Any]:
    """The request that puts a short timer on the delays queue."""
    body = json.dumps([*signal_codec.to_queue_message(TimerDue(timer))], separators=(",", ":"))
    return {"QueueUrl": DELAYS, "MessageBody": body, "DelaySeconds": seconds}


@pytest.mark.parametrize(
    ("left", "seconds"),
    [(timedelta(seconds=5), 5), (timedelta(seconds=4.2), 5), (timedelta(minutes=15), 900), (timedelta(0), 0), (timedelta(hours=-1), 0)],
    ids=["whole seconds", "rounded up", "15 minutes", "due now", "overdue"],
)
def test_a_timer_of_at_most_15_minutes_goes_through_the_delays_queue(left: timedelta, seconds: int) -> None:
    """The delay is the time that is left, rounded up to the second, so that no timer comes early; an overdue timer has no delay."""
    short = timer(NOW + left)
    with stubbed("sqs") as sqs:
        sqs.add_response("send_message", {}, delayed_request(short, seconds))
        TIMERS.arm(short, NOW)


def test_a_record_of_the_delays_queue_holds_the_queue_message() -> None:
    """Group, deduplication id and body of the signal are read out of the record, and the group is the customer."""
    queue_message = signal_codec.to_queue_message(TimerDue(timer(NOW)))
    assert signal_codec.from_delays_record(delayed_request(timer(NOW), 0)["MessageBody"]) == queue_message
    assert queue_message.group == "c_1"


def schedule_request(timer: Timer, at: str) -> dict[str, Any]:
    """The request that creates the schedule of a long timer."""
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
    ids=["just over 15 minutes", "full minute", "just after a full minute", "other time zone"],
)
def test_a_longer_timer_is_a_schedule_at_the_next_full_minute(due: datetime, at: str) -> None:
    """The schedule is for the first full minute (UTC) not before the due time, and deletes itself after it has fired."""
    long = timer(due)
    with stubbed("scheduler") as scheduler:
        scheduler.add_response("create_schedule", {"ScheduleArn": "arn"}, schedule_request(long, at))
        TIMERS.arm(long, NOW)


FRAGMENTS = [
    *(f"<aws.scheduler.{keyword}>" for keyword in ("schedule-arn", "scheduled-time", "execution-id", "attempt-number")),
    *("#", "/", "~", "=", "<", ">", "\\u003c", '"', "{", "%3C", "&lt;"),
    *("\u200f", "\u202e", "\u2066", unicodedata.normalize("NFC", "Zoë"), unicodedata.normalize("NFD", "Zoë"), "\0", "\U0001f600"),
]
IDS = st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=5), min_size=1).map("".join)


def delivered(text: str) -> str:
    """An input as EventBridge Scheduler delivers it: its keywords are replaced."""
    return re.sub(r"<aws\.scheduler\.[a-z-]+>", "of-another-customer", text)


def input_of(made: Timer) -> str:
    """The input of the schedule that is created for a timer."""
    inputs: list[str] = []
    client("scheduler").meta.events.register(
        "before-parameter-build.scheduler.CreateSchedule", lambda params, **_: inputs.append(params["Target"]["Input"])
    )
    with stubbed("scheduler") as scheduler:
        scheduler.add_response("create_schedule", {"ScheduleArn": "arn"})
        TIMERS.arm(made, NOW)
    return inputs[0]


@given(kind=st.sampled_from(["correlation", "primary"]), value=IDS, step=IDS, workspace=IDS)
def test_a_timer_comes_back_as_it_was_made_whatever_the_ids_are(
    kind: Literal["correlation", "primary"], value: str, step: str, workspace: str
) -> None:
    """No keyword of Scheduler is in the input of a schedule, as text or in decoded JSON, so the timer that comes back is the same."""
    made = Timer(workspace, "c_1", Identifier(kind, value), "r_1", step, 1, 0, NOW + timedelta(days=3))
    text = input_of(made)
    assert signal_codec.from_body(delivered(text)) == TimerDue(made)
    if text.startswith("{"):
        assert "<" not in str(json.loads(text))


def test_arming_a_timer_again_is_a_success() -> None:
    """A schedule that exists already under the timer's name is what was requested: no error is raised."""
    with stubbed("scheduler") as scheduler:
        scheduler.add_client_error("create_schedule", "ConflictException")
        TIMERS.arm(timer(NOW + timedelta(days=3)), NOW)


@pytest.mark.parametrize("code", ["ResourceNotFoundException", "ThrottlingException", "InternalServerException"])
def test_a_schedule_that_cannot_be_deleted_is_no_error(code: str) -> None:
    """Deleting a schedule that does not exist, or while Scheduler is unavailable, raises nothing: the timer will have no effect."""
    with stubbed("scheduler") as scheduler:
        scheduler.add_client_error("delete_schedule", code, http_status_code=500 if code.startswith("Internal") else 400)
        TIMERS.disarm("t_1")


def test_disarming_deletes_the_schedule_of_the_timer() -> None:
    """The deleted schedule is the one with the timer's name in the group of timers."""
    with stubbed("scheduler") as scheduler:
        scheduler.add_response("delete_schedule", {}, {"Name": "t_1", "GroupName": "timers", "ClientToken": "t_1"})
        TIMERS.disarm("t_1")


@pytest.mark.parametrize("code", ["ThrottlingException", "ServiceQuotaExceededException"])
def test_a_schedule_that_cannot_be_created_now_is_an_unavailable_error(code: str) -> None:
    """While Scheduler throttles or its quota is used up, arming raises UnavailableError, so that the signal is retried."""
    with stubbed("scheduler") as scheduler:
        scheduler.add_client_error("create_schedule", code, http_status_code=400)
        with pytest.raises(UnavailableError):
            TIMERS.arm(timer(NOW + timedelta(days=3)), NOW)


def test_a_wrong_schedule_is_not_hidden() -> None:
    """A request that Scheduler refuses as invalid raises ClientError, because a retry could not succeed."""
    with stubbed("scheduler") as scheduler:
        scheduler.add_client_error("create_schedule", "ValidationException", http_status_code=400)
        with pytest.raises(ClientError, match="ValidationException"):
            TIMERS.arm(timer(NOW + timedelta(days=3)), NOW)
