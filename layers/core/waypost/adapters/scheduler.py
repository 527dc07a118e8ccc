"""Timers: messages of the delays queue where they are due soon, else one-time schedules of EventBridge Scheduler."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from botocore.exceptions import ClientError

from waypost.adapters import sqs
from waypost.adapters.aws import client, error_code, translate_errors
from waypost.domain.errors import UnavailableError
from waypost.domain.runs.timers import Timer
from waypost.domain.signal_codec import compressed, to_queue_message
from waypost.domain.signals import QueueMessage, TimerDue

_MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class ScheduleTarget:
    """Where schedules deliver, as ARNs: the signals queue, the role that may send to it, and a queue for what could not be delivered."""

    queue: str
    role: str
    dead_letters: str


@dataclass(frozen=True, slots=True)
class Schedules:
    """The schedule group of this name. It holds nothing but timers."""

    group: str

    def disarm(self, name: str) -> None:
        """Deletes the schedule of a timer. A schedule that does not exist, or that cannot be deleted now, is no error."""
        # Deleting only saves the delivery of a timer that has no effect: its run has left the step. A failure must therefore not make
        # the caller, which has saved the run already, repeat its work. A timer of the delays queue has no schedule and cannot be deleted.
        # Scheduler reports a conflict if another request is changing the schedule at the same moment.
        with suppress(UnavailableError), _ignore_error("ConflictException"), translate_errors():
            client("scheduler").delete_schedule(Name=name, GroupName=self.group, ClientToken=name)


@dataclass(frozen=True, slots=True)
class ScheduledTimers:
    """Timers that come back as signals in the group of their customer (docs/architecture.md#timers)."""

    schedules: Schedules
    target: ScheduleTarget
    delays: sqs.SqsDelays

    def arm(self, timer: Timer, now: datetime) -> None:
        """Makes a timer come at its due time or later, never earlier: to the second up to 15 minutes ahead, else to the minute.

        Arming the same timer twice has the effect of arming it once. UnavailableError where it could not be armed.
        """
        # Scheduler refuses a schedule whose time has passed. Because a schedule is created only with more than 15 minutes to go, neither
        # a slow request nor a clock that is wrong by seconds can make it too late.
        queue_message = to_queue_message(TimerDue(timer))
        delay = timer.due - now
        if delay <= sqs.LONGEST_DELAY:
            self.delays.put(queue_message, delay)
        else:
            self._create_schedule(queue_message, timer.due)

    def disarm(self, name: str) -> None:
        """Deletes the schedule of a timer. A schedule that does not exist, or that cannot be deleted now, is no error."""
        self.schedules.disarm(name)

    def _create_schedule(self, queue_message: QueueMessage, due: datetime) -> None:
        # The name is computed from the step visit that the timer ends. A redelivery that arms the timer again therefore gets a
        # ConflictException in place of a second schedule; that is a success. The client token covers a repeat by botocore.
        with _ignore_error("ConflictException"), translate_errors():
            client("scheduler").create_schedule(
                Name=queue_message.name,
                GroupName=self.schedules.group,
                ClientToken=queue_message.name,
                ScheduleExpression=f"at({_next_full_minute(due):%Y-%m-%dT%H:%M:%S})",
                ScheduleExpressionTimezone="UTC",
                FlexibleTimeWindow={"Mode": "OFF"},
                ActionAfterCompletion="DELETE",
                Target={
                    "Arn": self.target.queue,
                    "RoleArn": self.target.role,
                    "Input": _without_keywords(queue_message.body),
                    "SqsParameters": {"MessageGroupId": queue_message.group},
                    "DeadLetterConfig": {"Arn": self.target.dead_letters},
                },
            )


def _without_keywords(body: str) -> str:
    """The body of a queue message as the input of a schedule, in which Scheduler finds none of its keywords."""
    # Scheduler replaces `<aws.scheduler.schedule-arn>` and similar keywords in the input when it delivers. Callers choose ids freely, and
    # with such an id the timer would come back for another identifier: for another customer, whom anybody with a key for events can name.
    # Escaping the bracket in the JSON would not be enough if Scheduler decoded the JSON first. Base64 has no bracket in any case.
    return compressed(body) if "<" in body else body


def _next_full_minute(due: datetime) -> datetime:
    """The first full minute (UTC) that is not before an instant.

    A schedule may fire at any second of its minute. In the minute of the due time itself it could fire too early.
    """
    minute = due.astimezone(UTC).replace(second=0, microsecond=0)
    return minute if minute == due else minute + _MINUTE


@contextmanager
def _ignore_error(code: str) -> Iterator[None]:
    """Ignores a ClientError of this code, which asks for nothing more to be done."""
    try:
        yield
    except ClientError as error:
        if error_code(error) != code:
            raise
