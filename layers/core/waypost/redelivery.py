"""What becomes of a record of any queue that fails: how often and how soon it is received again, and when it is given up.

There are three kinds of failure. What a later attempt may repair, an outage or a newer format, returns to the queue however often it fails.
An exception of another kind is a fault of the code or of the record; after a few attempts the record is parked, because it would block
what is behind it. A record that ends the process, by a time-out or for want of memory, raises nothing. It is recognized by what it leaves
behind: the row of an attempt that started and did not end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from waypost.domain.dead_letters import Parked, ParkedKind
from waypost.domain.errors import NewerFormatError, UnavailableError, WaypostError
from waypost.ports import DeadLetters, ReceivedSignals, StartedAttempts, Telemetry

POISON_RECEIVES: Final = 5
"""A record that fails for another reason than an outage is parked at this receive: a deployment may repair the fault until then."""

MAX_PAUSE_SECONDS: Final = 60

MAX_OUTAGE_PAUSE_SECONDS: Final = 15 * 60
"""An outage of hours would otherwise reach the receives after which SQS gives a record up, and each receive costs calls that fail."""

SUSPECT_RECEIVES: Final = 10
"""From this receive on, a record may be one that ends the process. The exceptions of others are over by then; only outages last longer."""

MAX_STARTS: Final = 3
"""A record is parked after so many attempts that started and did not end."""

START_SECONDS: Final = 15
"""A suspect record is not started later than this after the start of the invocation: it gets most of the function's time for itself."""


PROCESS_ENDED: Final = "process-ended"
"""The reason of a dead letter at which the process ended three times."""


class NotStartedError(WaypostError):
    """There is too little time left in this invocation for a record that may be one that ends the process."""


class QueueRecord(NamedTuple):
    """One delivery of a message by SQS. `receives` counts its deliveries, this one included; a standard queue has no `group`.

    `sent_at` is the time at which the queue accepted the message.
    """

    id: str
    body: str
    receives: int
    receipt_handle: str
    group: str | None = None
    sent_at: datetime | None = None

    @property
    def pause_seconds(self) -> int:
        """The seconds after which the record becomes visible again if it fails: 2, 4, 8 and so on up to a minute.

        An outage has `outage_pause_seconds` instead.

        The pause replaces the visibility timeout of the queue, which is six times the timeout of the function: one throttled call would
        otherwise stop the message group of a customer for six minutes.
        """
        return min(1 << self.receives, MAX_PAUSE_SECONDS)

    @property
    def outage_pause_seconds(self) -> int:
        """The seconds after which the record becomes visible again after an outage: 2, 4, 8 and so on up to 15 minutes."""
        return min(1 << self.receives, MAX_OUTAGE_PAUSE_SECONDS)

    @property
    def is_suspect(self) -> bool:
        """Whether the record was received so often that it may be one that ends the process."""
        return self.receives >= SUSPECT_RECEIVES

    def pause_after(self, error: BaseException | None) -> int:
        """The seconds after which the record becomes visible again. The error is its own; None if one of a record before it stopped it."""
        return self.outage_pause_seconds if isinstance(error, UnavailableError) else self.pause_seconds


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


def survive(
    work: Callable[[], None], give_up: Callable[[], None], record: QueueRecord, started: Callable[[], StartedAttempts], telemetry: Telemetry
) -> None:
    """Does the work of a record, or gives it up if the process has ended in its last three attempts.

    The caller does no other work at the same time as that of a suspect record. Raises what `work` raises.
    """
    # SQS counts receives, and cannot tell an attempt that was throttled from one in which the process ended. Only a row that is written
    # before the work and removed after it can. It costs two calls, so only records that failed nine times have one.
    if not record.is_suspect:
        return work()
    attempts = started()
    if not attempts.start(record.id, MAX_STARTS):
        telemetry.log_error("process ended", record=record.id, receives=record.receives)
        return give_up()
    try:
        work()
    except Exception:
        _end(attempts, record, telemetry)
        raise
    return _end(attempts, record, telemetry)


def _end(attempts: StartedAttempts, record: QueueRecord, telemetry: Telemetry) -> None:
    try:
        attempts.end(record.id)
    except UnavailableError as error:
        # Not raised: the work is done, or its own error is raised. The row counts as one start without an end, of which three are allowed.
        telemetry.log_warning("end not recorded", record=record.id, reason=str(error))


def report_newer_format(error: NewerFormatError, record: QueueRecord, telemetry: Telemetry, /, **fields: Any) -> None:
    """Logs and counts a record that a newer version wrote."""
    # It stays on its queue. If it were parked, it would wait for a person, even after the newer version is deployed again.
    telemetry.log_warning("newer format", **fields, receives=record.receives, reason=str(error))
    telemetry.count_newer_format()


def park(dead_letters: DeadLetters, kind: ParkedKind, workspace: str, subject: str, body: str, reason: str, now: datetime) -> None:
    """Keeps the body of a record, which is about the signal or message `subject`, as a dead letter, so that a person can redrive it."""
    dead_letters.park(Parked(workspace, kind, subject, body, reason, now))


def retry_soon(pauses: Sequence[tuple[str, int]], queue: ReceivedSignals, telemetry: Telemetry) -> None:
    """Makes failed records, given as receipt handle and seconds, visible again after this pause and not the queue's visibility timeout."""
    # Nothing is raised: an error of the function would return all records to the queue, the finished ones too, and Lambda would log its
    # text. The failed records become visible when their visibility timeout ends.
    try:
        queue.delay(pauses)
    except UnavailableError as error:
        telemetry.log_warning("not brought back soon", reason=str(error))
    except Exception:  # noqa: BLE001 - see above
        telemetry.log_exception("not brought back soon")
