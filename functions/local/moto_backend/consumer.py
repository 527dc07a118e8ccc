"""Consumes a queue as an event source mapping of Lambda does, because moto runs none.

It receives a batch, invokes the function, and deletes the records that the function did not report as failed. The others come back when
their visibility timeout ends, which the function may shorten.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from functions.local.cloud import Cloud
from functions.local.emulator import REGION
from functions.local.idle import Pending
from functions.local.moto_backend.deployment import EventSource
from functions.local.moto_backend.function_process import FunctionError, log

PAUSE: Final = 0.2  # seconds between two requests to an empty queue
IDLE_PAUSE: Final = 1.0  # the same, when no function has run for IDLE_AFTER
IDLE_AFTER: Final = 5.0  # seconds

Invoke = Callable[[dict[str, Any]], Any]


class Activity:
    """When a function last ran. Nearly every message comes from a function, so a run at rest asks its queues less often."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._last = time.monotonic()

    def noting(self, invoke: Invoke) -> Invoke:
        """The same invocation, after which all consumers ask their queues at once."""

        def invoke_and_note(event: dict[str, Any]) -> Any:
            try:
                return invoke(event)
            finally:
                self.note()

        return invoke_and_note

    def note(self) -> None:
        """Ends every pause."""
        with self._changed:
            self._last = time.monotonic()
            self._changed.notify_all()

    def pause(self) -> None:
        """Waits until a function has run, or for the time after which an empty queue is asked again."""
        with self._changed:
            self._changed.wait(PAUSE if time.monotonic() - self._last < IDLE_AFTER else IDLE_PAUSE)


class Consumer:
    """Consumes one queue, a batch at a time."""

    def __init__(self, sqs: Any, source: EventSource, invoke: Invoke) -> None:
        self.batch = threading.Lock()
        """Held from before a batch is received until its records are deleted."""
        self.deleted = 0
        """How many records were processed and deleted."""
        self._sqs = sqs
        self._source = source
        self._invoke = invoke

    @property
    def queue(self) -> str:
        """The name of the queue."""
        return self._source.queue_arn.rpartition(":")[2]

    def run(self, stop: threading.Event, activity: Activity) -> None:
        """Consumes until `stop` is set; `activity` says when to ask an empty queue again."""
        while not stop.is_set():
            try:
                with self.batch:
                    received = self.consume()
            except (BotoCoreError, ClientError) as error:
                if not stop.is_set():
                    log.error("the queue %s cannot be consumed: %s", self._source.queue_arn, error)
                received = 0
            if not received and not stop.is_set():
                activity.pause()

    def consume(self) -> int:
        """Consumes one batch; the number of its records."""
        source = self._source
        received = self._sqs.receive_message(
            QueueUrl=source.queue_url,
            MaxNumberOfMessages=source.batch_size,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        messages = received.get("Messages", [])
        if not messages:
            return 0
        try:
            response = self._invoke({"Records": [record(message, source.queue_arn) for message in messages]})
        except FunctionError as error:
            log.error("a batch of %s failed: %s", source.queue_arn, error)
            return len(messages)
        failed = failed_ids(response, [message["MessageId"] for message in messages])
        for message in messages:
            if message["MessageId"] not in failed:
                self._sqs.delete_message(QueueUrl=source.queue_url, ReceiptHandle=message["ReceiptHandle"])
                self.deleted += 1
        return len(messages)

    def unsettled(self) -> int:
        """The messages that are due. In a FIFO queue all count; in a standard queue those that wait for a later time do not.

        The caller holds `batch`, so that the function is processing no message.
        """
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counts = self._sqs.get_queue_attributes(QueueUrl=self._source.queue_url, AttributeNames=names)["Attributes"]
        counted = names if self._source.queue_arn.endswith(".fifo") else names[:1]
        return sum(int(counts[name]) for name in counted)


def record(message: dict[str, Any], queue_arn: str) -> dict[str, Any]:
    """A received message as the record that Lambda hands to a function."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": message.get("MessageAttributes", {}),
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": REGION,
    }


def failed_ids(response: Any, ids: Sequence[str]) -> frozenset[str]:
    """The ids of the failed records in a function's response to a batch, read by the rules of Lambda's partial batch responses.

    Nothing, or an empty list of failures, is success. A response of another shape, or an id that is not in the batch, fails all records.
    """
    try:
        failures = (response or {}).get("batchItemFailures") or []
        reported = frozenset(failure["itemIdentifier"] for failure in failures)
    except (AttributeError, KeyError, TypeError):
        return frozenset(ids)
    return reported if reported <= set(ids) else frozenset(ids)


class Consumers:
    """The consumers of all queues, each in a thread."""

    def __init__(self, consumers: Sequence[Consumer]) -> None:
        self._consumers = consumers

    def pending(self) -> Pending:
        """The messages that are due, by queue name, at a moment when no consumer holds a batch."""
        with ExitStack() as batches:
            for consumer in self._consumers:
                batches.enter_context(consumer.batch)
            left = {consumer.queue: consumer.unsettled() for consumer in self._consumers}
            return Pending(left, (*left.values(), *(consumer.deleted for consumer in self._consumers)))


@contextmanager
def running_consumers(
    cloud: Cloud, sources: Sequence[EventSource], functions: Mapping[str, Invoke], activity: Activity
) -> Iterator[Consumers]:
    """Consumes the queues with the functions (by logical id) until exit, which waits for the batches that are being processed.

    `activity` counts each invocation of the functions, also those by other callers.
    """
    stop = threading.Event()
    consumers = [Consumer(cloud.client("sqs"), source, functions[source.function]) for source in sources]
    threads = [threading.Thread(target=consumer.run, args=(stop, activity)) for consumer in consumers]
    for thread in threads:
        thread.start()
    try:
        yield Consumers(consumers)
    finally:
        stop.set()
        activity.note()
        for thread in threads:
            thread.join()
