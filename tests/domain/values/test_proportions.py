"""Shares and their intervals."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.domain.values.proportions import proportion


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (5, 10, 0.2366, 0.7634), (1, 1, 0.2065, 1.0), (81, 263, 0.2553, 0.3662)],
)
def test_the_interval_of_known_shares(part: int, whole: int, low: float, high: float) -> None:
    """The bounds are those that published tables of the Wilson score interval without a correction for continuity give."""
    found = proportion(part, whole)
    assert found is not None
    assert (found.rate, round(found.low, 4), round(found.high, 4)) == (part / whole, low, high)


def test_an_empty_whole_has_no_share() -> None:
    """Without a run there is no share, and no error either."""
    assert proportion(0, 0) is None


@given(st.integers(0, 10**9), st.integers(1, 10**9))
def test_the_share_is_within_its_interval(part: int, more: int) -> None:
    """0 <= low <= rate <= high <= 1, and ten times as many runs with the same share never have a wider interval."""
    few, many = proportion(part, part + more), proportion(10 * part, 10 * (part + more))
    assert few is not None
    assert many is not None
    assert 0 <= few.low <= few.rate + 1e-9
    assert few.rate - 1e-9 <= few.high <= 1
    assert many.high - many.low <= few.high - few.low + 1e-9
