"""The delays queue: a standard queue whose consumer only forwards, because a FIFO queue delays all of its messages or none."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta

from waypost.adapters.aws import client, translate_errors
from waypost.domain.signal_codec import to_delays_record
from waypost.domain.signals import QueueMessage


@dataclass(frozen=True, slots=True)
class SqsDelays:
    """The delays queue at this address."""

    url: str

    def put(self, queue_message: QueueMessage, delay: timedelta) -> None:
        """Puts a parcel on the signals queue after a delay of at most 15 minutes, rounded up to the second."""
        seconds = max(math.ceil(delay.total_seconds()), 0)
        with translate_errors():
            client("sqs").send_message(QueueUrl=self.url, MessageBody=to_delays_record(queue_message), DelaySeconds=seconds)

    def postpone(self, receipt_handle: str, seconds: int) -> None:
        """Shows a received record again after so many seconds, in place of the queue's long visibility timeout."""
        with translate_errors():
            client("sqs").change_message_visibility(QueueUrl=self.url, ReceiptHandle=receipt_handle, VisibilityTimeout=seconds)
