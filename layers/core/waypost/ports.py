"""What a use case asks of the world. One method is one AWS call, so that a test can cut between any two."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from waypost.domain.api_keys import Key
from waypost.domain.customers.customer import Customer
from waypost.domain.customers.facts import Facts
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.customers.rows import NotUpdated, Row, RowKey, Tombstones
from waypost.domain.customers.schema import Schema
from waypost.domain.dead_letters import Parked
from waypost.domain.intake.event_log import Page
from waypost.domain.intake.events import RejectedEvent
from waypost.domain.intake.receipts import Receipt
from waypost.domain.journeys.journey import Journey
from waypost.domain.journeys.published import ActiveJourneys
from waypost.domain.messages.message import Message, PreparedMessage, ProviderResponse, RenderedTemplate, RenderFailure, SkipReason
from waypost.domain.runs.changes import Commit, CommitResult, RunsMerge
from waypost.domain.runs.run import CustomerRuns, HeldRun
from waypost.domain.runs.timers import Timer
from waypost.domain.signals import QueueMessage


class Customers(Protocol):
    """The rows that customers are merged from."""

    def update_if_newer(self, key: RowKey, facts: Facts) -> Row | NotUpdated:
        """Merges facts into a row in one write, if the row exists, is no pointer, is older than all of them and stays light."""

    def save(self, rows: Sequence[Row]) -> Mapping[RowKey, Row | None] | None:
        """Writes rows together if each is as it was read; else the ones that are not, as they are now (None: not there)."""

    def get(self, keys: Sequence[RowKey]) -> list[Row]:
        """The rows that exist among these."""

    def by_primary_key(self, workspace: str, primary: Identifier) -> list[Row]:
        """All rows under a primary key."""

    def tombstones(self, workspace: str, identifiers: Sequence[Identifier]) -> Tombstones:
        """When customers of these names were erased, for those that were."""

    def find_by_id(self, workspace: str, customer: str) -> RowKey | None:
        """The key of the row that holds a customer's id."""


class Signals(Protocol):
    """The FIFO queue of signals, one group for each customer."""

    def send(self, queue_messages: Sequence[QueueMessage]) -> list[QueueMessage]:
        """Puts at most ten parcels of different groups on the queue; the ones that it refused come back."""


class Keys(Protocol):
    """API keys by their hash."""

    def find(self, key_hash: str) -> Key | None:
        """The key, or None."""

    def used(self, key_hash: str, day: str) -> None:
        """Notes the day on which a key was last used; StaleError where it is gone."""


class Workspaces(Protocol):
    """What is set once for a workspace."""

    def schema(self, workspace: str) -> Schema:
        """The workspace's schema; the empty one where none was saved."""


class RejectedEvents(Protocol):
    """Refused events, kept for 7 days so that their sender can be told what went wrong."""

    def count(self, workspace: str, received_at: datetime, number: int) -> int:
        """Counts refused events of this minute; how many there were before these."""

    def keep(self, workspace: str, received_at: datetime, request_id: str, events: Sequence[RejectedEvent]) -> None:
        """Keeps refused events."""


class Runs(Protocol):
    """Customers' runs, each customer's behind a gate."""

    def get(self, workspace: str, customer: str) -> CustomerRuns:
        """The gate, the active runs, and the latest run of each journey and key."""

    def commit(self, commit: Commit) -> CommitResult:
        """Saves a change if the gate is as read and no event has a receipt."""

    def merge(self, runs_merge: RunsMerge) -> bool:
        """Carries out a part of an absorb; False if either gate is not as read."""

    def held(self, workspace: str, journey: str, after: str | None) -> tuple[list[HeldRun], str | None]:
        """Some runs that a journey has held, in the order in which it did, and the place to go on from (None: that was all)."""

    def clear(self, workspace: str, customer: str, version: int) -> None:
        """Forgets what was owed, unless the gate has moved on."""


class Receipts(Protocol):
    """Receipts of events, by which duplicates are known."""

    def read(self, workspace: str, uuids: Iterable[str], now: datetime) -> dict[str, Receipt]:
        """The receipts that there are, by uuid."""


class Log(Protocol):
    """The log of events."""

    def write(self, page: Page, receipts: Sequence[Receipt]) -> None:
        """Writes a page and receipts of events that had no effect; the same again changes nothing."""


class Journeys(Protocol):
    """Journeys as the matcher reads them."""

    def pointer(self, workspace: str) -> ActiveJourneys:
        """Which versions of which journeys run, and a number that grows with every change of that."""

    def versions(self, workspace: str, wanted: Sequence[tuple[str, int]]) -> Mapping[tuple[str, int], Journey]:
        """These versions, which never change."""


class Messages(Protocol):
    """Messages, from being owed to being reported."""

    def get(self, workspace: str, message: str) -> Message | None:
        """The message, or None."""

    def save(self, message: Message, was: Message) -> bool:
        """Writes a message over the one that it was made from; False if another worker changed it meanwhile, or it was erased."""

    def held(self, workspace: str, journey: str, after: str | None) -> tuple[list[str], str | None]:
        """Some messages that a journey has held, in the order of their making, and the place to go on from (None: that was all)."""

    def rendered(self, workspace: str, message: str) -> PreparedMessage | None:
        """The message as it was rendered for its first attempt, or None."""

    def keep_rendered(self, message: Message, made: PreparedMessage, now: datetime) -> PreparedMessage:
        """Keeps the rendered message unless one is kept already; returns the one that is kept."""


class JourneyVersions(Protocol):
    """Journeys as they were published."""

    def version(self, workspace: str, journey: str, version: int) -> Journey:
        """This version, which never changes."""


class Templates(Protocol):
    """The template language."""

    def render(
        self, template: Mapping[str, Any], scope: Mapping[str, Any], now: datetime, *, strict: bool
    ) -> RenderedTemplate | RenderFailure:
        """The template with its texts rendered, or why it cannot be."""


class Channel(Protocol):
    """One way to reach a customer."""

    def prepare(self, rendered: RenderedTemplate, customer: Customer) -> PreparedMessage | SkipReason:
        """The message with all that sending it needs, or the reason why it cannot be sent."""

    def call_provider(self, message: Message, prepared: PreparedMessage, now: datetime) -> ProviderResponse:
        """Calls the provider once. UnavailableError only if the provider was not called."""


class Suppressions(Protocol):
    """Addresses that get nothing any more."""

    def holds(self, workspace: str, channel: str, address: str) -> bool:
        """Whether this address is suppressed."""

    def add(self, workspace: str, channel: str, address: str) -> None:
        """Suppresses an address."""


class SendQueue(Protocol):
    """The queue of messages to send."""

    def put(self, workspace: str, messages: Sequence[tuple[str, timedelta]]) -> None:
        """Asks for messages to be sent after a delay each; they may come earlier, never much later."""


class Timers(Protocol):
    """Signals that come later."""

    def arm(self, timer: Timer, now: datetime) -> None:
        """Lets a timer come at its time or as soon as it can after it, never before; the same one twice comes once."""

    def disarm(self, name: str) -> None:
        """Takes a timer back, if that is possible: the timer of a step that was left does nothing anyway."""


class Delays(Protocol):
    """The signals queue, later."""

    def put(self, queue_message: QueueMessage, delay: timedelta) -> None:
        """Puts a parcel on the signals queue after a delay of at most 15 minutes."""


class DeadLetters(Protocol):
    """What was given up on."""

    def park(self, parked: Parked) -> None:
        """Keeps a record for a person to look at; the same one twice is kept once."""
