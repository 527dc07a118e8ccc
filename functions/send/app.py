"""The send function: each SQS record names one message, or reports what became of one.

Messages are sent in parallel, because a webhook may take 15 seconds. The function also consumes the reports queue, because it has the
permissions that reports need.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from waypost import wiring
from waypost.redelivery import QueueRecord
from waypost.report_records import ReportRecords
from waypost.send_records import RecordSender
from waypost.telemetry import FunctionTelemetry


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Processes a batch of records, all of one queue, and reports the ones that have to be received again.

    Records of the send queue that may end the process come after the others, one at a time.
    """
    telemetry = FunctionTelemetry(context)
    is_of_reports = wiring.is_reports_queue(event["Records"][0].get("eventSourceARN", ""))
    process = _report_process(telemetry) if is_of_reports else _send_process(telemetry)
    records = [_queue_record(SQSRecord(record)) for record in event["Records"]]
    with ThreadPoolExecutor(max_workers=max(len(records), 1)) as pool:
        results = {record.id: pool.submit(process, record) for record in records if is_of_reports or not record.is_suspect}

    def process_record(record: SQSRecord) -> None:
        if record.message_id in results:
            results[record.message_id].result()
        else:
            process(_queue_record(record))

    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    response = process_partial_response(event=event, record_handler=process_record, processor=processor, context=context)
    telemetry.write_counts()
    return response


def _send_process(telemetry: FunctionTelemetry) -> Callable[[QueueRecord], None]:
    """What sends the message of a record of the send queue."""
    started = time.monotonic()
    return RecordSender(
        wiring.sending,
        wiring.dead_letters,
        wiring.started_attempts,
        wiring.send_queue,
        lambda: time.monotonic() - started,
        wiring.now,
        lambda: uuid4().hex,
        telemetry,
    ).process


def _report_process(telemetry: FunctionTelemetry) -> Callable[[QueueRecord], None]:
    """What carries out the report of a record of the reports queue."""
    return ReportRecords(wiring.reporting, wiring.inbound, wiring.reports_queue, wiring.now, telemetry).process


def _queue_record(record: SQSRecord) -> QueueRecord:
    return QueueRecord(record.message_id, record.body, int(record.attributes.approximate_receive_count), record.receipt_handle)
