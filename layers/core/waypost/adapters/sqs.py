"""SQS: the FIFO queue of signals, the standard queue that delays signals, and the standard queue of messages to send.

docs/architecture.md#queues says why there are three.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from waypost.adapters import backoff
from waypost.adapters.aws import client, translate_errors
from waypost.domain.errors import UnavailableError
from waypost.domain.messages import send_request
from waypost.domain.messages.send_request import SendRequest
from waypost.domain.signal_codec import packed, to_delays_record
from waypost.domain.signals import QueueMessage, UndeliveredTimer
from waypost.domain.values.chunks import chunked

LONGEST_DELAY: Final = timedelta(minutes=15)
"""The longest delay that SQS gives to one message."""

_BATCH_ENTRIES: Final = 10
"""The most entries that SQS takes in one batch call."""

_SEND_ATTEMPTS: Final = 3


@dataclass(frozen=True, slots=True)
class SqsSignals:
    """The FIFO queue of signals at this URL."""

    url: str

    def send(self, queue_messages: Sequence[QueueMessage]) -> list[QueueMessage]:
        """Sends at most ten queue messages, each of a different group, in one call, and returns those that SQS refused.

        Two messages of one group must not be in one call: SQS may refuse the first and take the second, which reorders the group.
        """
        # One attempt: the caller repeats what failed, because it knows how much time it has left, and botocore does not. A repeat of a
        # message that SQS did take is dropped by its deduplication id for five minutes; after that, receipts make it harmless.
        with translate_errors():
            answer = client("sqs", attempts=1).send_message_batch(
                QueueUrl=self.url, Entries=[_signal_entry(str(place), queue_message) for place, queue_message in enumerate(queue_messages)]
            )
        return [queue_messages[int(failed["Id"])] for failed in answer.get("Failed", [])]

    def delay(self, receipts: Sequence[tuple[str, int]]) -> None:
        """Makes received messages, given as receipt handle and seconds, visible again after so many seconds.

        Handles that SQS refuses are ignored: SQS delivers these messages again when their visibility timeout ends.
        """
        entries = [{"Id": str(n), "ReceiptHandle": handle, "VisibilityTimeout": seconds} for n, (handle, seconds) in enumerate(receipts)]
        for chunk in chunked(entries, _BATCH_ENTRIES):
            with translate_errors():
                client("sqs", attempts=1).change_message_visibility_batch(QueueUrl=self.url, Entries=chunk)


@dataclass(frozen=True, slots=True)
class _StandardQueue:
    """A standard queue at this URL."""

    url: str

    def postpone(self, receipt_handle: str, seconds: int) -> None:
        """Makes a received message visible again after so many seconds, in place of the queue's long visibility timeout."""
        with translate_errors():
            client("sqs").change_message_visibility(QueueUrl=self.url, ReceiptHandle=receipt_handle, VisibilityTimeout=seconds)


@dataclass(frozen=True, slots=True)
class SqsDelays(_StandardQueue):
    """The delays queue. Its consumer only forwards to the signals queue, because a FIFO queue delays all of its messages or none."""

    def put(self, queue_message: QueueMessage, delay: timedelta) -> None:
        """Sends a queue message to the signals queue after a delay of at most 15 minutes, rounded up to the second."""
        body = to_delays_record(queue_message)
        with translate_errors():
            client("sqs").send_message(QueueUrl=self.url, MessageBody=body, DelaySeconds=_whole_seconds(delay))


_RELEASE_DELAY: Final = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class SqsSendQueue(_StandardQueue):
    """The queue of messages to send. The delay of a record is the retry schedule of its message."""

    def put(self, workspace: str, messages: Sequence[tuple[str, timedelta]]) -> None:
        """Requests the sending of messages, given as id and delay. UnavailableError if SQS refuses one of them three times.

        SQS delays no record for more than 15 minutes. The sender puts the record of a later message back.
        """
        for chunk in chunked(messages, _BATCH_ENTRIES):
            self._send([_send_entry(str(place), SendRequest(workspace, message), delay) for place, (message, delay) in enumerate(chunk)])

    def put_released(self, workspace: str, message: str, token: str) -> None:
        """Requests the sending of a message whose claim has to be taken back, after some seconds. UnavailableError as `put` raises it."""
        self._send([_send_entry("0", SendRequest(workspace, message, token), _RELEASE_DELAY)])

    def _send(self, entries: Sequence[dict[str, Any]]) -> None:
        # A batch call succeeds as a whole when single entries fail, and botocore does not look at them. Only the failed ones are sent
        # again: this queue has no deduplication, and each repeated record costs an invocation that finds nothing to do.
        left = entries
        for _ in backoff.attempts(_SEND_ATTEMPTS):
            with translate_errors():
                answer = client("sqs").send_message_batch(QueueUrl=self.url, Entries=left)
            failed = {failure["Id"] for failure in answer.get("Failed", [])}
            left = [entry for entry in left if entry["Id"] in failed]
            if not left:
                return
        raise UnavailableError("the send queue did not take every record")


@dataclass(frozen=True, slots=True)
class SqsReports(_StandardQueue):
    """The queue into which EventBridge puts what providers report of messages."""


@dataclass(frozen=True, slots=True)
class SqsUndeliveredTimers(_StandardQueue):
    """The dead-letter queue of EventBridge Scheduler."""

    def receive(self) -> list[UndeliveredTimer]:
        """At most ten records, which are then invisible for a minute; none if there are no more."""
        # With a wait, SQS looks at all of its servers. Without one, it may find nothing although there are records.
        with translate_errors():
            found = client("sqs", read_timeout=5).receive_message(
                QueueUrl=self.url, MaxNumberOfMessages=_BATCH_ENTRIES, WaitTimeSeconds=1, VisibilityTimeout=60
            )
        return [UndeliveredTimer(each["MessageId"], each["Body"], each["ReceiptHandle"]) for each in found.get("Messages", [])]

    def delete(self, receipt_handle: str) -> None:
        """Deletes a record that was received."""
        with translate_errors():
            client("sqs").delete_message(QueueUrl=self.url, ReceiptHandle=receipt_handle)


def _signal_entry(entry_id: str, queue_message: QueueMessage) -> dict[str, Any]:
    # The group is the customer: SQS delivers a customer's signals in order and never two at a time. The deduplication id is explicit,
    # because content-based deduplication compares bytes. It would keep the batch that a caller repeats (only its time of receipt differs),
    # and drop a record that is redriven within five minutes (its body is the same).
    return {
        "Id": entry_id,
        "MessageBody": packed(queue_message.body),
        "MessageGroupId": queue_message.group,
        "MessageDeduplicationId": queue_message.name,
    }


def _send_entry(entry_id: str, request: SendRequest, delay: timedelta) -> dict[str, Any]:
    # On a standard queue the group orders nothing. It makes the queue fair: SQS serves the workspaces in turn, so that a large backlog of
    # one workspace does not hold up the others.
    return {
        "Id": entry_id,
        "MessageBody": send_request.to_text(request),
        "DelaySeconds": _whole_seconds(min(delay, LONGEST_DELAY)),
        "MessageGroupId": request.workspace,
    }


def _whole_seconds(delay: timedelta) -> int:
    """A delay as SQS takes it, rounded up, so that nothing comes early; 0 for a time that has passed."""
    return max(math.ceil(delay.total_seconds()), 0)
