"""The signals queue: SQS FIFO, one message group for each customer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from waypost.adapters.aws import client, translate_errors
from waypost.domain.signal_codec import packed
from waypost.domain.signals import QueueMessage


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
        "MessageBody": packed(queue_message.body),
        "MessageGroupId": queue_message.group,
        "MessageDeduplicationId": queue_message.name,
    }
