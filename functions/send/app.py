"""The send function: each SQS record names one message. Messages are sent in parallel, because a webhook may take 15 seconds."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from waypost import wiring
from waypost.redelivery import QueueRecord
from waypost.send_records import RecordSender
from waypost.telemetry import FunctionTelemetry


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Sends the messages of a batch, and reports the records that have to be received again.

    Records that may end the process come after the others, one at a time.
    """
    started, telemetry = time.monotonic(), FunctionTelemetry(context)
    sender = RecordSender(
        wiring.sending,
        wiring.dead_letters,
        wiring.started_attempts,
        wiring.send_queue,
        lambda: time.monotonic() - started,
        wiring.now,
        lambda: uuid4().hex,
        telemetry,
    )
    records = [_queue_record(SQSRecord(record)) for record in event["Records"]]
    with ThreadPoolExecutor(max_workers=max(len(records), 1)) as pool:
        results = {record.id: pool.submit(sender.process, record) for record in records if not record.is_suspect}

    def send_record(record: SQSRecord) -> None:
        if record.message_id in results:
            results[record.message_id].result()
        else:
            sender.process(_queue_record(record))

    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    response = process_partial_response(event=event, record_handler=send_record, processor=processor, context=context)
    telemetry.write_counts()
    return response


def _queue_record(record: SQSRecord) -> QueueRecord:
    return QueueRecord(record.message_id, record.body, int(record.attributes.approximate_receive_count), record.receipt_handle)
