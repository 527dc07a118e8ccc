"""How one request to the intake divides its time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Final, TypeVar

from waypost.domain.errors import UnavailableError

# A request ends within 10 seconds (docs/events.md#when-aws-is-slow). Each limit below is a second of the request, counted from its
# arrival. Only the queue makes an event durable, and the mobile SDKs delete their events on an answer of 5xx: tables that are slow or
# hang must therefore leave time for the queue. One call to DynamoDB that hangs takes up to 7 seconds (two attempts with 1 s to connect
# and 2 s to read, and a pause), so the request never waits for the end of a call, only until a limit.
#
#   until 1.0   The key and the schema are read, if this instance has older ones to go on with.
#   until 2.0   Identifications are started. Each takes several calls, and none of these is started after 4.5.
#   until 4.5   The request waits for the identifications that were started, and for one read of rows. What is late goes on in its
#               thread and is ignored. The matcher carries these identifications out again, which changes nothing.
#   until 6.0   A key or a schema that this instance has never read is read: without it the answer would be 503. The more time this
#               takes, the less of the above is left.
#   until 6.5   Calls to SQS are started, and repeated for what SQS refuses: at least 2 seconds, if need be until 8.5. The request waits
#               for them until 9.5. A call that hangs ends after 3 seconds (one attempt, 1 s to connect and 2 s to read).
#   until 9.5   Rejected events are kept, if sending was done by 6.5. The answer has their errors anyway.
#   until 10    The answer is written.
LOOKUP_SECONDS: Final = 1.0
IDENTIFY_SECONDS: Final = 2.0
READ_SECONDS: Final = 4.5
FIRST_LOOKUP_SECONDS: Final = 6.0
SEND_SECONDS: Final = 6.5
MIN_SENDING_SECONDS: Final = 2.0
END_SECONDS: Final = 9.5

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TimeBudget:
    """The time of one request. `elapsed` returns the seconds since the request arrived; all limits are such seconds.

    `executor` makes single calls. Enough of its threads must be free at any time: a call that waits for a thread uses up the budget.
    """

    elapsed: Callable[[], float]
    executor: Executor

    def is_over(self, limit: float) -> bool:
        """Whether the limit has been reached."""
        return self.elapsed() >= limit

    def run_until(self, limit: float, work: Callable[[], T]) -> T:
        """Runs work on another thread and returns its result.

        UnavailableError if it has no result by the limit; after the limit, it is not started at all. The work itself is not stopped: a
        blocking call to AWS cannot be.
        """
        if self.is_over(limit):
            raise UnavailableError("there is no time left for this")
        return self.result_by(limit, self.executor.submit(work))

    def result_by(self, limit: float, future: Future[T]) -> T:
        """The result of work that was started on another thread. UnavailableError if there is none by the limit."""
        try:
            return future.result(max(limit - self.elapsed(), 0))
        except TimeoutError as error:
            raise UnavailableError("this took too long") from error

    def look_up(self, call: Callable[[], T], *, has_fallback: bool) -> T:
        """Reads a key or a schema (it is a `ports.Caller`). The read gets a second if the request can go on without it."""
        return self.run_until(LOOKUP_SECONDS if has_fallback else FIRST_LOOKUP_SECONDS, call)

    def sending_limit(self) -> float:
        """Until when messages are sent if sending starts now: two seconds are kept for it, whatever took longer than planned before."""
        return max(SEND_SECONDS, self.elapsed() + MIN_SENDING_SECONDS)
