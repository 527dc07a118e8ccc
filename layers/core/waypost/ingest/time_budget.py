"""How one request to the intake divides its time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Final, TypeVar

from waypost.domain.errors import UnavailableError

# A request ends within 10 seconds (docs/events.md#when-aws-is-slow). Each limit below is a second of the request, counted from its
# arrival. Only the queue makes an event durable, and the mobile SDKs delete their events on an answer of 5xx: a customers table that is
# slow or hangs must therefore leave time for the queue.
#
#   until 2.0   Identifications are started. Each takes several calls. One call to DynamoDB that hangs takes up to 7 seconds (two
#               attempts with 1 s to connect and 2 s to read, and a pause), so the request cannot wait for its end.
#   until 4.5   The request waits for the identifications that were started, and for one read of rows. What is late goes on in its
#               thread and is ignored. The matcher carries these identifications out again, which changes nothing.
#   until 6.5   Calls to SQS are started, and repeated for what SQS refuses: at least 2 seconds. The last one takes up to 3 seconds (one
#               attempt, 1 s to connect and 2 s to read), so this ends at 9.5 at the latest.
#   until 9.5   Rejected events are kept, if sending was done by 6.5. The answer has their errors anyway.
#   until 10    The answer is written.
IDENTIFY_SECONDS: Final = 2.0
READ_SECONDS: Final = 4.5
SEND_SECONDS: Final = 6.5
KEEP_SECONDS: Final = 9.5

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TimeBudget:
    """The time of one request. `elapsed` returns the seconds since the request arrived; all limits are such seconds."""

    elapsed: Callable[[], float]
    executor: Executor

    def is_over(self, limit: float) -> bool:
        """Whether the limit has been reached."""
        return self.elapsed() >= limit

    def seconds_until(self, limit: float) -> float:
        """The seconds that are left until the limit, at least 0."""
        return max(limit - self.elapsed(), 0)

    def run_until(self, limit: float, work: Callable[[], T]) -> T:
        """Runs work on another thread and returns its result.

        UnavailableError if it has no result by the limit. The work itself is not stopped: a blocking call to AWS cannot be.
        """
        try:
            return self.executor.submit(work).result(self.seconds_until(limit))
        except TimeoutError as error:
            raise UnavailableError("this took too long") from error
