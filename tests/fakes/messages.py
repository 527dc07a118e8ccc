"""Fakes of the ports of sending, in memory, and a pending message."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any

from tests.fakes.customers import FakeCustomers
from waypost.domain.customers.customer import Customer
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.customers.rows import RowKey
from waypost.domain.dead_letters import Parked
from waypost.domain.errors import UnavailableError
from waypost.domain.messages.caps import CountedMessages, StoredCount
from waypost.domain.messages.links import SigningKey
from waypost.domain.messages.message import (
    WHOLE_WORKSPACE,
    Message,
    MessageReason,
    PreparedMessage,
    ProviderResponse,
    RenderedTemplate,
    SkipReason,
)
from waypost.domain.messages.permission import Permission
from waypost.domain.messages.suppression import Suppression, SuppressionCause
from waypost.domain.signals import QueueMessage
from waypost.domain.values.wire_time import iso

NOW = datetime(2026, 11, 23, 5, 17, 13, tzinfo=UTC)


def pending_message(**changes: Any) -> Message:
    """A message as the matcher creates it, with these fields changed."""
    message = Message(
        id="msg_1",
        workspace="w1",
        journey="welcome",
        version=3,
        run="r_1",
        step="hello",
        channel="email",
        customer="c_1",
        lookup_id=Identifier("primary", "ada@example.com"),
        event={"name": "signed_up", "payload": {"plan": "pro"}, "uuid": "e1", "timestamp": "2026-11-23T05:17:13.000Z", "source": "custom"},
        created_at=NOW,
        due=NOW,
    )
    return replace(message, **changes)


@dataclass
class FakeMessages:
    """Messages in a dictionary; `before_save` runs between a worker's read and its write, where another worker may interfere."""

    stored: dict[tuple[str, str], Message] = field(default_factory=dict)
    bodies: dict[tuple[str, str], PreparedMessage] = field(default_factory=dict)
    before_save: Callable[[Message], None] = lambda _: None

    def add(self, message: Message) -> None:
        """Adds a message as the matcher does: one that exists already stays as it is."""
        self.stored.setdefault((message.workspace, message.id), message)

    def get(self, workspace: str, message: str) -> Message | None:
        return self.stored.get((workspace, message))

    def save(self, message: Message, was: Message) -> bool:
        self.before_save(message)
        found = self.stored.get((message.workspace, message.id))
        if found is None or ((found.status, found.token, found.lease) != (was.status, was.token, was.lease) and found != message):
            return False
        self.stored[message.workspace, message.id] = message
        return True

    def held(self, workspace: str, journey: str, after: str | None) -> tuple[list[str], str | None]:
        """Two at a time."""
        of_workspace = [each for each in self.stored.values() if each.workspace == workspace and each.held]
        held = [each for each in of_workspace if (WHOLE_WORKSPACE if each.is_held_by_workspace else each.journey) == journey]
        found = sorted((f"{iso(each.created_at)}#{each.id}", each.id) for each in held)
        rest = [each for each in found if after is None or each[0] > after]
        return [name for _, name in rest[:2]], rest[1][0] if len(rest) > 2 else None

    def rendered(self, workspace: str, message: str) -> PreparedMessage | None:
        return self.bodies.get((workspace, message))

    def all_rendered(self, workspace: str, messages: Sequence[str]) -> dict[str, PreparedMessage]:
        return {each: self.bodies[workspace, each] for each in messages if (workspace, each) in self.bodies}

    def keep_rendered(self, message: Message, made: PreparedMessage, now: datetime) -> PreparedMessage:
        return self.bodies.setdefault((message.workspace, message.id), made)


@dataclass
class FakeChannel:
    """A channel that records its calls and returns `responses` one after the other, then `sent`; an exception among them is raised."""

    responses: list[ProviderResponse | BaseException] = field(default_factory=list)
    calls: list[tuple[Message, PreparedMessage]] = field(default_factory=list)
    address_attribute: str = "address"

    def prepare(self, rendered: RenderedTemplate, customer: Customer) -> PreparedMessage | SkipReason:
        to = rendered.get("to") or customer.attributes.get(self.address_attribute) or customer.primary_key
        return PreparedMessage(str(to), rendered) if to else SkipReason(MessageReason.NO_ADDRESS)

    def call_provider(self, message: Message, prepared: PreparedMessage, now: datetime) -> ProviderResponse:
        self.calls.append((message, prepared))
        response = self.responses.pop(0) if self.responses else ProviderResponse("sent", "accepted")
        if isinstance(response, BaseException):
            raise response
        return response


GONE = SuppressionCause("gone", "provider", NOW)
"""A cause of a suppression: an endpoint answered 410."""


@dataclass
class FakeCapCounts:
    """What counts for customers, in a dictionary; `calls` are the names of the calls, `before_save` runs between a read and its write.

    `lag`: a read that is not the latest misses the last write of its row.
    """

    stored: dict[tuple[str, str], StoredCount] = field(default_factory=dict)
    earlier: dict[tuple[str, str], StoredCount] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    before_save: Callable[[StoredCount], None] = lambda _: None
    lag: bool = False
    lock: Lock = field(default_factory=Lock)

    def read(self, workspace: str, customer: str, *, latest: bool = False) -> StoredCount:
        self.calls.append("read")
        rows = self.earlier if self.lag and not latest else self.stored
        return rows.get((workspace, customer), StoredCount())

    def counted_of(self, workspace: str, customers: Sequence[str]) -> CountedMessages:
        self.calls.append("counted_of")
        return tuple(counted for each in dict.fromkeys(customers) for counted in self.stored.get((workspace, each), StoredCount()).counted)

    def save(self, workspace: str, customer: str, counted: StoredCount) -> StoredCount | None:
        self.calls.append("save")
        self.before_save(counted)
        with self.lock:
            found = self.stored.get((workspace, customer), StoredCount())
            if found.revision != counted.revision:
                return found
            self.earlier[workspace, customer] = found
            self.stored[workspace, customer] = replace(counted, revision=counted.revision + 1)
        return None


@dataclass
class FakeSuppressions:
    """Suppressed addresses in a dictionary, each with its cause."""

    held: dict[tuple[str, str, str], SuppressionCause] = field(default_factory=dict)
    lifted: dict[tuple[str, str, str], datetime] = field(default_factory=dict)

    def holds(self, workspace: str, channel: str, address: str) -> bool:
        return (workspace, channel, address.strip()) in self.held

    def add(self, workspace: str, channel: str, address: str, cause: SuppressionCause) -> None:
        key = workspace, channel, address.strip()
        is_late = cause.source == "provider" and key in self.lifted and cause.since <= self.lifted[key]
        if not is_late and (key not in self.held or self.held[key].since < cause.since):
            self.held[key] = cause

    def find(self, workspace: str, channel: str, address: str) -> Suppression | None:
        cause = self.held.get((workspace, channel, address.strip()))
        return Suppression(channel, address, cause.reason, cause.source, cause.message, cause.since) if cause else None

    def remove(self, workspace: str, channel: str, address: str, at: datetime) -> None:
        self.held.pop((workspace, channel, address.strip()), None)
        self.lifted[workspace, channel, address.strip()] = at


@dataclass
class FakePermissions:
    """Permissions by the customers and suppressions of a test; `before_read` runs between the claim and the read."""

    customers: FakeCustomers
    suppressions: FakeSuppressions
    opt_outs: dict[tuple[str, str, str], dict[str, datetime]] = field(default_factory=dict)
    before_read: Callable[[], None] = lambda: None
    reads: int = 0

    def of(self, workspace: str, channel: str, address: str, main_row: RowKey) -> Permission:
        self.reads += 1
        self.before_read()
        row = self.customers.rows.get(main_row)
        return Permission(
            suppressed=self.suppressions.holds(workspace, channel, address),
            opt_outs=self.opt_outs.get((workspace, channel, address), {}),
            facts=row.facts if row else {},
            erasing=row is None or row.erasing,
            moved=row is not None and row.linked_to is not None,
        )


@dataclass
class FakeLinkKeys:
    """Signing keys by workspace, newest first; `down` is an outage."""

    stored: dict[str, list[SigningKey]] = field(default_factory=dict)
    down: bool = False

    def of(self, workspace: str, now: datetime) -> Sequence[SigningKey]:
        if not self.read(workspace):
            self.rotate(workspace, now)
        return self.read(workspace)

    def read(self, workspace: str) -> Sequence[SigningKey]:
        if self.down:
            raise UnavailableError("the workspaces table is down")
        return tuple(self.stored.get(workspace, ()))

    def rotate(self, workspace: str, now: datetime) -> SigningKey:
        keys = self.stored.setdefault(workspace, [])
        keys.insert(0, SigningKey(f"k{len(keys)}", f"{workspace}{len(keys)}".encode(), now))
        return keys[0]


@dataclass
class FakeOptOuts:
    """The topics that an address gets no more, by workspace, channel and hash, with their times."""

    held: dict[tuple[str, str, str], dict[str, datetime]] = field(default_factory=dict)

    def add(self, workspace: str, channel: str, address: str, topics: Mapping[str, datetime]) -> None:
        self.add_by_hash(workspace, channel, f"hash of {address}", topics)

    def add_by_hash(self, workspace: str, channel: str, hashed: str, topics: Mapping[str, datetime]) -> None:
        self.held.setdefault((workspace, channel, hashed), {}).update(topics)


@dataclass
class FakeLastMessages:
    """The last message by channel, address and workspace; all workspaces of `senders` send on every channel."""

    last: dict[tuple[str, str, str], str] = field(default_factory=dict)
    senders: tuple[str, ...] = ()

    def remember(self, workspace: str, channel: str, address: str, message: str, now: datetime) -> None:
        self.last[channel, address, workspace] = message

    def of(self, channel: str, address: str) -> dict[str, str | None]:
        found: dict[str, str | None] = dict.fromkeys(self.senders)
        return found | {workspace: message for (*about, workspace), message in self.last.items() if about == [channel, address]}


@dataclass
class FakeSendQueue:
    """The records that were put on the send queue: workspace, message and delay; and those that release a claim, with its token."""

    records: list[tuple[str, str, timedelta]] = field(default_factory=list)
    released: list[tuple[str, str, str]] = field(default_factory=list)

    def put_released(self, workspace: str, message: str, token: str) -> None:
        self.released.append((workspace, message, token))

    def put(self, workspace: str, messages: Sequence[tuple[str, timedelta]]) -> None:
        self.records += [(workspace, name, delay) for name, delay in messages]


@dataclass
class FakeSignals:
    """The messages that were put on the signals queue; if `full`, it takes none."""

    queue_messages: list[QueueMessage] = field(default_factory=list)
    full: bool = False

    def send(self, queue_messages: Sequence[QueueMessage]) -> list[QueueMessage]:
        if self.full:
            return list(queue_messages)
        self.queue_messages += queue_messages
        return []


@dataclass
class FakeDeadLetters:
    """Parked records by their position."""

    parked: dict[str, Parked] = field(default_factory=dict)

    def park(self, parked: Parked) -> None:
        self.parked[parked.position] = parked


@dataclass
class FakeStartedAttempts:
    """The starts without an end, by record."""

    starts: dict[str, int] = field(default_factory=dict)

    def start(self, record: str, limit: int) -> bool:
        if self.starts.get(record, 0) >= limit:
            return False
        self.starts[record] = self.starts.get(record, 0) + 1
        return True

    def end(self, record: str) -> None:
        self.starts.pop(record, None)


@dataclass
class FakeTemplates:
    """Returns each template as it is, with the number of the render, and records the scopes."""

    scopes: list[Mapping[str, Any]] = field(default_factory=list)

    def render(self, template: Mapping[str, Any], scope: Mapping[str, Any], now: datetime, *, strict: bool) -> RenderedTemplate:
        self.scopes.append(scope)
        return {**template, "rendering": len(self.scopes)}

    def missing_variables(self, template: Mapping[str, Any], scope: Mapping[str, Any], now: datetime) -> tuple[str, ...]:
        return ()
