"""Ports of messages: their table, their templates, and the channels that deliver them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Protocol

from waypost.domain.customers.customer import Customer
from waypost.domain.customers.rows import RowKey
from waypost.domain.messages.caps import CountedMessages, StoredCount
from waypost.domain.messages.message import Message, PreparedMessage, ProviderResponse, RenderedTemplate, RenderFailure, SkipReason
from waypost.domain.messages.permission import Permission
from waypost.domain.messages.sending_quota import SendingQuota
from waypost.domain.messages.suppression import Suppression, SuppressionCause


class Messages(Protocol):
    """The messages of all workspaces."""

    def get(self, workspace: str, message: str) -> Message | None:
        """The message with this id, or None."""

    def save(self, message: Message, was: Message) -> bool:
        """Writes `message` if the stored one is still `was`. False if another worker has changed or an erasure has deleted it."""

    def held(self, workspace: str, journey: str, after: str | None) -> tuple[list[str], str | None]:
        """Some ids of messages that a paused journey holds, oldest first, after the position `after`; and the next one (None: no more).

        With `WHOLE_WORKSPACE` for the journey, those that the workspace holds.
        """

    def rendered(self, workspace: str, message: str) -> PreparedMessage | None:
        """The message as it was rendered before its first attempt, or None."""

    def keep_rendered(self, message: Message, made: PreparedMessage, now: datetime) -> PreparedMessage:
        """Stores the rendered message unless one is stored already, and returns the stored one."""


class ManagedMessages(Messages, Protocol):
    """Messages with the lists of the management API."""

    def receivers(self, workspace: str, messages: Sequence[str]) -> Mapping[str, str]:
        """The addresses that messages were sent to, by message id; those of erased messages are left out."""

    def all_rendered(self, workspace: str, messages: Sequence[str]) -> Mapping[str, PreparedMessage]:
        """The rendered content that is still stored, by message id."""

    def page(
        self,
        workspace: str,
        *,
        limit: int,
        before: str | None = None,
        customer: str | None = None,
        journey: str | None = None,
        day: date | None = None,
        since: datetime | None = None,
    ) -> tuple[list[Message], str | None]:
        """At most `limit` messages before the position `before`, newest first, and the position after them (None: no more).

        Exactly one of `customer`, `journey` and `day` (UTC) chooses the index. With `since`, only those of this time or later are read.
        """


class Templates(Protocol):
    """The template language."""

    def render(
        self, template: Mapping[str, Any], scope: Mapping[str, Any], now: datetime, *, strict: bool
    ) -> RenderedTemplate | RenderFailure:
        """The template with all of its texts rendered, or why it cannot be rendered. `strict`: a missing value is a failure."""

    def missing_variables(self, template: Mapping[str, Any], scope: Mapping[str, Any], now: datetime) -> tuple[str, ...]:
        """The variables that a template reads and that have neither a value nor a default."""


class Channel(Protocol):
    """A technology that delivers messages to customers."""

    def prepare(self, rendered: RenderedTemplate, customer: Customer) -> PreparedMessage | SkipReason:
        """The rendered message completed with its recipient, or why it cannot be sent. Calls nothing."""

    def call_provider(self, message: Message, prepared: PreparedMessage, now: datetime) -> ProviderResponse:
        """Calls the provider exactly once. UnavailableError only if the provider was certainly not called."""


class ProviderAccount(Protocol):
    """The account of a provider that limits how much is sent."""

    def quota(self) -> SendingQuota:
        """What the account may send. UnavailableError if the provider does not say."""


class CapCounts(Protocol):
    """The messages of customers that count under caps (docs/messages.md#caps)."""

    def read(self, workspace: str, customer: str, *, latest: bool = False) -> StoredCount:
        """What counts for a customer. Unless it is the `latest`, it may be some moments old: `save` then finds another revision."""

    def counted_of(self, workspace: str, customers: Sequence[str]) -> CountedMessages:
        """What counts for any of these customer ids, strongly consistent."""

    def save(self, workspace: str, customer: str, count: StoredCount) -> StoredCount | None:
        """Replaces what is stored under this revision. None if it was; otherwise what is stored by now, and nothing was written."""


class Permissions(Protocol):
    """What decides, between the claim and the call, whether a message is sent (docs/messages.md#consent)."""

    def of(self, workspace: str, channel: str, address: str, main_row: RowKey) -> Permission:
        """What the main row of a customer says of its consents, and the row of an address of suppressions and opt-outs."""


class OptOuts(Protocol):
    """The topics from which customers had unsubscribed when they were erased, by the hashes of their addresses."""

    def add(self, workspace: str, channel: str, address: str, topics: Mapping[str, datetime]) -> None:
        """Stores that messages about these topics (`*`: all) are not sent to an address, since these times. A repeat changes nothing."""

    def add_by_hash(self, workspace: str, channel: str, hashed: str, topics: Mapping[str, datetime]) -> None:
        """The same, by the hash of the address."""


class Suppressions(Protocol):
    """Addresses that no longer receive messages."""

    def holds(self, workspace: str, channel: str, address: str) -> bool:
        """Whether this address is suppressed."""

    def add(self, workspace: str, channel: str, address: str, cause: SuppressionCause) -> None:
        """Suppresses an address. Of several causes the latest one is kept; one that a provider reports too late changes nothing."""


class FoundSuppressions(Suppressions, Protocol):
    """Suppressed addresses that can be found one by one, and lifted."""

    def find(self, workspace: str, channel: str, address: str) -> Suppression | None:
        """The suppression of this address, or None."""

    def remove(self, workspace: str, channel: str, address: str, at: datetime) -> None:
        """Lifts a suppression at this time, if there is one."""


class LastMessages(Protocol):
    """The last message to each address, on channels on which receivers can answer."""

    def remember(self, workspace: str, channel: str, address: str, message: str, now: datetime) -> None:
        """Stores that this message, sent at this time, was the last one to an address. A repeat or an earlier one changes nothing."""

    def of(self, channel: str, address: str) -> Mapping[str, str | None]:
        """The id of the last message to an address (None: none), by each workspace that sends on the channel."""


class ManagedSuppressions(FoundSuppressions, Protocol):
    """Suppressed addresses as the management API lists and lifts them."""

    def position(self, workspace: str, channel: str, address: str) -> str:
        """The position of an address in the list, whether or not it is suppressed. Reads nothing."""

    def page(self, workspace: str, *, limit: int, before: str | None = None) -> tuple[list[Suppression], str | None]:
        """At most `limit` suppressions after the position `before`, in no order of time, and the next position (None: no more).

        ValueError if `before` is no position of an address.
        """


class ProviderSuppressions(Protocol):
    """The provider's own list of suppressed e-mail addresses, which all workspaces of the account share."""

    def lift(self, address: str) -> bool:
        """Removes an address from the list. False if it was not on it. UnavailableError if the provider does not answer."""
