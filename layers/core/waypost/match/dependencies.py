"""What the matcher works with: its ports and caches."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Final

from waypost import ports
from waypost.cache.workspace_cache import Snapshots
from waypost.erasure import ErasureDependencies
from waypost.match.journey_counting import CountBuffer

MATCH_ATTEMPTS: Final = 8
"""How often a change that lost a race is decided again before the signal is left to a later delivery."""


@dataclass(frozen=True, slots=True)
class MatchDependencies:
    """The tables, queues and caches that matching a signal needs. If `log_all` is true, events that changed no run are also logged.

    `erasing` returns the stores of an erasure, which few signals need. `counted` has the numbers of journeys that are not written yet.
    """

    customers: ports.Customers
    runs: ports.Runs
    receipts: ports.Receipts
    log: ports.EventLog
    consents: ports.ConsentHistory
    messages: ports.Messages
    journeys: ports.JourneyVersions
    snapshots: Snapshots
    send_queue: ports.SendQueue
    signals: ports.Signals
    timers: ports.Timers
    opt_outs: ports.OptOuts
    executor: Executor
    erasing: Callable[[], ErasureDependencies]
    counters: ports.JourneyCounters
    counted: CountBuffer
    log_all: bool = True
