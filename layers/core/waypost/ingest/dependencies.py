"""What the intake depends on."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass

from waypost.cache.linked_ids import LinkedIdCache
from waypost.ports import Customers, RejectedEvents, Signals


@dataclass(frozen=True, slots=True)
class IngestDependencies:
    """The ports of the intake, its cache, the threads for parallel calls, and `pause`, which sleeps between two attempts to send."""

    customers: Customers
    signals: Signals
    rejected: RejectedEvents
    linked: LinkedIdCache
    executor: Executor
    pause: Callable[[], None]
