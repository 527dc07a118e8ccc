"""SQS in memory: the methods of boto3's client that the adapters call, and what an event source mapping of Lambda does."""

# ruff: noqa: N803 - the arguments have the names that boto3 gives them

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any, Final

from tests.proof.aws.client_errors import client_error
from tests.proof.aws.queues import ACCOUNT, REGION, FifoQueue, QueueSettings, StandardQueue, StoredMessage, queues_of
from tests.proof.aws.time_source import TimeSource

__all__ = ["ACCOUNT", "REGION", "QueueSettings", "Sqs", "StoredMessage", "queues_of"]

MAX_BYTES: Final = 1_048_576
"""The longest body, and the longest batch of bodies."""

_PREFIX: Final = "AWS.SimpleQueueService."
_MAX_ENTRIES: Final = 10
_MAX_DELAY: Final = 900
_MAX_VISIBILITY: Final = 43_200
_ENTRY_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,80}")
_NAME: Final = re.compile(r"[!-~]{1,128}")
_REFUSED_CHARACTERS: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Refuses = Callable[[str, Mapping[str, Any]], bool]
"""Whether SQS refuses the entry of a batch on this queue (by its logical id), as it may at any time."""


@dataclass(frozen=True, slots=True)
class _EntryError:
    code: str
    message: str


@dataclass
class Sqs:
    """Queues by their logical ids. The receive side names a queue by this id, the methods of the client by its URL.

    `duplicate` and `reorder` are chances, described at `StandardQueue`.
    """

    clock: TimeSource
    random: Random
    settings: Mapping[str, QueueSettings]
    duplicate: float = 0.0
    reorder: float = 0.0
    refuses: Refuses = lambda _queue, _entry: False
    queues: dict[str, StandardQueue] = field(default_factory=dict)
    sent: int = 0

    def __post_init__(self) -> None:
        for name, settings in self.settings.items():
            kind = FifoQueue if settings.fifo else StandardQueue
            move = partial(self._move, name)
            self.queues[name] = kind(settings, self.random, move)
        self._names = {queue.settings.url: name for name, queue in self.queues.items()}
        self._by_arn = {queue.settings.arn: name for name, queue in self.queues.items()}

    def url(self, queue: str) -> str:
        """The URL of a queue."""
        return self.settings[queue].url

    def arn(self, queue: str) -> str:
        """The ARN of a queue."""
        return self.settings[queue].arn

    def name_of_arn(self, arn: str) -> str | None:
        """The logical id of the queue with this ARN; None if there is none."""
        return self._by_arn.get(arn)

    # ---------------------------------------------------------------- The client of boto3

    def send_message(self, *, QueueUrl: str, MessageBody: str, **options: Any) -> dict[str, Any]:
        """Stores one message."""
        name = self._existing("SendMessage", QueueUrl)
        entry = {"MessageBody": MessageBody, **options}
        error = _entry_error(self.queues[name].settings, entry)
        if error is not None:
            raise client_error("SendMessage", error.code, error.message)
        return self._store(name, entry)

    def send_message_batch(self, *, QueueUrl: str, Entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Stores the messages of a batch, and answers for each of them by itself."""
        name = self._existing("SendMessageBatch", QueueUrl)
        _check_batch("SendMessageBatch", Entries)
        if sum(len(entry["MessageBody"].encode("utf-8", "surrogatepass")) for entry in Entries) > MAX_BYTES:
            raise client_error("SendMessageBatch", f"{_PREFIX}BatchRequestTooLong", "The batch is longer than one message may be.")
        successful: list[dict[str, Any]] = []
        failed: list[dict[str, Any]] = []
        for entry in Entries:
            error = _entry_error(self.queues[name].settings, entry)
            if error is not None:
                failed.append(_failed(entry, error, sender=True))
            elif self.refuses(name, entry):
                failed.append(_failed(entry, _EntryError("InternalError", "Try again."), sender=False))
            else:
                successful.append({"Id": entry["Id"], **self._store(name, entry)})
        return _answer_of_batch(successful, failed)

    def change_message_visibility(self, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> dict[str, Any]:
        """Makes a received message visible after so many seconds from now."""
        name = self._existing("ChangeMessageVisibility", QueueUrl)
        error = self._hide(name, ReceiptHandle, VisibilityTimeout)
        if error is not None:
            raise client_error("ChangeMessageVisibility", error.code, error.message)
        return _answer()

    def change_message_visibility_batch(self, *, QueueUrl: str, Entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """As `change_message_visibility`, for each entry by itself."""
        name = self._existing("ChangeMessageVisibilityBatch", QueueUrl)
        _check_batch("ChangeMessageVisibilityBatch", Entries)
        successful: list[dict[str, Any]] = []
        failed: list[dict[str, Any]] = []
        for entry in Entries:
            if self.refuses(name, entry):
                failed.append(_failed(entry, _EntryError("InternalError", "Try again."), sender=False))
                continue
            error = self._hide(name, entry["ReceiptHandle"], entry["VisibilityTimeout"])
            if error is None:
                successful.append({"Id": entry["Id"]})
            else:
                failed.append(_failed(entry, error, sender=True))
        return _answer_of_batch(successful, failed)

    def receive_message(
        self,
        *,
        QueueUrl: str,
        MaxNumberOfMessages: int = 1,
        WaitTimeSeconds: int = 0,
        VisibilityTimeout: int | None = None,
        MessageSystemAttributeNames: Sequence[str] = (),
    ) -> dict[str, Any]:
        """Receives visible messages; waits for one if there is none."""
        name = self._existing("ReceiveMessage", QueueUrl)
        if not 1 <= MaxNumberOfMessages <= _MAX_ENTRIES:
            reason = "Must be between 1 and 10, if provided."
            message = f"Value {MaxNumberOfMessages} for parameter MaxNumberOfMessages is invalid. Reason: {reason}"
            raise client_error("ReceiveMessage", "InvalidParameterValue", message)
        queue = self.queues[name]
        if WaitTimeSeconds and not queue.is_visible(self.clock.now):
            until = self.next_visible(name)
            self.clock.advance(min(WaitTimeSeconds, WaitTimeSeconds if until is None else until))
        seconds = queue.settings.visibility_timeout if VisibilityTimeout is None else VisibilityTimeout
        found = self._receive(name, MaxNumberOfMessages, seconds)
        if not found:
            return _answer()
        return {"Messages": [_received(each, queue.settings, MessageSystemAttributeNames) for each in found], **_answer()}

    def delete_message(self, *, QueueUrl: str, ReceiptHandle: str) -> dict[str, Any]:
        """Deletes a received message. A standard queue ignores an old receipt handle; a FIFO queue refuses one that has expired."""
        name = self._existing("DeleteMessage", QueueUrl)
        if not _is_handle_of(self.queues[name].settings, ReceiptHandle):
            raise client_error("DeleteMessage", "ReceiptHandleIsInvalid", "The input receipt handle is invalid.", 404)
        message = self._message(name, ReceiptHandle)
        if message is not None and not self._is_deletable(name, message, ReceiptHandle) and self.settings[name].fifo:
            text = f"Value {ReceiptHandle} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired."
            raise client_error("DeleteMessage", "InvalidParameterValue", text)
        self.delete(name, ReceiptHandle)
        return _answer()

    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: Sequence[str] = ()) -> dict[str, Any]:
        """The numbers of messages, and the ARN."""
        name = self._existing("GetQueueAttributes", QueueUrl)
        now, messages = self.clock.now, self.queues[name].messages.values()
        in_flight = sum(each.is_in_flight(now) for each in messages)
        delayed = sum(not each.handle and each.visible_at > now for each in messages)
        attributes = {
            "QueueArn": self.arn(name),
            "ApproximateNumberOfMessages": str(len(messages) - in_flight - delayed),
            "ApproximateNumberOfMessagesNotVisible": str(in_flight),
            "ApproximateNumberOfMessagesDelayed": str(delayed),
        }
        wanted = {key: value for key, value in attributes.items() if key in AttributeNames or "All" in AttributeNames}
        return {**({"Attributes": wanted} if wanted else {}), **_answer()}

    # ---------------------------------------------------------------- The receive side, for Lambda's event source mapping

    def receive(self, queue: str, most: int) -> list[dict[str, Any]]:
        """Up to `most` records as an event of Lambda has them."""
        settings = self.settings[queue]
        return [_record(each, settings) for each in self._receive(queue, most, settings.visibility_timeout)]

    def delete(self, queue: str, receipt_handle: str) -> bool:
        """Deletes the message of a record, as Lambda does for a record that the function has processed. Returns whether it was deleted."""
        message = self._message(queue, receipt_handle)
        if message is None or not self._is_deletable(queue, message, receipt_handle):
            return False
        self.queues[queue].delete(message, self.clock.now)
        return True

    def visible(self, queue: str) -> bool:
        """Whether a message can be received."""
        return self.queues[queue].is_visible(self.clock.now)

    def next_visible(self, queue: str) -> float | None:
        """The seconds until a message can be received; 0 if one can, and None if the queue is empty."""
        first = self.queues[queue].agenda.first()
        return None if first is None else max((first - self.clock.now).total_seconds(), 0.0)

    def stored(self, queue: str) -> list[StoredMessage]:
        """A copy of every message of a queue, in the order in which they were sent; duplicates of received ones are last."""
        return [replace(each) for each in self.queues[queue].messages.values()]

    def put(
        self, queue: str, body: str, at: datetime | None = None, group: str | None = None, deduplication_id: str | None = None
    ) -> dict[str, Any]:
        """Stores a message of another service, such as EventBridge. It is sent `at` a time, which may lie ahead; else now."""
        options = {"MessageGroupId": group, "MessageDeduplicationId": deduplication_id}
        entry = {"MessageBody": body, **{name: value for name, value in options.items() if value is not None}}
        error = _entry_error(self.settings[queue], entry)
        if error is not None:
            raise client_error("SendMessage", error.code, error.message)
        return self._store(queue, entry, at)

    # ---------------------------------------------------------------- Both sides

    def _existing(self, operation: str, url: str) -> str:
        try:
            return self._names[url]
        except KeyError:
            text = "The specified queue does not exist."
            raise client_error(operation, f"{_PREFIX}NonExistentQueue", text) from None

    def _store(self, name: str, entry: Mapping[str, Any], at: datetime | None = None) -> dict[str, Any]:
        queue, now, body = self.queues[name], at or self.clock.now, str(entry["MessageBody"])
        settings, group, deduplication_id = queue.settings, entry.get("MessageGroupId"), entry.get("MessageDeduplicationId")
        if isinstance(queue, FifoQueue):
            deduplication_id = deduplication_id or hashlib.sha256(body.encode()).hexdigest()
            message = queue.repeated(str(group), deduplication_id, now)
            if message is not None:
                return _sent(message, settings, body)
        self.sent += 1
        delay = entry.get("DelaySeconds")
        message = StoredMessage(
            number=self.sent,
            message_id=f"{self.sent:08x}-0000-4000-8000-000000000000",
            body=body,
            sent=now,
            visible_at=now + timedelta(seconds=settings.delay if delay is None or settings.fifo else delay),
            group=group,
            deduplication_id=deduplication_id,
        )
        queue.add(message)
        return _sent(message, settings, body)

    def _receive(self, name: str, most: int, seconds: float) -> list[StoredMessage]:
        queue = self.queues[name]
        queue.duplicate, queue.reorder = 0.0 if queue.settings.fifo else self.duplicate, self.reorder
        return queue.receive(self.clock.now, most, seconds)

    def _message(self, name: str, handle: str) -> StoredMessage | None:
        return self.queues[name].messages.get(int(handle.split("/")[1])) if _is_handle_of(self.settings[name], handle) else None

    def _is_deletable(self, name: str, message: StoredMessage, handle: str) -> bool:
        is_newest = message.handle == handle
        return is_newest and (not self.settings[name].fifo or message.visible_at > self.clock.now)

    def _hide(self, name: str, handle: str, seconds: int) -> _EntryError | None:
        now = self.clock.now
        if not _is_handle_of(self.settings[name], handle):
            return _EntryError("ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
        if not 0 <= seconds <= _MAX_VISIBILITY:
            reason = "Must be between 0 and 43200."
            return _EntryError("InvalidParameterValue", f"Value {seconds} for parameter VisibilityTimeout is invalid. Reason: {reason}")
        message = self._message(name, handle)
        if message is None or message.handle != handle:
            reason = "Message does not exist or is not available for visibility timeout change."
            return _EntryError("InvalidParameterValue", f"Value {handle} for parameter ReceiptHandle is invalid. Reason: {reason}")
        if not message.is_in_flight(now):
            return _EntryError(f"{_PREFIX}MessageNotInflight", "The specified message is not in flight.")
        self.queues[name].hide(message, now + timedelta(seconds=seconds), now)
        return None

    def _move(self, name: str, message: StoredMessage) -> None:
        """Moves a message to the dead-letter queue, in which a standard queue keeps its age and a FIFO queue begins a new one."""
        target = self.settings[name].dead_letters
        if target is None:
            return
        now = self.clock.now
        sent = now if self.settings[name].fifo else message.sent
        self.sent += 1
        self.queues[target].add(replace(message, number=self.sent, sent=sent, visible_at=now, handle="", receives=0, first_received=None))


def _answer() -> dict[str, Any]:
    return {"ResponseMetadata": {"HTTPStatusCode": 200, "RetryAttempts": 0}}


def _answer_of_batch(successful: list[dict[str, Any]], failed: list[dict[str, Any]]) -> dict[str, Any]:
    """The answer with the members that it has: SQS leaves an empty list out."""
    return {**({"Successful": successful} if successful else {}), **({"Failed": failed} if failed else {}), **_answer()}


def _failed(entry: Mapping[str, Any], error: _EntryError, *, sender: bool) -> dict[str, Any]:
    return {"Id": entry["Id"], "SenderFault": sender, "Code": error.code, "Message": error.message}


def _sent(message: StoredMessage, settings: QueueSettings, body: str) -> dict[str, Any]:
    """The answer for a body. A body that is dropped as a repeated one has the digest of its own, and the id of the first one."""
    answer = {"MessageId": message.message_id, "MD5OfMessageBody": _md5(body), **_answer()}
    return {**answer, "SequenceNumber": message.sequence} if settings.fifo else answer


def _check_batch(operation: str, entries: Sequence[Mapping[str, Any]]) -> None:
    ids = [str(entry["Id"]) for entry in entries]
    if not entries:
        raise client_error(operation, f"{_PREFIX}EmptyBatchRequest", "There should be at least one entry in the request.")
    if len(ids) > _MAX_ENTRIES:
        text = f"Maximum number of entries per request are 10. You have sent {len(ids)}."
        raise client_error(operation, f"{_PREFIX}TooManyEntriesInBatchRequest", text)
    if not all(map(_ENTRY_ID.fullmatch, ids)):
        raise client_error(operation, f"{_PREFIX}InvalidBatchEntryId", "A batch entry id has at most 80 letters, digits, - and _.")
    if len(set(ids)) < len(ids):
        raise client_error(operation, f"{_PREFIX}BatchEntryIdsNotDistinct", "Two entries of the batch have the same id.")


def _entry_error(settings: QueueSettings, entry: Mapping[str, Any]) -> _EntryError | None:  # noqa: PLR0911 - one return for each rule
    """Why SQS refuses a message; None for one that it takes."""
    body, delay = str(entry["MessageBody"]), entry.get("DelaySeconds")
    group, deduplication_id = entry.get("MessageGroupId"), entry.get("MessageDeduplicationId")
    if not body:
        return _EntryError("MissingParameter", "The request must contain the parameter MessageBody.")
    if _REFUSED_CHARACTERS.search(body):
        return _EntryError("InvalidMessageContents", "The message body contains a character that SQS refuses.")
    if len(body) > MAX_BYTES // 4 and len(body.encode()) > MAX_BYTES:
        text = f"One or more parameters are invalid. Reason: Message must be shorter than {MAX_BYTES} bytes."
        return _EntryError("InvalidParameterValue", text)
    if delay is not None and not 0 <= delay <= (0 if settings.fifo else _MAX_DELAY):
        reason = "The request include parameter that is not valid for this queue type." if settings.fifo else "Must be between 0 and 900."
        return _EntryError("InvalidParameterValue", f"Value {delay} for parameter DelaySeconds is invalid. Reason: {reason}")
    if any(name is not None and not _NAME.fullmatch(name) for name in (group, deduplication_id)):
        return _EntryError("InvalidParameterValue", "A group or deduplication id has 1 to 128 letters, digits and punctuation marks.")
    if settings.fifo and group is None:
        return _EntryError("MissingParameter", "The request must contain the parameter MessageGroupId.")
    if settings.fifo and deduplication_id is None and not settings.content_deduplication:
        text = "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"
        return _EntryError("InvalidParameterValue", text)
    if not settings.fifo and deduplication_id is not None:
        text = f"Value {deduplication_id} for parameter MessageDeduplicationId is invalid. Reason: This queue is no FIFO queue."
        return _EntryError("InvalidParameterValue", text)
    return None


def _is_handle_of(settings: QueueSettings, handle: str) -> bool:
    return re.fullmatch(rf"{re.escape(settings.name)}/-?\d+/\d+", handle) is not None


def _md5(body: str) -> str:
    return hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()


def _milliseconds(at: datetime) -> str:
    return str(round(at.timestamp() * 1000))


def _attributes(message: StoredMessage, settings: QueueSettings) -> dict[str, str]:
    attributes = {
        "ApproximateReceiveCount": str(message.receives),
        "SentTimestamp": _milliseconds(message.sent),
        "SenderId": "AROAEXAMPLEEXAMPLE123:waypost",
        "ApproximateFirstReceiveTimestamp": _milliseconds(message.first_received or message.sent),
    }
    if message.group is not None:
        attributes["MessageGroupId"] = message.group
    if settings.fifo:
        attributes |= {"SequenceNumber": message.sequence, "MessageDeduplicationId": str(message.deduplication_id)}
    return attributes


def _received(message: StoredMessage, settings: QueueSettings, names: Sequence[str]) -> dict[str, Any]:
    """A message in the answer of ReceiveMessage."""
    attributes = {name: value for name, value in _attributes(message, settings).items() if name in names or "All" in names}
    found = {"MessageId": message.message_id, "ReceiptHandle": message.handle, "MD5OfBody": _md5(message.body), "Body": message.body}
    return {**found, **({"Attributes": attributes} if attributes else {})}


def _record(message: StoredMessage, settings: QueueSettings) -> dict[str, Any]:
    """A message in an event of Lambda."""
    return {
        "messageId": message.message_id,
        "receiptHandle": message.handle,
        "body": message.body,
        "attributes": _attributes(message, settings),
        "messageAttributes": {},
        "md5OfBody": _md5(message.body),
        "eventSource": "aws:sqs",
        "eventSourceARN": settings.arn,
        "awsRegion": REGION,
    }
