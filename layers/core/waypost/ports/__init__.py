"""The interfaces that use cases need, implemented by adapters and by fakes in tests.

One method is one AWS call, so that a test can simulate a crash between any two calls.
"""

from __future__ import annotations

from waypost.ports.calls import Caller
from waypost.ports.customers import CustomerData, Customers, Erasures, ManagedCustomers
from waypost.ports.events import ConsentHistory, EventHistory, EventLog, Receipts, RejectedEventHistory, RejectedEvents
from waypost.ports.journeys import JourneyPointer, Journeys, JourneyVersions, ManagedJourneys
from waypost.ports.messages import (
    CapCounts,
    Channel,
    FoundSuppressions,
    LastMessages,
    ManagedMessages,
    ManagedSuppressions,
    Messages,
    OptOuts,
    Permissions,
    ProviderAccount,
    ProviderSuppressions,
    Suppressions,
    Templates,
)
from waypost.ports.queues import (
    ArmedTimers,
    DeadLetters,
    Delays,
    ManagedDeadLetters,
    ReceivedRecords,
    ReceivedSignals,
    RedrivePorts,
    SendQueue,
    Signals,
    StartedAttempts,
    Timers,
    UndeliveredTimers,
)
from waypost.ports.runs import ActiveRuns, ManagedRuns, RunCounts, RunHistory, Runs
from waypost.ports.telemetry import Telemetry
from waypost.ports.workspaces import (
    Keys,
    LinkKeys,
    ManagedKeys,
    ManagedLinkKeys,
    ManagedWebhookSecrets,
    ManagedWorkspaces,
    ManagedWorkspaceSettings,
    SenderSettings,
    SentTests,
    Workspaces,
)

__all__ = [
    "ActiveRuns",
    "ArmedTimers",
    "Caller",
    "CapCounts",
    "Channel",
    "ConsentHistory",
    "CustomerData",
    "Customers",
    "DeadLetters",
    "Delays",
    "Erasures",
    "EventHistory",
    "EventLog",
    "FoundSuppressions",
    "JourneyPointer",
    "JourneyVersions",
    "Journeys",
    "Keys",
    "LastMessages",
    "LinkKeys",
    "ManagedCustomers",
    "ManagedDeadLetters",
    "ManagedJourneys",
    "ManagedKeys",
    "ManagedLinkKeys",
    "ManagedMessages",
    "ManagedRuns",
    "ManagedSuppressions",
    "ManagedWebhookSecrets",
    "ManagedWorkspaceSettings",
    "ManagedWorkspaces",
    "Messages",
    "OptOuts",
    "Permissions",
    "ProviderAccount",
    "ProviderSuppressions",
    "Receipts",
    "ReceivedRecords",
    "ReceivedSignals",
    "RedrivePorts",
    "RejectedEventHistory",
    "RejectedEvents",
    "RunCounts",
    "RunHistory",
    "Runs",
    "SendQueue",
    "SenderSettings",
    "SentTests",
    "Signals",
    "StartedAttempts",
    "Suppressions",
    "Telemetry",
    "Templates",
    "Timers",
    "UndeliveredTimers",
    "Workspaces",
]
