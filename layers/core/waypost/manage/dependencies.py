"""The dependencies of the management API: its ports, and the functions that bring randomness and time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from waypost import ports
from waypost.domain.customers.customer import Customer
from waypost.domain.journeys.checks import publish_checks
from waypost.domain.messages.message import PreparedMessage, RenderedTemplate, SkipReason
from waypost.erasure import ErasureDependencies


@dataclass(frozen=True, slots=True)
class PublishChecks:
    """The checks at publication that need a technology: whether a template parses, and whether a webhook address is allowed.

    Each returns what is wrong as a sentence, or None.
    """

    template: publish_checks.Check
    address: publish_checks.Check


Preparation = Callable[[RenderedTemplate, Customer], PreparedMessage | SkipReason]
"""Completes a rendered message for its channel, or says why it would not be sent. It calls nothing."""


@dataclass(frozen=True, slots=True)
class ManageDependencies:
    """Everything that the management API reads, writes and calls.

    `preparations` are those of the channels by their names, for dry runs: the same functions as in the sender.
    `random_key` returns a new API key. `clock` returns the time (UTC), and `monotonic` seconds on a clock that never goes back.
    `entry_delay` is how long after a publication customers enter the
    new version.
    """

    workspaces: ports.ManagedWorkspaces
    keys: ports.ManagedKeys
    customers: ports.ManagedCustomers
    journeys: ports.ManagedJourneys
    checks: PublishChecks
    templates: ports.Templates
    preparations: Mapping[str, Preparation]
    runs: ports.RunHistory
    receipts: ports.Receipts
    log: ports.EventHistory
    rejected: ports.RejectedEventHistory
    messages: ports.ManagedMessages
    secrets: ports.ManagedWebhookSecrets
    dead_letters: ports.ManagedDeadLetters
    signals: ports.Signals
    send_queue: ports.SendQueue
    delays: ports.Delays
    erasing: ErasureDependencies
    random_key: Callable[[], str]
    clock: Callable[[], datetime]
    monotonic: Callable[[], float]
    entry_delay: timedelta
