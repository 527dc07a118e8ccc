"""The dependencies of the management API: its ports, and the functions that bring randomness and time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from waypost import ports
from waypost.cache.senders import Senders
from waypost.cache.sending_quotas import CachedQuota
from waypost.cache.signing_keys import SigningKeys
from waypost.domain.journeys.checks import publish_checks
from waypost.erasure import ErasureDependencies


@dataclass(frozen=True, slots=True)
class PublishChecks:
    """The checks at publication that need a technology or the workspace.

    They say whether a template parses, whether a webhook address is allowed, whether the workspace may use a sender, and whether it has a
    topic. Each returns what is wrong as a sentence, or None.
    """

    template: publish_checks.Check
    address: publish_checks.Check
    sender: publish_checks.Check = publish_checks.no_fault
    topic: publish_checks.Check = publish_checks.no_fault
    receivers: publish_checks.Check = publish_checks.no_fault

    @property
    def all(self) -> tuple[publish_checks.Check, ...]:
        """The checks in the order in which `publishable` takes them."""
        return self.template, self.address, self.sender, self.topic, self.receivers


@dataclass(frozen=True, slots=True)
class ManageDependencies:
    """Everything that the management API reads, writes and calls.

    `channels` returns the channels by their names, the same as in the sender: dry runs and previews only prepare messages with them, and a
    test message is sent by one. It and `erasing` are called by the few requests that need them, because they load modules that would slow
    down every cold start.
    `random_key` returns a new API key. `clock` returns the time (UTC), and `monotonic` seconds on a clock that never goes back.
    `entry_delay` is how long after a publication customers enter the
    new version.
    """

    workspaces: ports.ManagedWorkspaces
    keys: ports.ManagedKeys
    customers: ports.ManagedCustomers
    journeys: ports.ManagedJourneys
    settings: ports.ManagedWorkspaceSettings
    senders: Senders
    checks: PublishChecks
    templates: ports.Templates
    channels: Callable[[], Mapping[str, ports.Channel]]
    sent_tests: ports.SentTests
    runs: ports.ManagedRuns
    counters: ports.ManagedJourneyCounters
    receipts: ports.Receipts
    log: ports.ManagedLog
    consents: ports.ConsentHistory
    rejected: ports.ManagedRejectedEvents
    messages: ports.ManagedMessages
    suppressions: ports.ManagedSuppressions
    email_quota: CachedQuota
    provider_suppressions: ports.ProviderSuppressions
    secrets: ports.ManagedWebhookSecrets
    link_keys: ports.ManagedLinkKeys
    signing_keys: SigningKeys
    dead_letters: ports.ManagedDeadLetters
    signals: ports.Signals
    send_queue: ports.SendQueue
    delays: ports.Delays
    erasing: Callable[[], ErasureDependencies]
    random_key: Callable[[], str]
    clock: Callable[[], datetime]
    monotonic: Callable[[], float]
    entry_delay: timedelta
