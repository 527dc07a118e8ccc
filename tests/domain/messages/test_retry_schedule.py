"""When a message is tried again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from waypost.domain.messages.retry_schedule import RETRY_DELAYS, retries_are_used_up, retry_delay


@pytest.mark.parametrize(("attempt_count", "seconds"), [(1, 5), (2, 60), (3, 300), (4, 1800), (5, 7200), (6, 21600), (7, 43200)])
def test_each_delay_of_the_schedule_varies_by_at_most_a_fifth(attempt_count: int, seconds: int) -> None:
    """The delays are 5 s, 1 min, 5 min, 30 min, 2 h, 6 h and 12 h, each shorter or longer by at most 20 %."""
    for index in range(100):
        delay = retry_delay(f"msg_{index}", attempt_count, None).total_seconds()
        assert seconds * 0.8 <= delay <= seconds * 1.2


def test_there_are_seven_retries() -> None:
    """A message is tried eight times in all: after the seventh attempt a retry is left, after the eighth none."""
    assert len(RETRY_DELAYS) == 7
    assert not retries_are_used_up(7)
    assert retries_are_used_up(8)


def test_jitter_is_repeatable_and_differs_between_messages() -> None:
    """The same attempt of the same message always has the same delay; the delays of a thousand messages cover the whole range."""
    delays = [retry_delay(f"msg_{index}", 1, None) for index in range(1000)]
    assert delays == [retry_delay(f"msg_{index}", 1, None) for index in range(1000)]
    assert min(delays) < timedelta(seconds=4.1)
    assert max(delays) > timedelta(seconds=5.9)


@pytest.mark.parametrize(
    ("retry_after", "least"),
    [
        pytest.param(120, 120, id="longer than the schedule"),
        pytest.param(1, 4, id="shorter than the schedule"),
        pytest.param(10**9, 86400, id="longer than a day"),
        pytest.param(float("inf"), 86400, id="infinite"),
    ],
)
def test_a_provider_can_ask_for_a_longer_delay(retry_after: float, least: float) -> None:
    """`Retry-After` applies if it is longer than the delay of the schedule, up to a day."""
    assert least <= retry_delay("msg_1", 1, retry_after).total_seconds() <= max(least, 6)
