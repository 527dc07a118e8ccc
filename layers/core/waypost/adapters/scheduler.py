"""Timers: by the delays queue where they are due soon, else one-time schedules of EventBridge Scheduler."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from botocore.exceptions import ClientError

from waypost.adapters.aws import client, error_code, translate_errors
from waypost.adapters.delays import SqsDelays
from waypost.domain.errors import UnavailableError
from waypost.domain.runs.timers import Timer
from waypost.domain.signal_codec import to_queue_message
from waypost.domain.signals import QueueMessage, TimerDue

LONGEST_DELAY: Final = timedelta(minutes=15)
"""What a queue can delay. No schedule is made for less, so none is ever made so late that its time has passed and it is refused."""

_MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Target:
    """Where schedules deliver, as ARNs: the signals queue, the role that may send to it, and a queue for what could not be delivered."""

    queue: str
    role: str
    dead_letters: str


@dataclass(frozen=True, slots=True)
class Schedules:
    """The group of schedules that timers are."""

    group: str

    def disarm(self, name: str) -> None:
        """Takes a timer back, if that is possible: the timer of a step that was left does nothing anyway."""
        with suppress(UnavailableError), _ignore_error("ResourceNotFoundException"), translate_errors():
            client("scheduler").delete_schedule(Name=name, GroupName=self.group, ClientToken=name)


@dataclass(frozen=True, slots=True)
class ScheduledTimers:
    """Timers as signals in their customers' groups: to the second up to 15 minutes, from then on the scheduler's precision of a minute."""

    schedules: Schedules
    target: Target
    delays: SqsDelays

    def arm(self, timer: Timer, now: datetime) -> None:
        """Lets a timer come at its time or as soon as it can after it, never before; the same one twice comes once."""
        queue_message = to_queue_message(TimerDue(timer))
        left = timer.due - now
        if left <= LONGEST_DELAY:
            self.delays.put(queue_message, left)
        else:
            self._schedule(queue_message, timer.due)

    def disarm(self, name: str) -> None:
        """Takes a timer back, if that is possible: the timer of a step that was left does nothing anyway."""
        self.schedules.disarm(name)

    def _schedule(self, queue_message: QueueMessage, due: datetime) -> None:
        with _ignore_error("ConflictException"), translate_errors():
            client("scheduler").create_schedule(
                Name=queue_message.name,
                GroupName=self.schedules.group,
                ClientToken=queue_message.name,
                ScheduleExpression=f"at({_full_minute(due):%Y-%m-%dT%H:%M:%S})",
                ScheduleExpressionTimezone="UTC",
                FlexibleTimeWindow={"Mode": "OFF"},
                ActionAfterCompletion="DELETE",
                Target={
                    "Arn": self.target.queue,
                    "RoleArn": self.target.role,
                    "Input": queue_message.body,
                    "SqsParameters": {"MessageGroupId": queue_message.group},
                    "DeadLetterConfig": {"Arn": self.target.dead_letters},
                },
            )


def _full_minute(due: datetime) -> datetime:
    """The first full minute (UTC) that is not before an instant: a schedule may fire at any second of its minute."""
    whole = due.astimezone(UTC).replace(second=0, microsecond=0)
    return whole if whole == due else whole + _MINUTE


@contextmanager
def _ignore_error(code: str) -> Iterator[None]:
    """Takes one error of AWS for a success: what was asked for had been done before."""
    try:
        yield
    except ClientError as error:
        if error_code(error) != code:
            raise
