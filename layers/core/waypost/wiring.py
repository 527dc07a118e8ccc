"""The composition root: settings and adapters become what a door needs; made on first use and kept."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from waypost import ingest, settings
from waypost.access import Access
from waypost.adapters.dynamodb.customers import DynamoCustomers
from waypost.adapters.dynamodb.keys import DynamoKeys
from waypost.adapters.dynamodb.rejected import DynamoRejectedEvents
from waypost.adapters.dynamodb.table import Table
from waypost.adapters.dynamodb.workspaces import DynamoWorkspaces
from waypost.adapters.sqs import SqsSignals

THREADS = 10


def table(name: str) -> Table:
    """The table that an environment variable names."""
    return Table(settings.required(name))


@cache
def access() -> Access:
    """Keys and schemas, remembered for as long as they may be."""
    return Access(DynamoKeys(table("KEYS_TABLE")), DynamoWorkspaces(table("WORKSPACES_TABLE")))


@cache
def intake() -> ingest.World:
    """What the intake needs."""
    return ingest.World(
        customers=DynamoCustomers(table("CUSTOMERS_TABLE")),
        signals=SqsSignals(settings.required("SIGNALS_QUEUE_URL")),
        rejected=DynamoRejectedEvents(table("EVENTS_TABLE")),
        linked=ingest.Linked(),
        executor=ThreadPoolExecutor(THREADS),
        pause=lambda: time.sleep(random.uniform(0.05, 0.25)),  # noqa: S311 - jitter, not a secret
    )
