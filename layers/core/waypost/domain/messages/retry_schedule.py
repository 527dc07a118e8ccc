"""When a message is tried again after a refusal (`docs/messages.md#retries`)."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Final

RETRY_DELAYS: Final = tuple(timedelta(seconds=seconds) for seconds in (5, 60, 300, 1800, 7200, 21600, 43200))
"""The delay after the first refusal, the second, and so on, before jitter. After the last of them the message has failed."""

JITTER: Final = 0.2
"""Each delay is shorter or longer by at most this share of itself."""

MAX_RETRY_AFTER: Final = timedelta(hours=24)
"""The longest delay that a provider can ask for; no provider can delay a message for years."""


SHORTEST_TURN: Final = timedelta(seconds=5)
LONGEST_TURN: Final = timedelta(minutes=15)
"""Between these two a message waits before it is looked at again while its provider throttles; SQS delays no record for longer."""

MAX_THROTTLED: Final = timedelta(days=14)
"""How long after its creation a message waits for a provider that throttles. Then a throttled call counts as a refused attempt."""


def retries_are_used_up(attempt_count: int) -> bool:
    """Whether no retry is left after so many attempts."""
    return attempt_count > len(RETRY_DELAYS)


def retry_delay(message_id: str, attempt_count: int, retry_after: float | None) -> timedelta:
    """The delay after attempt number `attempt_count` (the first is 1): the longer of the schedule and `retry_after` in seconds."""
    requested = timedelta(seconds=min(retry_after or 0, MAX_RETRY_AFTER.total_seconds()))
    return max(_scheduled_delay(message_id, attempt_count), requested)


def turn_delay(message_id: str, now: datetime, throttled_for: timedelta) -> timedelta:
    """When a message is looked at again whose provider has been throttling for so long: after a quarter of that time up to all of it."""
    # Each look costs a read and a record of the queue. Waiting about as long as the throttling has lasted already makes the number of looks
    # grow with the logarithm of the backlog's duration, up to the 15 minutes by which SQS can delay a record. The wide spread distributes
    # what came at the same moment.
    return min(max(throttled_for, SHORTEST_TURN), LONGEST_TURN) * (0.25 + 0.75 * _fraction(f"{message_id}/{now.isoformat()}"))


def _scheduled_delay(message_id: str, attempt_count: int) -> timedelta:
    # Jitter spreads the retries of messages that one outage refused together; without it they would all return in the same second and
    # cause the next refusal. It is a hash of message and attempt and not a random number: the domain has no randomness, so a test, or a
    # worker that repeats the decision after a crash, gets the same time again, while different messages get different times.
    fraction = _fraction(f"{message_id}/{attempt_count}")
    return RETRY_DELAYS[min(attempt_count, len(RETRY_DELAYS)) - 1] * (1 - JITTER + 2 * JITTER * fraction)


def _fraction(text: str) -> float:
    """A number from 0 up to 1 that looks random and is the same for the same text."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64
