"""The clock of the simulation, and threads that work at the same simulated time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from heapq import heapify, heapreplace
from typing import Any, Final, TypeVar

T = TypeVar("T")

START: Final = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@dataclass
class Clock:
    """Time that passes only where something takes time: a call of AWS, a sleep, or a test that advances it."""

    seconds: float = 0.0

    @property
    def now(self) -> datetime:
        """The time (UTC), cut to the millisecond as on the wire."""
        return START + timedelta(milliseconds=int(self.seconds * 1000))

    def monotonic(self) -> float:
        """The seconds since the simulation began."""
        return self.seconds

    def advance(self, seconds: float) -> None:
        """Lets time pass."""
        self.seconds += seconds


class SimulatedTime:
    """What modules use of the module `time`, on the clock of the simulation that is active."""

    def __init__(self, clock: Callable[[], Clock]) -> None:
        self._clock = clock

    def monotonic(self) -> float:
        """As `time.monotonic`."""
        return self._clock().seconds

    def sleep(self, seconds: float) -> None:
        """As `time.sleep`."""
        self._clock().advance(seconds)


@dataclass
class SimulatedExecutor(Executor):
    """A pool of threads on the clock: what is submitted runs at once, and the clock then goes back to the time of its start.

    Its result is there at the simulated time at which it ended. A task waits, in simulated time, for one of `max_workers` threads.
    """

    clock: Callable[[], Clock]
    max_workers: int = 8
    free_at: list[float] = field(default_factory=list)

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Runs `fn` and returns its future. What is no Exception ends the process, and this call with it."""
        clock = self.clock()
        submitted = clock.seconds
        if not self.free_at:
            self.free_at = [submitted] * self.max_workers
            heapify(self.free_at)
        clock.seconds = max(submitted, self.free_at[0])
        future: SimulatedFuture[T] = SimulatedFuture(clock)
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - as a thread: the error is raised where the result is read
            future.set_exception(error)
        finally:
            future.done_at = clock.seconds
            heapreplace(self.free_at, clock.seconds)
            clock.seconds = submitted
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Waits until all threads are free."""
        if wait and self.free_at:
            self.clock().seconds = max(self.clock().seconds, *self.free_at)


class SimulatedFuture(Future[T]):
    """A result that is there at a simulated time."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock, self.done_at = clock, 0.0

    def result(self, timeout: float | None = None) -> T:
        """The result. The clock advances to the time at which it is there; TimeoutError if that is later than the timeout."""
        if timeout is not None and self.done_at > self.clock.seconds + timeout:
            self.clock.advance(timeout)
            raise TimeoutError
        self.clock.seconds = max(self.clock.seconds, self.done_at)
        return super().result()

    def cancel(self) -> bool:
        """A task that runs cannot be cancelled."""
        return False
