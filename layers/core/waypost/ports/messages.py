"""Ports of messages: their table, their templates, and the channels that deliver them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Protocol

from waypost.domain.customers.customer import Customer
from waypost.domain.messages.message import Message, PreparedMessage, ProviderResponse, RenderedTemplate, RenderFailure, SkipReason
from waypost.domain.messages.suppression import Suppression


class Messages(Protocol):
    """The messages of all workspaces."""

    def get(self, workspace: str, message: str) -> Message | None:
        """The message with this id, or None."""

    def save(self, message: Message, was: Message) -> bool:
        """Writes `message` if the stored one is still `was`. False if another worker has changed or an erasure has deleted it."""

    def held(self, workspace: str, journey: str, after: str | None) -> tuple[list[str], str | None]:
        """Some ids of messages that a paused journey holds, oldest first, after the position `after`; and the next one (None: no more)."""

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
    ) -> tuple[list[Message], str | None]:
        """At most `limit` messages before the position `before`, newest first, and the position after them (None: no more).

        Exactly one of `customer`, `journey` and `day` (UTC) chooses the index.
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


class OptOuts(Protocol):
    """What an address gets no more, where there is no customer to whom it could belong."""

    def add(self, workspace: str, channel: str, address_hash: str, topics: Sequence[str], at: datetime) -> None:
        """Stores that the address with this keyed hash gets no more messages of these topics (`*`: of all)."""


class Suppressions(Protocol):
    """Addresses that no longer receive messages."""

    def holds(self, workspace: str, channel: str, address: str) -> bool:
        """Whether this address is suppressed."""

    def add(self, workspace: str, channel: str, address: str, message: str | None = None, since: datetime | None = None) -> None:
        """Suppresses an address because of the outcome that this message had at this time."""


class ManagedSuppressions(Suppressions, Protocol):
    """Suppressed addresses as the management API lists and lifts them."""

    def remove(self, workspace: str, channel: str, address: str) -> None:
        """Lifts a suppression, if there is one."""

    def page(self, workspace: str, *, limit: int, before: str | None = None) -> tuple[list[Suppression], str | None]:
        """At most `limit` suppressions after the position `before`, in no order of time, and the next position (None: no more)."""
