"""EventBridge Scheduler in memory: one-time schedules that deliver to queues of SQS, late and at least once."""

# ruff: noqa: N803 - the arguments have the names that boto3 gives them

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final

from botocore.exceptions import ClientError

from tests.proof.aws.agenda import Agenda
from tests.proof.aws.client_errors import client_error
from tests.proof.aws.queues import ACCOUNT, REGION
from tests.proof.aws.sqs import Sqs
from tests.proof.aws.time_source import TimeSource

TOKEN_LIFETIME: Final = timedelta(minutes=10)
"""How long a request with the same client token counts as a repeat. AWS does not document the time; the SDK repeats within seconds."""

_AT: Final = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")
_NAME: Final = re.compile(r"[0-9a-zA-Z-_.]{1,64}")
_TOKEN: Final = re.compile(r"[a-zA-Z0-9-_]{1,64}")
_DEAD_LETTERS: Final = re.compile(r"arn:aws(-[a-z]+)?:sqs:[a-z0-9-]+:\d{12}:[a-zA-Z0-9-_]+")
_KEYWORD: Final = re.compile(r"<aws\.scheduler\.(schedule-arn|scheduled-time|execution-id|attempt-number)>")


def within_the_minute(random: Random) -> float:
    """The seconds by which a schedule is late: Scheduler fires at any second of the minute."""
    return random.uniform(0, 60)


@dataclass
class Schedule:
    """A schedule that has not fired for the last time. `left` are the times of its deliveries."""

    name: str
    group: str
    at: datetime
    target: Mapping[str, Any]
    deletes_itself: bool
    left: list[datetime]
    attempts: int = 0

    @property
    def arn(self) -> str:
        """The ARN of the schedule."""
        return f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/{self.group}/{self.name}"


@dataclass
class Scheduler:
    """Schedules by group and name. `fire` delivers those that are due; a test calls it after the clock has advanced.

    `lateness` draws the seconds between the time of a schedule and its delivery. `twice` is the chance of a second delivery, up to ten
    minutes later, and `undeliverable` the chance that a delivery fails for good and goes to the dead-letter queue of the schedule.
    """

    clock: TimeSource
    random: Random
    sqs: Sqs
    lateness: Callable[[Random], float] = within_the_minute
    twice: float = 0.0
    undeliverable: float = 0.0
    groups: frozenset[str] | None = None
    """The schedule groups that exist; None: every one."""
    schedules: dict[tuple[str, str], Schedule] = field(default_factory=dict)
    deliveries: int = 0

    def __post_init__(self) -> None:
        self._agenda: Agenda[tuple[str, str]] = Agenda()
        self._tokens: dict[tuple[str, str, str, str], datetime] = {}

    def create_schedule(
        self,
        *,
        Name: str,
        ScheduleExpression: str,
        FlexibleTimeWindow: Mapping[str, Any],
        Target: Mapping[str, Any],
        GroupName: str = "default",
        ClientToken: str | None = None,
        ScheduleExpressionTimezone: str = "UTC",
        ActionAfterCompletion: str = "NONE",
    ) -> dict[str, Any]:
        """Creates a schedule. ConflictException if it exists, unless the request is a repeat with the same token."""
        at = self._checked(Name, ClientToken, ScheduleExpression, ScheduleExpressionTimezone, FlexibleTimeWindow, Target)
        key = (GroupName, Name)
        self._require_group("CreateSchedule", GroupName)
        if not self._is_repeat("create", key, ClientToken):
            if key in self.schedules:
                raise client_error("CreateSchedule", "ConflictException", f"Schedule {Name} already exists.", 409)
            first = at + timedelta(seconds=self.lateness(self.random))
            left = [first]
            if self.twice and self.random.random() < self.twice:
                left.append(first + timedelta(seconds=self.random.uniform(0, 600)))
            self.schedules[key] = Schedule(Name, GroupName, at, Target, ActionAfterCompletion == "DELETE", left)
            self._agenda.put(key, left[0])
            self._remember("create", key, ClientToken)
        arn = f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/{GroupName}/{Name}"
        return {"ScheduleArn": arn, "ResponseMetadata": {"HTTPStatusCode": 200, "RetryAttempts": 0}}

    def delete_schedule(self, *, Name: str, GroupName: str = "default", ClientToken: str | None = None) -> dict[str, Any]:
        """Deletes a schedule. ResourceNotFoundException if there is none, unless the request is a repeat with the same token."""
        key = (GroupName, Name)
        self._require_group("DeleteSchedule", GroupName)
        if not self._is_repeat("delete", key, ClientToken):
            if key not in self.schedules:
                raise client_error("DeleteSchedule", "ResourceNotFoundException", f"Schedule {Name} does not exist.", 404)
            self._remove(key)
            self._remember("delete", key, ClientToken)
        return {"ResponseMetadata": {"HTTPStatusCode": 200, "RetryAttempts": 0}}

    def fire(self) -> int:
        """Delivers what is due, and returns the number of deliveries."""
        now, before = self.clock.now, self.deliveries
        for key in list(self._agenda.due(now)):
            schedule = self.schedules[key]
            while schedule.left and schedule.left[0] <= now:
                schedule.left.pop(0)
                self._deliver(schedule)
            if schedule.left:
                self._agenda.put(key, schedule.left[0])
            elif schedule.deletes_itself:
                self._remove(key)
            else:
                self._agenda.remove(key)
        return self.deliveries - before

    def next_due(self) -> float | None:
        """The seconds until the next delivery; 0 if one is due, and None if there is none."""
        first = self._agenda.first()
        return None if first is None else max((first - self.clock.now).total_seconds(), 0.0)

    def _deliver(self, schedule: Schedule) -> None:
        self.deliveries += 1
        schedule.attempts += 1
        body = self._with_values(schedule)
        queue = self.sqs.name_of_arn(schedule.target["Arn"])
        fails = self.undeliverable and self.random.random() < self.undeliverable
        if queue is not None and not fails:
            try:
                self.sqs.put(queue, body, group=schedule.target.get("SqsParameters", {}).get("MessageGroupId"))
            except ClientError:
                fails = True
        dead_letters = self.sqs.name_of_arn(schedule.target.get("DeadLetterConfig", {}).get("Arn", ""))
        if (queue is None or fails) and dead_letters is not None:
            self.sqs.put(dead_letters, body)

    def _with_values(self, schedule: Schedule) -> str:
        """The input of a schedule with the values of the keywords that Scheduler knows."""
        values = {
            "schedule-arn": schedule.arn,
            "scheduled-time": f"{schedule.at:%Y-%m-%dT%H:%M:%SZ}",
            "execution-id": f"d32c5kddcf5bb{self.deliveries:03x}",
            "attempt-number": str(schedule.attempts),
        }
        return _KEYWORD.sub(lambda found: values[found[1]], schedule.target["Input"])

    def _checked(
        self, name: str, token: str | None, expression: str, zone: str, window: Mapping[str, Any], target: Mapping[str, Any]
    ) -> datetime:
        """The time of a one-time schedule in UTC, if the request is one that Scheduler takes."""
        found, dead_letters = _AT.fullmatch(expression), target.get("DeadLetterConfig", {}).get("Arn")
        faults = {
            "Name": not _NAME.fullmatch(name),
            "ClientToken": token is not None and not _TOKEN.fullmatch(token),
            "ScheduleExpression": found is None or zone != "UTC",
            "FlexibleTimeWindow": window.get("Mode") != "OFF",
            "Target.Input": not target.get("Input"),
            "Target.DeadLetterConfig.Arn": dead_letters is not None and not _DEAD_LETTERS.fullmatch(dead_letters),
            "Target.SqsParameters": target["Arn"].endswith(".fifo") and not target.get("SqsParameters", {}).get("MessageGroupId"),
        }
        fault = next((member for member, is_wrong in faults.items() if is_wrong), None)
        if fault is not None or found is None:
            raise client_error("CreateSchedule", "ValidationException", f"Invalid value for {fault}.")
        at = datetime.fromisoformat(found[1]).replace(tzinfo=UTC)
        if at < self.clock.now:
            raise client_error("CreateSchedule", "ValidationException", f"Invalid Schedule Expression {expression}.")
        return at

    def _require_group(self, operation: str, group: str) -> None:
        if self.groups is not None and group not in self.groups:
            raise client_error(operation, "ResourceNotFoundException", f"Schedule group {group} does not exist.", 404)

    def _is_repeat(self, operation: str, key: tuple[str, str], token: str | None) -> bool:
        at = None if token is None else self._tokens.get((operation, *key, token))
        return at is not None and self.clock.now < at + TOKEN_LIFETIME

    def _remember(self, operation: str, key: tuple[str, str], token: str | None) -> None:
        if token is not None:
            self._tokens[(operation, *key, token)] = self.clock.now

    def _remove(self, key: tuple[str, str]) -> None:
        del self.schedules[key]
        self._agenda.remove(key)
