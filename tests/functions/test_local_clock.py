"""Pushing the local run's clock goes from due time to due time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import httpx
import pytest

from functions.local.clock import Clock, span


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("P3D", timedelta(days=3)),
        ("P2W", timedelta(weeks=2)),
        ("PT5S", timedelta(seconds=5)),
        ("PT0.25S", timedelta(milliseconds=250)),
        ("P1DT2H3M4S", timedelta(days=1, hours=2, minutes=3, seconds=4)),
    ],
)
def test_a_span_is_written_as_in_a_journey(text: str, expected: timedelta) -> None:
    """ISO 8601."""
    assert span(text) == expected


@pytest.mark.parametrize("value", ["", "P", "PT", "P3", "3D", "P-1D", "P1DT", "P1M", "P1Y", "P3D ", 3, None])
def test_what_has_no_fixed_length_is_refused(value: object) -> None:
    """A month differs from month to month; the rest is nonsense."""
    with pytest.raises(ValueError, match="P3D"):
        span(value)


@dataclass
class Emulator:
    """An emulator at 1,000 seconds in which something is due at some times; `log` is what was asked of it."""

    due: list[float]
    time: float = 1000.0
    stuck_at: float | None = None
    log: list[float | str] = field(default_factory=list)

    def answer(self, request: httpx.Request) -> httpx.Response:
        """The route of the emulated clock."""
        if request.method == "POST":
            self.time = float(request.url.params["to"])
            self.log.append(self.time)
        return httpx.Response(200, json={"now": self.time, "next": min((at for at in self.due if at > self.time), default=None)})

    def settle(self) -> bool:
        """Whether what is due could be done."""
        self.log.append("settled")
        return self.time != self.stuck_at

    def clock(self) -> Clock:
        """The clock over this emulator."""
        return Clock(httpx.Client(transport=httpx.MockTransport(self.answer), base_url="http://emulator"), self.settle)


def test_each_due_time_is_settled_before_the_next() -> None:
    """So a journey's second wait begins when its first one ends, and nothing beyond the target happens."""
    emulator = Emulator(due=[1500.0, 1200.0, 1601.0])
    assert emulator.clock().advance(timedelta(seconds=600))
    assert emulator.log == ["settled", 1200.0, "settled", 1500.0, "settled", 1600.0, "settled"]


def test_what_does_not_end_stops_the_clock() -> None:
    """Going on would break the order of things."""
    emulator = Emulator(due=[1200.0, 1300.0], stuck_at=1200.0)
    assert not emulator.clock().advance(timedelta(seconds=600))
    assert emulator.log[-2:] == [1200.0, "settled"]


def test_the_clock_can_be_read() -> None:
    """As an instant."""
    assert Emulator(due=[]).clock().now().timestamp() == 1000.0
