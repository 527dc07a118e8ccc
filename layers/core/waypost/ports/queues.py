"""Ports of queues, timers and dead letters."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from waypost.domain.dead_letters import Parked
from waypost.domain.runs.timers import Timer
from waypost.domain.signals import QueueMessage, UndeliveredTimer
from waypost.ports.messages import ManagedMessages


class Signals(Protocol):
    """The FIFO queue of signals, with one message group for each customer."""

    def send(self, queue_messages: Sequence[QueueMessage]) -> list[QueueMessage]:
        """Sends at most ten messages of different groups in one call, and returns those that the queue refused."""


class ReceivedRecords(Protocol):
    """The records that a function has received from a queue, and that come back when their visibility timeout ends."""

    def postpone(self, receipt_handle: str, seconds: int) -> None:
        """Makes a record visible again after so many seconds."""


class ReceivedSignals(Protocol):
    """The same of the signals queue, for many records in one call."""

    def delay(self, receipts: Sequence[tuple[str, int]]) -> None:
        """Makes records, given as receipt handle and seconds, visible again."""


class Delays(Protocol):
    """The queue of delayed signals."""

    def put(self, queue_message: QueueMessage, delay: timedelta) -> None:
        """Sends a message that reaches the signals queue after `delay`, which is at most 15 minutes."""


class SendQueue(Protocol):
    """The queue of messages to send."""

    def put(self, workspace: str, messages: Sequence[tuple[str, timedelta]]) -> None:
        """Enqueues message ids, each with a delay. A long delay is cut short: the consumer checks the time and enqueues again."""

    def put_released(self, workspace: str, message: str, token: str) -> None:
        """Enqueues a message of which the claim with this token certainly led to no call, and could not be taken back."""


class ArmedTimers(Protocol):
    """Timers that are scheduled."""

    def disarm(self, name: str) -> None:
        """Deletes a timer if it still exists. A timer that fires nevertheless does nothing: its run has left the step."""


class Timers(ArmedTimers, Protocol):
    """Signals that arrive at a given time."""

    def arm(self, timer: Timer, now: datetime) -> None:
        """Schedules a timer, which fires at its time or soon after and never before. Scheduling the same timer twice fires once."""


class UndeliveredTimers(Protocol):
    """The dead-letter queue of EventBridge Scheduler."""

    def receive(self) -> list[UndeliveredTimer]:
        """At most ten records, which are then invisible for some seconds; none if there are no more."""

    def delete(self, receipt_handle: str) -> None:
        """Deletes a record that was received."""


class DeadLetters(Protocol):
    """Signals that could not be processed, and messages that failed (docs/operate.md#dead-letters)."""

    def park(self, parked: Parked) -> None:
        """Stores a record. Storing the same record twice keeps one."""


class StartedAttempts(Protocol):
    """Attempts at records that may end the process, counted while they are not known to have ended."""

    def start(self, record: str, limit: int) -> bool:
        """Counts the start of an attempt at this record. False, with nothing counted, if `limit` starts have not ended."""

    def end(self, record: str) -> None:
        """Resets the attempts at this record: the last one has ended, whatever its result."""


class ManagedDeadLetters(DeadLetters, Protocol):
    """Dead letters as the management API lists, counts, deletes and redrives them."""

    def get(self, workspace: str, position: str) -> Parked | None:
        """The record at this position, or None."""

    def remove(self, parked: Parked) -> None:
        """Deletes a record, after it was put back on its queue."""

    def discard(self, workspace: str, position: str) -> bool:
        """Deletes the record at this position for good. False if there is none."""

    def count(self, workspace: str, *, limit: int) -> tuple[int, bool]:
        """How many records the workspace has, counted up to `limit`, and whether that is only a lower bound."""

    def page(self, workspace: str, *, limit: int, before: str | None = None) -> tuple[list[Parked], str | None]:
        """At most `limit` records before the position `before`, newest first, and the position after them (None: no more)."""

    def oldest(self, workspace: str, *, limit: int, after: str | None = None) -> tuple[list[Parked], str | None]:
        """The same, oldest first, of the records after the position `after`."""


class RedrivePorts(Protocol):
    """What a redrive reads and writes: the management API has it for a workspace, and the operator's command line for a stack."""

    @property
    def dead_letters(self) -> ManagedDeadLetters:
        """The records to redrive."""

    @property
    def messages(self) -> ManagedMessages:
        """The messages that records of the kind `message` are about."""

    @property
    def signals(self) -> Signals:
        """The queue of records of the kind `signal`."""

    @property
    def send_queue(self) -> SendQueue:
        """The queue of records of the kind `message`."""
