"""Waiting until the local run has nothing left to do, for as long as it makes progress."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping
from typing import Final, NamedTuple

IDLE_SECONDS: Final = 70.0
"""How long nothing may change before waiting ends. A function may take 60 seconds for a batch, and nothing changes until it is done."""

_SHORTEST_PAUSE: Final = 0.01
_LONGEST_PAUSE: Final = 0.1


class Pending(NamedTuple):
    """What is left to do: the number of things by queue name, `timers` or `batches`, and a mark that changes whenever one of them is done.

    The mark is not the numbers alone: a run may do a thing and leave another one, again and again.
    """

    left: Mapping[str, int]
    mark: Hashable


def settle(pending: Callable[[], Pending], idle_seconds: float = IDLE_SECONDS) -> bool:
    """Waits until nothing is left, and returns True; False if something is left and nothing has changed for `idle_seconds`."""
    mark: Hashable = None
    end = time.monotonic() + idle_seconds
    # Most waits are short. In a long one each question costs time of the processor that the functions need to get done.
    pause = _SHORTEST_PAUSE
    while True:
        current = pending()
        if not any(current.left.values()):
            return True
        if current.mark != mark:
            mark, end = current.mark, time.monotonic() + idle_seconds
        elif time.monotonic() > end:
            return False
        time.sleep(pause)
        pause = min(1.5 * pause, _LONGEST_PAUSE)
