"""The signals queue: SQS FIFO, one message group for each customer."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from waypost.adapters.aws import client, translate_errors
from waypost.domain.signals import QueueMessage

PLAIN_BYTES: Final = 48 * 1024


def pack(body: str) -> str:
    """A body as the queue carries it: ASCII JSON, or base64 of gzip where that saves the price of a second 64 KB."""
    return body if len(body) <= PLAIN_BYTES else base64.b64encode(gzip.compress(body.encode(), 6, mtime=0)).decode()


def unpack(body: str) -> str:
    """The body that `pack` was given."""
    return body if body.startswith("{") else gzip.decompress(base64.b64decode(body)).decode()


@dataclass(frozen=True, slots=True)
class SqsSignals:
    """Puts signals on the queue."""

    url: str

    def send(self, queue_messages: Sequence[QueueMessage]) -> list[QueueMessage]:
        """Puts at most ten parcels of different groups on the queue; the ones that it refused come back."""
        with translate_errors():
            answer = client("sqs", attempts=1).send_message_batch(
                QueueUrl=self.url, Entries=[_entry(str(place), queue_message) for place, queue_message in enumerate(queue_messages)]
            )
        return [queue_messages[int(failed["Id"])] for failed in answer.get("Failed", [])]

    def delay(self, receipts: Sequence[tuple[str, int]]) -> None:
        """Lets received messages come again after so many seconds; what cannot be delayed comes when its visibility ends."""
        entries = [{"Id": str(n), "ReceiptHandle": handle, "VisibilityTimeout": seconds} for n, (handle, seconds) in enumerate(receipts)]
        for start in range(0, len(entries), 10):
            with translate_errors():
                client("sqs", attempts=1).change_message_visibility_batch(QueueUrl=self.url, Entries=entries[start : start + 10])


def _entry(place: str, queue_message: QueueMessage) -> dict[str, Any]:
    return {
        "Id": place,
        "MessageBody": pack(queue_message.body),
        "MessageGroupId": queue_message.group,
        "MessageDeduplicationId": queue_message.name,
    }
