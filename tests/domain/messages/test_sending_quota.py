"""The rate of an account as a token bucket, and when its daily quota is used up."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.fakes.messages import NOW
from waypost.domain.messages.sending_quota import Bucket, SendingQuota

SECOND = timedelta(seconds=1)
QUOTA = SendingQuota(per_second=14, per_day=200, used=0, sandbox=False, enabled=True)


def test_a_bucket_fills_up_to_a_second_of_the_rate() -> None:
    """However long nothing is sent, no more goes at once than the rate allows in a second."""
    empty = Bucket(0, NOW)
    assert empty.filled(NOW + SECOND / 2, 4).tokens == 2
    assert empty.filled(NOW + timedelta(hours=1), 4).tokens == 4


def test_a_rate_below_one_still_sends_one_at_once() -> None:
    """With one recipient in 20 seconds, the first message does not wait, and the second waits for 20 seconds."""
    bucket = Bucket(0, NOW).filled(NOW + timedelta(hours=1), 0.05)
    assert bucket.wait(0.05) == timedelta(0)
    assert bucket.taken(1).wait(0.05) == timedelta(seconds=20)


def test_a_clock_that_goes_back_empties_no_bucket() -> None:
    """A worker whose time is a moment older than the last one neither fills the bucket nor takes from it."""
    assert Bucket(2, NOW).filled(NOW - SECOND, 4) == Bucket(2, NOW)


@pytest.mark.parametrize(
    ("used", "since", "nearly", "up"),
    [(159, 0, False, False), (160, 0, True, False), (199, 0, True, False), (199, 1, True, True), (200, 0, True, True)],
)
def test_a_quota_is_nearly_used_before_it_is_used_up(used: float, since: float, nearly: bool, up: bool) -> None:
    """The warning begins with 80 percent of the daily quota, and what was sent since the last read counts for its end."""
    quota = SendingQuota(14, 200, used, sandbox=False, enabled=True)
    assert (quota.is_nearly_used(), quota.is_used_up(since)) == (nearly, up)


def test_an_account_without_a_daily_limit_never_uses_it_up() -> None:
    """Without a daily quota nothing waits for it, and there is no warning."""
    quota = SendingQuota(14, None, 1e9, sandbox=False, enabled=True)
    assert (quota.is_nearly_used(), quota.is_used_up(1e9)) == (False, False)
