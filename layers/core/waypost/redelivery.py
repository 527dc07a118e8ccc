"""How often and how soon a failed queue record is received again: the same for every queue."""

from __future__ import annotations

from typing import Final

POISON_RECEIVES: Final = 5
"""A record that fails for another reason than an outage is parked at this receive: a deployment may repair the fault until then."""

MAX_PAUSE_SECONDS: Final = 60


def pause_seconds(receives: int) -> int:
    """The seconds after which a record that was received so many times becomes visible again: 2, 4, 8 and so on up to a minute.

    It replaces the visibility timeout of the queue, which is six times the timeout of the function: one throttled call would otherwise
    stop the message group of a customer for six minutes.
    """
    return min(1 << receives, MAX_PAUSE_SECONDS)
