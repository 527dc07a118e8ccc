"""What the management API needs of the world."""

from __future__ import annotations

from dataclasses import dataclass

from waypost.manage.dead_letters import Queues
from waypost.manage.journeys import Checks
from waypost.ports import (
    CustomerData,
    Delays,
    EventHistory,
    ManagedCustomers,
    ManagedJourneys,
    ManagedKeys,
    ManagedMessages,
    ManagedWorkspaces,
    Receipts,
    RejectedEventHistory,
    RunHistory,
    Schedules,
    Templates,
    WebhookSecrets,
)


@dataclass(frozen=True, slots=True)
class ManageDependencies:
    """All stores that the management API reads and writes."""

    workspaces: ManagedWorkspaces
    keys: ManagedKeys
    customers: ManagedCustomers
    journeys: ManagedJourneys
    checks: Checks
    runs: RunHistory
    receipts: Receipts
    log: EventHistory
    rejected: RejectedEventHistory
    messages: ManagedMessages
    secrets: WebhookSecrets
    queues: Queues
    delays: Delays
    templates: Templates
    customer_data: CustomerData
    schedules: Schedules
