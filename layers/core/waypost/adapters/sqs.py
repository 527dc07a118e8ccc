"""The signals queue: SQS FIFO, one message group for each customer."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from waypost.adapters.aws import border, client
from waypost.domain.signals import Parcel

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

    def send(self, parcels: Sequence[Parcel]) -> list[Parcel]:
        """Puts at most ten parcels of different groups on the queue; the ones that it refused come back."""
        with border():
            answer = client("sqs", attempts=1).send_message_batch(
                QueueUrl=self.url, Entries=[_entry(str(place), parcel) for place, parcel in enumerate(parcels)]
            )
        return [parcels[int(failed["Id"])] for failed in answer.get("Failed", [])]

    def delay(self, receipts: Sequence[tuple[str, int]]) -> None:
        """Lets received messages come again after so many seconds; what cannot be delayed comes when its visibility ends."""
        entries = [{"Id": str(n), "ReceiptHandle": handle, "VisibilityTimeout": seconds} for n, (handle, seconds) in enumerate(receipts)]
        for start in range(0, len(entries), 10):
            with border():
                client("sqs", attempts=1).change_message_visibility_batch(QueueUrl=self.url, Entries=entries[start : start + 10])


def _entry(place: str, parcel: Parcel) -> dict[str, Any]:
    return {
        "Id": place,
        "MessageBody": pack(parcel.body),
        "MessageGroupId": parcel.group,
        "MessageDeduplicationId": parcel.name,
    }
