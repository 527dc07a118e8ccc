"""Pauses between attempts, with jitter: the one back-off of all adapters."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from typing import Final

FIRST_PAUSE: Final = 0.1
"""The longest pause before the second attempt, in seconds. It doubles with every further attempt."""


def attempts(max_attempts: int) -> Iterator[int]:
    """Counts attempts from 0 and sleeps before each of them but the first, for a random part of a longest pause that doubles."""
    for attempt in range(max_attempts):
        if attempt:
            random_pause(0, FIRST_PAUSE * 2 ** (attempt - 1))
        yield attempt


def random_pause(shortest: float, longest: float) -> None:
    """Sleeps for a random time between these seconds.

    Functions that were throttled at the same moment would all come back at the same moment after a fixed pause, and be throttled again.
    """
    time.sleep(random.uniform(shortest, longest))  # noqa: S311 - jitter, not a secret
