"""What the management API needs of the world."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from waypost.domain.messages.webhook_signatures import WebhookSecrets
from waypost.manage.customers import RunHistory
from waypost.manage.dead_letters import Queues
from waypost.manage.erasure import CustomerDataStore, ScheduleStore, TombstoneStore
from waypost.manage.events import LogStore, ReceiptStore, RejectedStore
from waypost.manage.journeys import Checks, JourneyStore
from waypost.manage.keys import KeyStore
from waypost.manage.messages import MessageStore
from waypost.manage.schemas import SchemaStore
from waypost.manage.timeline import CustomerLog
from waypost.ports import Delays, Templates


class WorkspaceStore(SchemaStore, Protocol):
    """What is set once for a workspace."""

    def created_at(self, workspace: str) -> datetime:
        """When the workspace was made."""


class CustomerStore(TombstoneStore, Protocol):
    """Customers' rows, and whether there are any."""

    def any_with_primary_key(self, workspace: str) -> bool:
        """Whether the workspace has, or ever had, a customer with a primary key."""


class SecretStore(Protocol):
    """The webhook signing secrets of all workspaces."""

    def of(self, workspace: str, now: datetime) -> WebhookSecrets:
        """The workspace's secrets; the first to ask makes them."""

    def rotate(self, workspace: str, now: datetime) -> WebhookSecrets:
        """A new secret, with the old one beside it for a day; StaleError if another rotation came first."""


class WholeLog(LogStore, CustomerLog, Protocol):
    """The log of events, by day and by customer."""


@dataclass(frozen=True, slots=True)
class ManageDependencies:
    """All stores that the management API reads and writes."""

    workspaces: WorkspaceStore
    keys: KeyStore
    customers: CustomerStore
    journeys: JourneyStore
    checks: Checks
    runs: RunHistory
    receipts: ReceiptStore
    log: WholeLog
    rejected: RejectedStore
    messages: MessageStore
    secrets: SecretStore
    queues: Queues
    delays: Delays
    templates: Templates
    customer_data: CustomerDataStore
    schedules: ScheduleStore
