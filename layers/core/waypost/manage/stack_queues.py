"""Redrives of the operator of a stack: records of no workspace, and timers that were not delivered (docs/operate.md#redrive)."""

from __future__ import annotations

from dataclasses import dataclass

from waypost import ports
from waypost.domain import signal_codec
from waypost.domain.errors import NewerFormatError, UnavailableError
from waypost.domain.signals import QueueMessage
from waypost.domain.values.generated_ids import digest


@dataclass(frozen=True, slots=True)
class StackQueues:
    """The dead letters of a stack, and the queues to which a redrive returns them."""

    dead_letters: ports.ManagedDeadLetters
    messages: ports.ManagedMessages
    signals: ports.Signals
    send_queue: ports.SendQueue
    undelivered: ports.UndeliveredTimers


def redrive_timers(queues: StackQueues) -> tuple[int, int]:
    """Sends the timers that Scheduler could not deliver to the signals queue. Returns how many were sent, and how many are unreadable.

    A timer is deleted only after the signals queue has it; a repeated one does nothing. Unreadable records stay in their queue.
    """
    sent = unreadable = 0
    while records := queues.undelivered.receive():
        for record in records:
            try:
                group = signal_codec.from_body(record.body).customer
            except NewerFormatError:
                raise
            except Exception:  # noqa: BLE001 - no version reads it; an operator has to look at it
                unreadable += 1
                continue
            if queues.signals.send([QueueMessage(group, digest("redriven-timer", record.id), record.body)]):
                raise UnavailableError("the signals queue did not take a timer")
            queues.undelivered.delete(record.receipt_handle)
            sent += 1
    return sent, unreadable
