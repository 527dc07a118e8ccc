"""What becomes of a record of any queue that fails: how often and how soon it is received again, and when it is given up.

There are two kinds of failure. What a later attempt may repair, an outage or a newer format, returns to the queue however often it fails.
Anything else is a fault of the code or of the record; after a few attempts it is parked, because it would block what is behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from waypost.domain.dead_letters import Parked, ParkedKind
from waypost.domain.errors import NewerFormatError, UnavailableError
from waypost.ports import DeadLetters, ReceivedSignals, Telemetry

POISON_RECEIVES: Final = 5
"""A record that fails for another reason than an outage is parked at this receive: a deployment may repair the fault until then."""

MAX_PAUSE_SECONDS: Final = 60


class QueueRecord(NamedTuple):
    """One delivery of a message by SQS. `receives` counts its deliveries, this one included; a standard queue has no `group`."""

    id: str
    body: str
    receives: int
    receipt_handle: str
    group: str | None = None

    @property
    def pause_seconds(self) -> int:
        """The seconds after which the record becomes visible again if it fails: 2, 4, 8 and so on up to a minute.

        The pause replaces the visibility timeout of the queue, which is six times the timeout of the function: one throttled call would
        otherwise stop the message group of a customer for six minutes.
        """
        return min(1 << self.receives, MAX_PAUSE_SECONDS)


def attempt(work: Callable[[], None], give_up: Callable[[], None], record: QueueRecord, telemetry: Telemetry, /, **fields: Any) -> None:
    """Does the work of a record, and gives it up if it fails at its fifth receive for another reason than an outage.

    Raises what makes the queue deliver the record again. `fields` identify the work in the log.
    """
    try:
        work()
    except NewerFormatError as error:
        report_newer_format(error, record, telemetry, **fields)
        raise
    except UnavailableError as error:
        telemetry.log_warning("not now", **fields, receives=record.receives, reason=str(error))
        raise
    except Exception:
        telemetry.log_exception("poison", **fields, receives=record.receives)
        if record.receives < POISON_RECEIVES:
            raise
        give_up()


def report_newer_format(error: NewerFormatError, record: QueueRecord, telemetry: Telemetry, /, **fields: Any) -> None:
    """Logs and counts a record that a newer version wrote."""
    # It stays on its queue. If it were parked, it would wait for a person, even after the newer version is deployed again.
    telemetry.log_warning("newer format", **fields, receives=record.receives, reason=str(error))
    telemetry.count_newer_format()


def park(dead_letters: DeadLetters, kind: ParkedKind, workspace: str, subject: str, body: str, reason: str, now: datetime) -> None:
    """Keeps the body of a record, which is about the signal or message `subject`, as a dead letter, so that a person can redrive it."""
    dead_letters.park(Parked(workspace, kind, subject, body, reason, now))


def retry_soon(records: Sequence[QueueRecord], queue: ReceivedSignals, telemetry: Telemetry) -> None:
    """Makes failed records visible again after a short pause instead of the queue's visibility timeout."""
    try:
        queue.delay([(each.receipt_handle, each.pause_seconds) for each in records])
    except UnavailableError as error:
        # Not raised: an error of the function would return all records to the queue, the finished ones too. The failed ones become
        # visible when their visibility timeout ends.
        telemetry.log_warning("not brought back soon", reason=str(error))
