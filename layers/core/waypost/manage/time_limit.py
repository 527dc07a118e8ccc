"""The time that a request may read for, so that it answers before the gateway's timeout of 29 seconds (docs/api.md#lists)."""

from __future__ import annotations

from collections.abc import Callable

from waypost.erasure import REQUEST_SECONDS

HasTime = Callable[[], bool]
"""Whether a request may begin another part of its work."""


def time_limit(monotonic: Callable[[], float]) -> HasTime:
    """The time of a request that begins now; `monotonic` returns seconds on a clock that never goes back."""
    end = monotonic() + REQUEST_SECONDS
    return lambda: monotonic() < end


def unlimited() -> bool:
    """There is always time."""
    return True
