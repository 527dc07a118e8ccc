"""What sending a message uses, and what it results in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from waypost import ports
from waypost.cache.provider_pauses import ProviderPauses
from waypost.cache.senders import Senders
from waypost.cache.sending_quotas import Paces
from waypost.cache.workspace_cache import Schemas, Statuses
from waypost.cache.workspace_settings_cache import CachedSettings
from waypost.domain.messages.message import (
    Message,
)
from waypost.message_links import MessageLinks

SAVE_ATTEMPTS: Final = 8
"""How often a message that other workers change is read again before its record is left to a later delivery."""


@dataclass(frozen=True, slots=True)
class SendDependencies:
    """The ports and caches that sending uses; `channels` and `paces` by the names of channels in message steps.

    `clock` returns the time (UTC), and `sleep` waits for seconds.
    """

    messages: ports.Messages
    customers: ports.Customers
    schemas: Schemas
    journeys: ports.JourneyVersions
    templates: ports.Templates
    channels: Mapping[str, ports.Channel]
    suppressions: ports.Suppressions
    last_messages: ports.LastMessages
    permissions: ports.Permissions
    settings: CachedSettings
    senders: Senders
    cap_counts: ports.CapCounts
    queue: ports.SendQueue
    signals: ports.Signals
    dead: ports.DeadLetters
    statuses: Statuses
    pauses: ProviderPauses
    links: MessageLinks
    paces: Paces
    clock: Callable[[], datetime]
    sleep: Callable[[float], None]


@dataclass(frozen=True, slots=True)
class SendResult:
    """The message after the call, or None if its row does not exist (its customer was erased); `changed`: this call has changed it."""

    message: Message | None
    changed: bool = False
