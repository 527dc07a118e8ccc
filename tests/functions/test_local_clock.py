"""The clock of the local run advances from due time to due time."""

from __future__ import annotations

from dataclasses import dataclass, field

import httpx

from functions.local.clock import Clock
from waypost.domain.values.durations import parse


@dataclass
class EmulatedClock:
    """The clock route of an emulator, at 1,000 seconds since 1970; `due` are due times, `log` records what was done to the clock."""

    due: list[float]
    time: float = 1000.0
    stuck_at: float | None = None
    log: list[float | str] = field(default_factory=list)

    def respond(self, request: httpx.Request) -> httpx.Response:
        """Sets the time at a POST, and returns the time and the next due time."""
        if request.method == "POST":
            self.time = float(request.url.params["to"])
            self.log.append(self.time)
        return httpx.Response(200, json={"now": self.time, "next": min((at for at in self.due if at > self.time), default=None)})

    def settle(self) -> bool:
        """Fails at the time `stuck_at`."""
        self.log.append("settled")
        return self.time != self.stuck_at

    def clock(self) -> Clock:
        """A clock that is connected to this route."""
        return Clock(httpx.Client(base_url="http://emulator", transport=httpx.MockTransport(self.respond)), self.settle)


def test_the_clock_stops_at_each_due_time_on_the_way() -> None:
    """Everything due at a time is done before the clock goes on; what is due after the target stays due."""
    emulated = EmulatedClock(due=[1500.0, 1200.0, 1601.0])
    assert emulated.clock().advance(parse("PT600S"))
    assert emulated.log == ["settled", 1200.0, "settled", 1500.0, "settled", 1600.0, "settled"]


def test_days_and_months_are_those_of_the_calendar() -> None:
    """From 1 January 1970 a month and a day lead to 2 February of that year, at the same time of day."""
    emulated = EmulatedClock(due=[])
    assert emulated.clock().advance(parse("P1M1D"))
    assert emulated.time == 1000.0 + 32 * 86400


def test_work_that_does_not_end_stops_the_clock() -> None:
    """The clock does not go beyond a due time whose work is not done, because later work would then happen before it."""
    emulated = EmulatedClock(due=[1200.0, 1300.0], stuck_at=1200.0)
    assert not emulated.clock().advance(parse("PT600S"))
    assert emulated.log[-2:] == [1200.0, "settled"]


def test_the_clock_shows_the_time_of_the_emulator() -> None:
    """`now` is the emulator's time as an aware instant."""
    assert EmulatedClock(due=[]).clock().now().timestamp() == 1000.0
