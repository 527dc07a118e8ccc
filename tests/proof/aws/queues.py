"""A standard and a FIFO queue of SQS, as the documentation describes what a consumer can see of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from itertools import islice, takewhile
from random import Random
from typing import Any, Final, Self

from functions.local import template as templates
from tests.proof.aws.agenda import Agenda

ACCOUNT: Final = "123456789012"
REGION: Final = "eu-west-1"
DEDUPLICATION: Final = timedelta(minutes=5)


@dataclass(frozen=True)
class QueueSettings:
    """The attributes of a queue. `dead_letters` is the logical id of its dead-letter queue; times are in seconds."""

    name: str
    fifo: bool = False
    content_deduplication: bool = False
    deduplication_by_group: bool = False
    visibility_timeout: int = 30
    retention: int = 345_600
    delay: int = 0
    max_receives: int | None = None
    dead_letters: str | None = None

    def __deepcopy__(self, memo: object) -> Self:
        return self  # it never changes

    @cached_property
    def url(self) -> str:
        """The URL by which boto3 names the queue."""
        return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{self.name}"

    @cached_property
    def arn(self) -> str:
        """The ARN of the queue."""
        return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{self.name}"


def queues_of(template: dict[str, Any]) -> dict[str, QueueSettings]:
    """The queues of a template by their logical ids."""
    return {name: _settings(name, properties) for name, properties in templates.resources(template, "AWS::SQS::Queue").items()}


def _settings(name: str, properties: Mapping[str, Any]) -> QueueSettings:
    redrive = properties.get("RedrivePolicy", {})
    fifo = bool(properties.get("FifoQueue", False))
    return QueueSettings(
        name=f"waypost-{name}" + (".fifo" if fifo else ""),
        fifo=fifo,
        content_deduplication=bool(properties.get("ContentBasedDeduplication", False)),
        deduplication_by_group=properties.get("DeduplicationScope") == "messageGroup",
        visibility_timeout=int(properties.get("VisibilityTimeout", 30)),
        retention=int(properties.get("MessageRetentionPeriod", 345_600)),
        delay=int(properties.get("DelaySeconds", 0)),
        max_receives=int(redrive["maxReceiveCount"]) if redrive else None,
        dead_letters=redrive["deadLetterTargetArn"]["Fn::GetAtt"][0] if redrive else None,
    )


@dataclass(slots=True)
class StoredMessage:
    """A message of a queue. `handle` is the receipt handle of its newest receive."""

    number: int
    message_id: str
    body: str
    sent: datetime
    visible_at: datetime
    group: str | None = None
    deduplication_id: str | None = None
    receives: int = 0
    first_received: datetime | None = None
    handle: str = ""

    @property
    def sequence(self) -> str:
        """The sequence number that a FIFO queue gives to the message."""
        return str(18_850_000_000_000_000_000 + self.number)

    def is_in_flight(self, now: datetime) -> bool:
        """Whether a consumer has the message, and it is not visible again."""
        return bool(self.handle) and self.visible_at > now


@dataclass
class StandardQueue:
    """Messages that come at least once and in any order.

    `duplicate` is the chance that a received message comes once more, whether or not it is deleted; `reorder` the chance that a batch is
    drawn from all visible messages, and not from the oldest ones. `move` gets a message that was received too often.
    """

    settings: QueueSettings
    random: Random
    move: Callable[[StoredMessage], None]
    duplicate: float = 0.0
    reorder: float = 0.0
    messages: OrderedDict[int, StoredMessage] = field(default_factory=OrderedDict)
    agenda: Agenda[Any] = field(default_factory=Agenda)
    receipts: int = 0

    def add(self, message: StoredMessage) -> None:
        """Stores a message."""
        self.messages[message.number] = message
        self.agenda.put(message.number, message.visible_at)

    def receive(self, now: datetime, most: int, seconds: float) -> list[StoredMessage]:
        """Takes up to `most` visible messages, which are then invisible for some seconds."""
        found: dict[str, StoredMessage] = {}
        while not found and (keys := self._candidates(now, 2 * most)):
            for key in keys:
                self._receive_of(key, now, most, seconds, found)
        return list(found.values())

    def delete(self, message: StoredMessage, now: datetime) -> None:
        """Removes a message."""
        self.messages.pop(message.number, None)
        self.agenda.remove(message.number)

    def hide(self, message: StoredMessage, until: datetime, now: datetime) -> None:
        """Makes a message invisible until a time."""
        message.visible_at = until
        self.agenda.put(message.number, until)

    def is_visible(self, now: datetime) -> bool:
        """Whether a message can be received."""
        return self.agenda.is_due(now)

    def _candidates(self, now: datetime, most: int) -> list[Any]:
        due = self.agenda.due(now)
        if self.reorder and self.random.random() < self.reorder:
            every = list(due)
            return self.random.sample(every, min(len(every), most))
        return list(islice(due, most))

    def _receive_of(self, key: Any, now: datetime, most: int, seconds: float, found: dict[str, StoredMessage]) -> None:
        message = self.messages[key]
        # The same message twice in one batch of Lambda is not documented, so the second copy stays until the next receive.
        if len(found) >= most or message.message_id in found or self._has_left(message, now):
            return
        found[message.message_id] = self._receipt(message, now, seconds)
        if self.duplicate and self.random.random() < self.duplicate:
            self.receipts += 1
            # At once or later: a second consumer may have the message at the same time as the first one.
            seconds_later = self.random.choice((0.001, self.random.uniform(0.1, 2 * self.settings.visibility_timeout)))
            self.add(replace(message, number=-self.receipts, visible_at=now + timedelta(seconds=seconds_later), handle=""))

    def _has_left(self, message: StoredMessage, now: datetime) -> bool:
        """Removes a message that is too old, or moves one that was received too often to the dead-letter queue."""
        if message.sent + timedelta(seconds=self.settings.retention) <= now:
            self.delete(message, now)
            return True
        if self.settings.max_receives is not None and message.receives >= self.settings.max_receives:
            self.delete(message, now)
            self.move(message)
            return True
        return False

    def _receipt(self, message: StoredMessage, now: datetime, seconds: float) -> StoredMessage:
        message.receives += 1
        message.first_received = message.first_received or now
        self.receipts += 1
        message.handle = f"{self.settings.name}/{message.number}/{self.receipts}"
        self.hide(message, now + timedelta(seconds=seconds), now)
        # A copy, so that what the consumer does with it changes nothing in the queue.
        return replace(message)


@dataclass
class FifoQueue(StandardQueue):
    """Messages in the order of their groups. A group with a message in flight is locked; a repeated message is dropped for five minutes.

    Groups have no order among each other: `reorder` is the chance that a batch begins with any of them. There are no duplicates.
    """

    groups: dict[str, OrderedDict[int, StoredMessage]] = field(default_factory=dict)
    known: OrderedDict[tuple[str, str], tuple[datetime, StoredMessage]] = field(default_factory=OrderedDict)

    def repeated(self, group: str, deduplication_id: str, now: datetime) -> StoredMessage | None:
        """The message that was sent with this deduplication id in the last five minutes."""
        while self.known and next(iter(self.known.values()))[0] <= now:
            self.known.popitem(last=False)
        found = self.known.get((group if self.settings.deduplication_by_group else "", deduplication_id))
        return found[1] if found is not None and found[0] > now else None

    def add(self, message: StoredMessage) -> None:
        """Stores a message at the end of its group."""
        group = str(message.group)
        scope = group if self.settings.deduplication_by_group else ""
        self.known[(scope, str(message.deduplication_id))] = (message.sent + DEDUPLICATION, message)
        self.messages[message.number] = message
        self.groups.setdefault(group, OrderedDict())[message.number] = message
        self._set_time(group, message.sent)

    def delete(self, message: StoredMessage, now: datetime) -> None:
        """Removes a message, which unlocks its group if it was the last one in flight."""
        self.messages.pop(message.number, None)
        group = str(message.group)
        if group in self.groups:
            self.groups[group].pop(message.number, None)
            self._set_time(group, now)

    def hide(self, message: StoredMessage, until: datetime, now: datetime) -> None:
        """Makes a message invisible until a time, which locks its group."""
        message.visible_at = until
        self._set_time(str(message.group), now)

    def _receive_of(self, key: Any, now: datetime, most: int, seconds: float, found: dict[str, StoredMessage]) -> None:
        for message in list(islice(self.groups[key].values(), most)):
            if len(found) >= most or message.visible_at > now:
                return
            if not self._has_left(message, now):
                found[message.message_id] = self._receipt(message, now, seconds)

    def _set_time(self, group: str, now: datetime) -> None:
        """The time at which the first message of a group can be received: none of the group may be in flight."""
        messages = self.groups[group]
        if not messages:
            del self.groups[group]
            self.agenda.remove(group)
            return
        first = next(iter(messages.values()))
        # Messages are received in their order, so those that were ever received are the first ones.
        in_flight = [each.visible_at for each in takewhile(lambda each: each.handle, messages.values()) if each.visible_at > now]
        self.agenda.put(group, max([first.visible_at, *in_flight]))
