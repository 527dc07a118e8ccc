"""Everything that `send` needs, as fakes: one customer, one journey, and room for messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from tests.fakes.customers import FakeCustomers
from tests.fakes.messages import (
    NOW,
    FakeCapCounts,
    FakeChannel,
    FakeDeadLetters,
    FakeLastMessages,
    FakeLinkKeys,
    FakeMessages,
    FakePermissions,
    FakeSendQueue,
    FakeSignals,
    FakeSuppressions,
    FakeTemplates,
    pending_message,
)
from tests.fakes.workspaces import FakeWorkspaceSettings
from waypost.cache.provider_pauses import ProviderPauses
from waypost.cache.senders import Senders
from waypost.cache.sending_quotas import Pace
from waypost.cache.signing_keys import SigningKeys
from waypost.cache.workspace_cache import Schemas, Statuses
from waypost.cache.workspace_settings_cache import CachedSettings
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.customers.rows import Row, head_key
from waypost.domain.customers.schema import PrimaryKey, Schema
from waypost.domain.journeys.journey import Journey
from waypost.domain.journeys.published import ActiveJourneys, ActiveVersion
from waypost.domain.messages.message import Message
from waypost.message_links import MessageLinks
from waypost.send import send
from waypost.sending_dependencies import SendDependencies, SendResult

ADA = Identifier("primary", "ada@example.com")
JOURNEY = Journey.model_validate(
    {
        "id": "welcome",
        "name": "Welcome",
        "entry": {"event": "signed_up"},
        "steps": [
            {"id": "hello", "type": "message", "channel": "email", "template": {"subject": "Hi", "text": "Hello"}, "next": "hook"},
            {
                "id": "hook",
                "type": "message",
                "channel": "webhook",
                "template": {"url": "https://example.com/hook", "json": {"who": None}},
                "next": "end",
            },
            {"id": "end", "type": "exit"},
        ],
    }
)


def one_customer(workspace: str = "w1") -> FakeCustomers:
    """The table of customers with Ada in it, and nobody else."""
    key = head_key(workspace, ADA)
    return FakeCustomers({key: Row(key, "c_1", revision=1)})


@dataclass
class OneJourney:
    """Published journeys with a single one, `welcome` version 3, in this status."""

    journey: Journey = JOURNEY
    status: Literal["published", "paused", "stopped"] = "published"
    workspace: str = "w1"

    def version(self, workspace: str, journey: str, version: int) -> Journey:
        assert (workspace, journey, version) == (self.workspace, "welcome", 3)
        return self.journey

    def pointer(self, workspace: str) -> ActiveJourneys:
        active = ActiveVersion("welcome", 3, self.status) if self.status != "stopped" else ActiveVersion("other", 1, "published")
        return ActiveJourneys(1, (active,))

    def versions(self, workspace: str, wanted: Sequence[tuple[str, int]]) -> dict[tuple[str, int], Journey]:
        return dict.fromkeys(wanted, self.journey)


@dataclass
class EmailWorkspaces:
    """A workspace whose primary key is `email`."""

    workspace: str = "w1"

    def schema(self, workspace: str) -> Schema:
        assert workspace == self.workspace
        return Schema(primary_key=PrimaryKey(name="email", type="Email"))


@dataclass
class SendHarness:
    """The fakes that one test sends with; all channels are the same fake."""

    messages: FakeMessages = field(default_factory=FakeMessages)
    customers: FakeCustomers = field(default_factory=one_customer)
    journeys: OneJourney = field(default_factory=OneJourney)
    templates: FakeTemplates = field(default_factory=FakeTemplates)
    channel: FakeChannel = field(default_factory=FakeChannel)
    suppressions: FakeSuppressions = field(default_factory=FakeSuppressions)
    last_messages: FakeLastMessages = field(default_factory=FakeLastMessages)
    queue: FakeSendQueue = field(default_factory=FakeSendQueue)
    signals: FakeSignals = field(default_factory=FakeSignals)
    dead: FakeDeadLetters = field(default_factory=FakeDeadLetters)
    schemas: Schemas = field(default_factory=lambda: Schemas(EmailWorkspaces()))
    settings: FakeWorkspaceSettings = field(default_factory=FakeWorkspaceSettings)
    permissions: FakePermissions = field(init=False)
    cached_settings: CachedSettings = field(init=False)
    senders: Senders = field(init=False)
    cap_counts: FakeCapCounts = field(default_factory=FakeCapCounts)
    pauses: ProviderPauses = field(default_factory=ProviderPauses)
    paces: dict[str, Pace] = field(default_factory=dict)
    slept: list[float] = field(default_factory=list)
    link_keys: FakeLinkKeys = field(default_factory=FakeLinkKeys)
    now: datetime = NOW
    call_duration: timedelta = timedelta(0)

    def __post_init__(self) -> None:
        self.permissions = FakePermissions(self.customers, self.suppressions)
        self.cached_settings = CachedSettings(self.settings)
        self.senders = Senders(self.cached_settings, "Waypost <waypost@example.com>")

    def dependencies(self) -> SendDependencies:
        """The dependencies of `send`, with the fakes as they are now."""
        channels = {"email": self.channel, "sms": self.channel, "webhook": self.channel}
        return SendDependencies(
            messages=self.messages,
            customers=self.customers,
            schemas=self.schemas,
            journeys=self.journeys,
            templates=self.templates,
            channels=channels,
            suppressions=self.suppressions,
            last_messages=self.last_messages,
            permissions=self.permissions,
            settings=self.cached_settings,
            senders=self.senders,
            cap_counts=self.cap_counts,
            queue=self.queue,
            signals=self.signals,
            dead=self.dead,
            statuses=Statuses(self.journeys),
            pauses=self.pauses,
            paces=self.paces,
            sleep=self.slept.append,
            links=MessageLinks(SigningKeys(self.link_keys), "https://example.com", lambda *parts: "hash of " + " ".join(parts)),
            clock=lambda: self.now + self.call_duration,
        )

    def send(self, now: datetime = NOW, token: str = "t1", released: str | None = None) -> SendResult:
        """Sends `msg_1` at this time, as the worker with this token. The call of the provider takes `call_duration`."""
        self.now = now
        return send("w1", "msg_1", now, token, self.dependencies(), released)

    @property
    def message(self) -> Message:
        """The stored row of `msg_1`."""
        found = self.messages.get("w1", "msg_1")
        assert found is not None
        return found


def harness_with(**changes: Any) -> SendHarness:
    """A harness with one pending e-mail, with these fields changed."""
    harness = SendHarness()
    harness.messages.add(pending_message(**changes))
    return harness
