"""What the intake depends on."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass

from waypost.cache.linked_ids import LinkedIdCache
from waypost.ports import Customers, RejectedEvents, Signals


@dataclass(frozen=True, slots=True)
class IngestDependencies:
    """The ports of the intake, its cache, its threads, and `pause`, which sleeps between two attempts to send.

    There are three thread pools, so that calls of one kind that hang, also those of earlier requests, never delay the calls of another.
    `lookups` makes single calls: of the key, the schema, the rows of customers, and rejected events. It has more threads than such calls
    can hang at the same time. `identifying` carries out identifications, and `sending` only sends messages.
    """

    customers: Customers
    signals: Signals
    rejected: RejectedEvents
    linked: LinkedIdCache
    lookups: Executor
    identifying: Executor
    sending: Executor
    pause: Callable[[], None]
