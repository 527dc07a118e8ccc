"""Timers and delays in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from waypost.domain.runs.timers import Timer
from waypost.domain.signals import QueueMessage


@dataclass
class FakeTimers:
    """Timers by name. A disarmed timer is removed; a timer that comes is removed by the test that delivers it."""

    armed: dict[str, Timer] = field(default_factory=dict)
    disarmed: list[str] = field(default_factory=list)

    def arm(self, timer: Timer, now: datetime) -> None:
        self.armed[timer.name] = timer

    def disarm(self, name: str) -> None:
        self.disarmed.append(name)
        self.armed.pop(name, None)


@dataclass
class FakeDelays:
    """Messages for the signals queue with their delays."""

    queue_messages: list[tuple[QueueMessage, timedelta]] = field(default_factory=list)

    def put(self, queue_message: QueueMessage, delay: timedelta) -> None:
        self.queue_messages.append((queue_message, delay))
